"""What changes an incident."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.audit import actions as audit
from app.core import live
from app.core.clock import now
from app.core.errors import Refused
from app.incidents import timeline
from app.incidents.models import Incident, IncidentService, Phase
from app.incidents.states import OPEN, Severity, State, needs_reason


def declare(
    session: Session,
    *,
    title: str,
    form_nonce: str,
    by: Person,
    severity: Severity = Severity.HIGH,
    impact: str = "",
    affected_percent: float | None = None,
    service_ids: tuple[int, ...] = (),
    began_at: datetime | None = None,
    is_drill: bool = False,
) -> Incident:
    """Open an incident. The same form sent twice gives the same incident. Refused without a title, or begun in the future."""
    title = title.strip()
    if not 1 <= len(title) <= 200:
        raise Refused("An incident needs a title of 1 to 200 characters. Nothing was declared yet.", field="title")
    if affected_percent is not None and not 0 <= affected_percent <= 100:
        raise Refused("The share of users is a number from 0 to 100. Nothing was declared yet.", field="affected_percent")
    if began_at and began_at > now():
        raise Refused("The beginning lies in the future. Nothing was declared yet: leave it empty if it is unknown.", field="began_at")
    facts = {"title": title, "severity": severity, "impact": impact.strip(), "affected_percent": affected_percent, "is_drill": is_drill}
    # Two submits at once: the second waits on the nonce, inserts nothing, and is given what the first one made.
    made = session.scalar(
        insert(Incident)
        .values(**facts, began_at=began_at, declared_by_id=by.id or None, form_nonce=form_nonce)
        .on_conflict_do_nothing(index_elements=["form_nonce"])
        .returning(Incident.id)
    )
    incident = session.scalars(select(Incident).where(Incident.form_nonce == form_nonce)).one()
    if made is None:
        return incident
    session.add(Phase(incident_id=incident.id, state=State.DETECTED, by=by.name))
    session.add_all(IncidentService(incident_id=incident.id, service_id=service) for service in sorted(set(service_ids)))
    timeline.record(session, incident, f"declared the incident: {title}", kind="state", by=by)
    audit.record(session, "incident.declare", f"incident-{incident.id}", actor=by.actor, actor_name=by.name, severity=severity)
    live.tell(session, "board")
    return incident


def move(session: Session, incident: Incident, state: State, *, by: Person, reason: str = "", duplicate_of: Incident | None = None) -> None:
    """Say how far the incident is. Backwards, and into or out of an ending, only with a reason. The same state again does nothing.

    The line names the old and the new state; moment and person stand beside it.
    """
    session.refresh(incident, with_for_update=True)
    old, reason = State(incident.state), reason.strip()
    if old is state:
        return
    if needs_reason(old, state) and not reason:
        raise Refused(f"{incident.ref} is {old}. Going to {state} needs a reason; it stays {old} until one is given.", field="reason")
    if (state is State.DUPLICATE) != (duplicate_of is not None) or (duplicate_of and duplicate_of.id == incident.id):
        raise Refused(f"{incident.ref} stays {old}: name the other incident that it is a duplicate of.", field="duplicate_of")
    moment = now()
    session.execute(update(Phase).where(Phase.incident_id == incident.id, Phase.ended_at.is_(None)).values(ended_at=moment))
    session.add(Phase(incident_id=incident.id, state=state, by=by.name, reason=reason, began_at=moment))
    incident.state, incident.state_since = state, moment
    incident.duplicate_of_id = duplicate_of.id if duplicate_of else None
    incident.resolved_at = None if state in OPEN else (incident.resolved_at or moment)
    line = f"moved the incident from {old} to {state}" + (f": {reason}" if reason else "")
    timeline.record(session, incident, line, kind="state", by=by)
    audit.record(session, "incident.move", f"incident-{incident.id}", actor=by.actor, actor_name=by.name, old=old, new=state, reason=reason)
    live.tell(session, "board")
