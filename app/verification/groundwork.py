"""What was there before: the climb that the charts show, and the baseline from before the bad release.

Prometheus remembers; for an endpoint that we scrape ourselves, the readings that the console took are the memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.catalog.models import CheckReading, Rollout
from app.core.database import Json
from app.executors.base import Context
from app.executors.checks.configs import MetricConfig
from app.executors.checks.reading import history
from app.runs.models import Run
from app.verification.contracts import config_of
from app.verification.models import Verification

SHOWN = timedelta(minutes=10)  # of what was before the first effect
MARGIN = timedelta(minutes=1)  # between the baseline and the bad release
USUAL = timedelta(minutes=30)  # over which the baseline is taken
_NEWEST = 5  # values that say how it was just before

Points = Sequence[tuple[datetime, float | None]]


@dataclass(frozen=True)
class Stretch:
    """The two stretches of the past that matter; `usual_until` is None where no good time is known."""

    shown_from: datetime
    shown_until: datetime
    acted_at: datetime
    usual_until: datetime | None

    @property
    def usual_from(self) -> datetime | None:
        return self.usual_until - USUAL if self.usual_until else None


@dataclass(frozen=True)
class Ground:
    """What one check was before: points to draw, the value just before the first effect, and the usual one."""

    points: Points = ()
    before: float | None = None
    baseline: Json | None = None  # {"value", "from", "to"}


@dataclass(frozen=True)
class Remembered:
    """Our own readings of a check, for sources that remember nothing."""

    shown: Points = field(default=())
    usual: Points = field(default=())


def stretch(session: Session, verification: Verification) -> Stretch:
    acted = verification.acted_at or verification.began_at
    good_until = _good_until(session, verification)
    usual_until = good_until - MARGIN if good_until else None
    return Stretch(acted - SHOWN, verification.began_at, acted, usual_until)


def remembered(session: Session, check_id: int | None, over: Stretch) -> Remembered:
    """Read our own readings of the check over both stretches."""
    if check_id is None:
        return Remembered()

    def between(start: datetime, end: datetime) -> Points:
        query = select(CheckReading.at, CheckReading.value).where(CheckReading.check_id == check_id, CheckReading.at.between(start, end))
        return [(at, value) for at, value in session.execute(query.order_by(CheckReading.at))]

    usual = between(over.usual_from, over.usual_until) if over.usual_from and over.usual_until else ()
    return Remembered(between(over.shown_from, over.shown_until), usual)


def lay(check: Json, ctx: Context, over: Stretch, own: Remembered) -> Ground:
    """Ask the source, or our own readings. Never raises: what cannot be had is not there."""
    config = config_of(check)
    if not isinstance(config, MetricConfig):
        return Ground()
    shown, usual = own.shown, own.usual
    if config.source == "prometheus":
        shown = history(config, ctx, over.shown_from, over.shown_until, max(2.0, config.window_s / 6))
        if config.baseline_factor and over.usual_from and over.usual_until:
            usual = history(config, ctx, over.usual_from, over.usual_until, 60.0)
    return Ground(shown, _just_before(shown, over.acted_at), _usual(usual) if config.baseline_factor else None)


def baselines(checks: Sequence[Json], grounds: Mapping[int, Ground]) -> Json:
    """As the verification keeps them: by name of the check."""
    return {checks[position]["name"]: ground.baseline for position, ground in grounds.items() if ground.baseline}


def _just_before(points: Points, acted_at: datetime) -> float | None:
    values = [value for at, value in points if value is not None and at <= acted_at]
    return median(values[-_NEWEST:]) if values else None


def _usual(points: Points) -> Json | None:
    known = [(at, value) for at, value in points if value is not None]
    if not known:
        return None
    return {"value": median(value for _, value in known), "from": known[0][0].isoformat(), "to": known[-1][0].isoformat()}


def _good_until(session: Session, verification: Verification) -> datetime | None:
    """When the good time ended: the moment at which the bad release went out.

    What ran when the run was asked for is bad, and what ran before it too while an incident names it. By hand there is no such
    knowledge: then what ran before must be good, or named by an incident; else a baseline would excuse what is broken.
    """
    target_id = verification.expected.get("target_id")
    run = session.get(Run, verification.run_id) if verification.run_id else None
    query = select(Rollout).where(Rollout.target_id == target_id).options(joinedload(Rollout.release)).order_by(Rollout.began_at.desc())
    rollouts = list(session.scalars(query.where(Rollout.began_at <= run.created_at if run else Rollout.began_at.is_not(None)).limit(20)))
    if not rollouts:
        return None
    bad, earlier = rollouts[0], rollouts[1:]
    if not run and bad.release.standing != "suspect":
        standing = earlier[0].release.standing if earlier else ""
        if standing == "good":
            return bad.began_at
        if standing != "suspect":
            return None
    for rollout in earlier:
        if rollout.release.standing != "suspect":
            break
        bad = rollout
    return bad.began_at
