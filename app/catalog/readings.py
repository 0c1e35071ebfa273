"""What the checks said lately, and the rule that makes a release good: its checks held for long enough without a break."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, true
from sqlalchemy.orm import Session, aliased

from app.catalog import queries, releases
from app.catalog.models import Check, CheckReading, Rollout, Service, Target
from app.core import live
from app.core.settings import settings
from app.executors.checks.figures import span
from app.executors.checks.readings import Reading

KEPT = timedelta(days=2)
_MISSED = 4  # so many looks in a row that did not happen are a break


def take(session: Session, service: Service, taken: Mapping[int, Reading], *, at: datetime) -> None:
    """Write down one round of readings, by id of the check, and judge what runs by it.

    Two rounds at once: the second waits for the service's row, and a round that began before the newest one is dropped.
    """
    session.execute(select(Service.id).where(Service.id == service.id).with_for_update(key_share=True))
    checks = [check for check in queries.checks_of(session, service) if check.id in taken]
    before = _newest_at(session, checks)
    if before and before >= at:
        return
    last = newest(session, checks)
    for check in checks:
        reading = taken[check.id]
        session.add(CheckReading(check_id=check.id, at=at, outcome=reading.outcome, value=reading.value, sentence=reading.sentence))
        check.earlier = reading.parts if "scrapes" in reading.parts else {}
    session.execute(delete(CheckReading).where(CheckReading.check_id.in_([c.id for c in checks]), CheckReading.at < at - KEPT))
    session.flush()
    required = [taken[check.id].outcome == "pass" for check in checks if check.required]
    _judge(session, service, held=bool(required) and all(required), unbroken_since=before, at=at)
    live.tell(session, f"service-{service.id}")
    # a list of many services is drawn again when something is wrong or has turned, not with every good reading
    if any(reading.outcome != "pass" or key not in last or last[key].outcome != "pass" for key, reading in taken.items()):
        live.tell(session, "services", "board")


def newest(session: Session, checks: Iterable[Check]) -> dict[int, CheckReading]:
    """The last reading of each check, by id of the check; none for a check that nobody has read yet."""
    # one step into the index for each check, not a sort of two days of readings
    last = select(CheckReading).where(CheckReading.check_id == Check.id).order_by(CheckReading.at.desc()).limit(1).lateral()
    query = select(aliased(CheckReading, last)).select_from(Check).join(last, true()).where(Check.id.in_([check.id for check in checks]))
    return {reading.check_id: reading for reading in session.scalars(query)}


def series(session: Session, checks: Iterable[Check], *, minutes: int = 60) -> dict[int, list[CheckReading]]:
    """The readings of the last minutes by id of the check, oldest first: what a sparkline draws."""
    found: dict[int, list[CheckReading]] = {check.id: [] for check in checks}
    query = (
        select(CheckReading)
        .where(CheckReading.check_id.in_(found), CheckReading.at > func.now() - timedelta(minutes=minutes))
        .order_by(CheckReading.at, CheckReading.id)
    )
    for reading in session.scalars(query):
        found[reading.check_id].append(reading)
    return found


def proven_by_checks(targets: Iterable[Target]) -> list[Target]:
    """The targets that the service's checks speak of: production where there is one, since that is what checks look at."""
    targets = list(targets)
    return [target for target in targets if target.environment == "production"] or targets


def _judge(session: Session, service: Service, *, held: bool, unbroken_since: datetime | None, at: datetime) -> None:
    gap = timedelta(seconds=settings().observe_every_s * _MISSED)
    went_on = unbroken_since is not None and at - unbroken_since <= gap
    targets = {target.id: target for target in proven_by_checks(queries.targets_of(session, service))}
    for target_id, rollout in queries.running_on(session, targets.values()).items():
        # while old and new replicas serve side by side, the checks prove neither
        if not held or not targets[target_id].seen.get("settled"):
            rollout.holding_since = None
            continue
        if rollout.holding_since is None or not went_on:
            rollout.holding_since = max(at, rollout.began_at)
        _prove(session, service, rollout, at=at)
    session.flush()


def _prove(session: Session, service: Service, rollout: Rollout, *, at: datetime) -> None:
    if rollout.holding_since and at - rollout.holding_since >= timedelta(seconds=service.good_after_s):
        releases.proved(session, rollout.release, reason=f"all its checks held for {span(service.good_after_s)}")


def _newest_at(session: Session, checks: list[Check]) -> datetime | None:
    return session.scalar(select(func.max(CheckReading.at)).where(CheckReading.check_id.in_([check.id for check in checks])))
