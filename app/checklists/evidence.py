"""What is so, read from the floors below: runs, verifications, plans, decisions, the facts of the incident.

Each function answers for one incident with `Evidence`, with None where it is not so (yet), or with `Cannot` where no evidence of
that kind can come, because nobody measures it: then people tick, and the item says why.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, selectinload

from app.catalog.models import Check
from app.checklists.marks import Evidence
from app.checklists.models import Happening
from app.core.database import Json
from app.decisions.models import Decision
from app.incidents.models import Incident, IncidentService, Phase, TimelineEntry
from app.incidents.states import State
from app.runs.models import Plan, Run
from app.runs.states import RunState
from app.verification.models import Verification, WatchedCheck


@dataclass(frozen=True)
class Cannot:
    """Why no evidence can come, as a sentence for people."""

    why: str


Seen = Evidence | Cannot | None
Resolver = Callable[[Session, Incident], Seen]
WAYS_BACK = ("rollback", "undo")
NEVER_BEGAN = (RunState.DRAFT, RunState.AWAITING_APPROVAL, RunState.REJECTED, RunState.EXPIRED)


def severity_confirmed(session: Session, incident: Incident) -> Seen:
    """Somebody set or confirmed the severity that it has now."""
    query = select(TimelineEntry).where(TimelineEntry.incident_id == incident.id, TimelineEntry.kind == "facts")
    query = query.where(TimelineEntry.refs["severity"].astext == incident.severity).order_by(TimelineEntry.at.desc()).limit(1)
    line = session.scalars(query).first()
    if line is None:
        return None
    where = f"/incidents/{incident.id}/timeline?entry={line.id}#entry-{line.id}"
    return Evidence(f"{line.actor_name} {line.body}", where)


def impact_assessed(session: Session, incident: Incident) -> Seen:  # noqa: ARG001 - a resolver
    if incident.affected_percent is not None:
        return Evidence(f"{incident.affected_percent:g}\u00a0% of users are affected", f"/incidents/{incident.id}/facts")
    return Evidence("the impact is described", f"/incidents/{incident.id}/facts") if incident.impact else None


def decision_made(session: Session, incident: Incident) -> Seen:
    newest = select(Decision).where(Decision.incident_id == incident.id).order_by(Decision.id.desc()).limit(1)
    decision = session.scalars(newest).first()
    if decision is None:
        return None
    choice = "to roll back" if decision.choice == "rollback" else "to fix forward"
    return Evidence(f"{decision.by_name} decided {choice}", f"/incidents/{incident.id}/decision")


def plan_ready(session: Session, incident: Incident) -> Seen:
    newest = select(Plan).where(Plan.incident_id == incident.id, Plan.kind == "rollback").order_by(Plan.id.desc()).limit(1)
    plan = session.scalars(newest).first()
    return Evidence(f"plan {plan.id} is ready", f"/plans/{plan.id}") if plan and plan.state == "ready" and not plan.is_blocked else None


def rolled_back(session: Session, incident: Incident) -> Seen:
    """On every target that was to go back, the newest run did so. A run under way, a failed one and one that was taken back undo it."""
    query = (
        select(Run, Plan.kind)
        .join(Plan, Plan.id == Run.plan_id)
        .where(Run.incident_id == incident.id, Plan.kind.in_(WAYS_BACK), Run.state.not_in(NEVER_BEGAN))
        .where((Run.state != RunState.CANCELED) | Run.started_at.is_not(None))
        .ext(distinct_on(Plan.target_id))
        .order_by(Plan.target_id, Run.id.desc())
    )
    newest = session.execute(query).all()
    if not newest or any(run.state != RunState.SUCCEEDED or kind != "rollback" for run, kind in newest):
        return None
    last = max(run.id for run, _ in newest)
    return Evidence(
        f"run {last} succeeded" if len(newest) == 1 else f"{len(newest)} runs succeeded, the last is run {last}", f"/runs/{last}"
    )


def recovered(session: Session, incident: Incident) -> Seen:
    """The newest verification of every service says "recovered"."""
    found = _newest(session, incident)
    if not found or any(one.verdict != "recovered" for one in found):
        return None
    return Evidence(f"verification {found[-1].id} found it recovered", f"/verifications/{found[-1].id}")


def holds(what: str, *kinds: tuple[str, tuple[str, ...]]) -> Resolver:
    """Every watched check of these kinds holds, in the newest verification of every service. A kind is (kind, measures or none)."""

    def resolve(session: Session, incident: Incident) -> Seen:
        verifications = _newest(session, incident)
        if not verifications:
            return None if _could(session, incident, kinds) else Cannot(f"No check measures {what}.")
        watched = [(one, check) for one in verifications for check in one.checks if _is_of(kinds, check.kind, check.config)]
        if not watched:
            return Cannot(f"No check of the verification measures {what}.")
        if any(check.outcome != "pass" or check.holding_since is None for _, check in watched):
            return None
        return _told(watched)

    return resolve


def happened(*bindings: str, since: State | None = None) -> Resolver:
    """A floor above told of it; with `since`, after the incident got there for the first time."""

    def resolve(session: Session, incident: Incident) -> Seen:
        query = select(Happening).where(Happening.incident_id == incident.id, Happening.binding.in_(bindings))
        query = query.where(Happening.withdrawn_at.is_(None)).order_by(Happening.id.desc()).limit(1)
        if since:
            began = select(Phase.began_at).where(Phase.incident_id == incident.id, Phase.state == since).order_by(Phase.id).limit(1)
            query = query.where((Happening.at >= began.scalar_subquery()) | (Happening.binding != "notice.sent"))
        found = session.scalars(query).first()
        return Evidence(found.sentence, found.url) if found else None

    return resolve


def _newest(session: Session, incident: Incident) -> list[Verification]:
    """The newest verification of each service that was not stopped without a verdict."""
    query = (
        select(Verification)
        .where(Verification.incident_id == incident.id, Verification.state != "canceled")
        .ext(distinct_on(Verification.service_id))
        .order_by(Verification.service_id, Verification.id.desc())
        .options(selectinload(Verification.checks))
        .execution_options(populate_existing=True)
    )
    return sorted(session.scalars(query), key=lambda one: one.id)


def _could(session: Session, incident: Incident, kinds: Sequence[tuple[str, tuple[str, ...]]]) -> bool:
    """Whether a verification would have such a check; the version on every replica is watched without one."""
    if any(kind == "version" for kind, _ in kinds):
        return True
    touched = select(IncidentService.service_id).where(IncidentService.incident_id == incident.id)
    checks = session.scalars(select(Check).where(Check.service_id.in_(touched), Check.archived_at.is_(None)))
    return any(_is_of(kinds, check.kind, check.config) for check in checks)


def _is_of(kinds: Sequence[tuple[str, tuple[str, ...]]], kind: str, config: Json) -> bool:
    return any(kind == wanted and (not measures or config.get("measure", "value") in measures) for wanted, measures in kinds)


def _told(watched: Sequence[tuple[Verification, WatchedCheck]]) -> Evidence:
    verification, check = watched[-1]
    since = max(check.holding_since for _, check in watched if check.holding_since)
    names = f"{check.name} holds" if len(watched) == 1 else f"{len(watched)} checks hold"
    return Evidence(f"{names} since {since:%H:%M:%S} UTC", f"/verifications/{verification.id}")
