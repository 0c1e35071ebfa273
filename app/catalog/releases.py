"""What ran on a target, what runs now, and where it can go back to.

A release is told from another by its digest, so a restart is not a new one. Our own sealed copy is what a rollback uses:
the cluster may have forgotten it. The order "newest" means "ran last, as far as we know", never the number of a revision.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import and_, extract, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased, joinedload

from app.accounts.policy import Person
from app.audit import actions as audit
from app.catalog.models import Release, Rollout, Target
from app.core import live
from app.core.clock import now
from app.core.database import Json
from app.core.errors import Refused
from app.core.sealing import seal, unseal

STANDINGS = ("unproven", "good", "suspect")
_NEWEST = (Release.last_seen_at.desc(), Release.id.desc())


@dataclass(frozen=True)
class Sighting:
    """One release as a target shows it. `body` may hold secrets and is sealed; `facts` are masked, for pages."""

    digest: str
    version: str
    body: Any
    facts: Json = field(default_factory=dict)
    made_at: datetime | None = None
    went_out_at: datetime | None = None  # when it first began to run there, where the target tells


@dataclass(frozen=True)
class Offer:
    """Where a rollback leads: *last good*, or, unproven, the best there is. `why` is the sentence beside the button."""

    release: Release
    proven: bool
    why: str


def record(
    session: Session,
    target: Target,
    *,
    running: Sighting,
    remembered: Sequence[Sighting] = (),
    at: datetime | None = None,
    by: str = "observed",
) -> Rollout:
    """Note what runs, and what the target remembers (oldest first), as seen at `at`. Returns the open rollout.

    Two looks at once: the second waits for the target's row, then finds what the first one wrote; a look that began
    before the newest one ended is history and changes nothing but what it adds.
    """
    at = at or now()
    session.execute(select(Target.id).where(Target.id == target.id).with_for_update(key_share=True))
    open_one = current(session, target)
    newest = _import(session, target, [known for known in remembered if known.digest != running.digest], at)
    if open_one and open_one.release.digest == running.digest:
        open_one.release.last_seen_at = max(open_one.release.last_seen_at, at)
        return open_one
    if open_one and open_one.began_at > at:
        return open_one
    release = session.scalar(select(Release).where(Release.target_id == target.id, Release.digest == running.digest))
    release = release or _add(session, target, running, origin="observed", ran_at=at)
    return _take_over(session, target, release, open_one, replaced=newest, went_out_at=running.went_out_at, at=at, by=by)


def deployed(session: Session, target: Target, release: Release, *, by: str, at: datetime | None = None) -> Rollout:
    """Note that a run of ours ("run-12") put a known release there, without waiting for the next look."""
    at = at or now()
    session.execute(select(Target.id).where(Target.id == target.id).with_for_update(key_share=True))
    open_one = current(session, target)
    if open_one and open_one.release_id == release.id:
        if open_one.by == "observed" and open_one.began_at <= at:
            open_one.by = by
        return open_one
    return _take_over(session, target, release, open_one, replaced=None, went_out_at=None, at=at, by=by)


def current(session: Session, target: Target) -> Rollout | None:
    """What runs on the target now, with its release and the one that it replaced."""
    query = (
        select(Rollout)
        .where(Rollout.target_id == target.id, Rollout.ended_at.is_(None))
        .options(joinedload(Rollout.release), joinedload(Rollout.replaced))
    )
    return session.scalar(query)


def releases_of(session: Session, target: Target, *, limit: int = 100) -> list[Release]:
    """Every release that we can return to, the one that ran last first."""
    return list(session.scalars(select(Release).where(Release.target_id == target.id).order_by(*_NEWEST).limit(limit)))


def rollouts_of(session: Session, release: Release, *, limit: int = 20) -> list[Rollout]:
    """When the release ran, newest first."""
    query = select(Rollout).where(Rollout.release_id == release.id).order_by(Rollout.began_at.desc()).limit(limit)
    return list(session.scalars(query))


def ran_for(session: Session, release: Release) -> float:
    """Seconds that the release ran in all, until now where it still does."""
    ran = func.sum(extract("epoch", func.coalesce(Rollout.ended_at, func.now()) - Rollout.began_at))
    return float(session.scalar(select(ran).where(Rollout.release_id == release.id)) or 0)


def offer(session: Session, target: Target) -> Offer | None:
    """*Last good*: the newest good release that differs from what runs.

    Where nothing is good yet, the newest differing one that nobody suspects, unproven. None where there is neither, or
    where it is not known what runs.
    """
    return offers(session, [target]).get(target.id)


def offers(session: Session, targets: Iterable[Target]) -> dict[int, Offer]:
    """*Last good* of each of these targets, by target id; one query for all."""
    running = aliased(Release)
    query = (
        select(Release, running)
        .ext(distinct_on(Release.target_id))
        .join(Rollout, and_(Rollout.target_id == Release.target_id, Rollout.ended_at.is_(None)))
        .join(running, running.id == Rollout.release_id)
        .where(Release.target_id.in_([target.id for target in targets]))
        .where(Release.id != running.id, Release.standing != "suspect")
        .order_by(Release.target_id, Release.standing != "good", *_NEWEST)
    )
    return {release.target_id: _offered(release, runs) for release, runs in session.execute(query)}


def mark(session: Session, release: Release, standing: str, *, reason: str, by: Person) -> None:
    """A person's word on a release, with the reason. Refused without one, since others will act on it."""
    reason = reason.strip()
    if standing not in STANDINGS:
        raise Refused(f"A release is good, suspect or unproven. {release.version} is still {release.standing}.", field="standing")
    if not reason:
        raise Refused(
            f"{release.version} is still {release.standing}: say in a few words why it should be {standing}, for those who act on it.",
            field="reason",
        )
    _stand(session, release, standing, reason=reason, by=by.name)
    audit.record(
        session,
        "release.mark",
        f"release-{release.id}",
        actor=by.actor,
        actor_name=by.name,
        version=release.version,
        standing=standing,
        reason=reason,
    )


def suspect(session: Session, release: Release, *, incident_ref: str, by: Person) -> None:
    """An incident names the release. One that is suspect already keeps its first reason."""
    session.refresh(release, ["standing"], with_for_update={"key_share": True})
    if release.standing != "suspect":
        mark(session, release, "suspect", reason=f"named by {incident_ref}", by=by)


def proved(session: Session, release: Release, *, reason: str) -> None:
    """The checks held for long enough. A suspect release stays suspect: only a person, with a reason, clears it."""
    session.refresh(release, ["standing"], with_for_update={"key_share": True})
    if release.standing == "unproven":
        _stand(session, release, "good", reason=reason, by="checks")


def template(release: Release) -> Json:
    """The exact thing to return to, opened. Runner only: no other process holds the key."""
    if release.sealed is None:
        raise Refused(f"The console holds no copy of {release.version}, so it cannot be put back. Choose another release.")
    body: Json = unseal(release.sealed)
    return body


def _import(session: Session, target: Target, remembered: Sequence[Sighting], at: datetime) -> Release | None:
    """Add what the target remembers and we do not; the newest of them. Each began no earlier than the one before it."""
    newest, ran_at = None, None
    digests = [sighting.digest for sighting in remembered]
    known = {row.digest: row for row in session.scalars(select(Release).where(Release.target_id == target.id, Release.digest.in_(digests)))}
    for sighting in remembered:
        ran_at = max(filter(None, (ran_at, sighting.made_at)), default=None)
        newest = known.get(sighting.digest) or _add(session, target, sighting, origin="imported", ran_at=min(ran_at or at, at))
    return newest


def _add(session: Session, target: Target, sighting: Sighting, *, origin: str, ran_at: datetime) -> Release:
    release = Release(
        target_id=target.id,
        version=sighting.version,
        digest=sighting.digest,
        sealed=seal(sighting.body),
        facts=sighting.facts,
        origin=origin,
        made_at=sighting.made_at,
        last_seen_at=ran_at,
    )
    session.add(release)
    session.flush()
    return release


def _take_over(
    session: Session,
    target: Target,
    release: Release,
    old: Rollout | None,
    *,
    replaced: Release | None,
    went_out_at: datetime | None,
    at: datetime,
    by: str,
) -> Rollout:
    """End what ran and begin what runs."""
    after = old.began_at if old else replaced.last_seen_at if replaced else None
    began = _beginning(went_out_at, at, after, seen_before=old is not None)
    if old:
        old.ended_at = began
        session.flush()  # the old one ends before the new one begins: at most one is open
    release.last_seen_at = at
    rollout = Rollout(
        target_id=target.id,
        release_id=release.id,
        replaced_id=old.release_id if old else replaced.id if replaced else None,
        began_at=began,
        by=by,
    )
    session.add(rollout)
    session.flush()
    live.tell(session, "services", f"service-{target.service_id}", "board")
    session.refresh(rollout, ["release", "replaced"])
    return rollout


def _beginning(went_out_at: datetime | None, at: datetime, after: datetime | None, *, seen_before: bool) -> datetime:
    """When a release began to run: when it went out, where we did not see anything else run since.

    A release that went out earlier came back: by this look or, before our first one, after the one that it replaced.
    """
    if went_out_at is None or went_out_at > at:
        return at
    if after is None or went_out_at > after:
        return went_out_at
    return at if seen_before else after


def _stand(session: Session, release: Release, standing: str, *, reason: str, by: str) -> None:
    release.standing, release.standing_reason, release.standing_by, release.standing_at = standing, reason, by, now()
    session.flush()
    service_id = session.scalar(select(Target.service_id).where(Target.id == release.target_id))
    live.tell(session, "services", f"service-{service_id}", "board")


def _offered(release: Release, running: Release) -> Offer:
    proven = release.standing == "good"
    return Offer(release, proven, _why_good(release) if proven else _why_unproven(running))


def _why_good(release: Release) -> str:
    on = f" on {release.standing_at:%-d %B}" if release.standing_at else ""
    if release.standing_by == "checks":
        return f"The newest good release that differs from what runs: {release.standing_reason}{on}."
    return f"The newest good release that differs from what runs: marked good by {release.standing_by}{on} ({release.standing_reason})."


def _why_unproven(running: Release) -> str:
    return f"No other release has been proven good yet. This is the newest one that differs from {running.version}, so it is unproven."
