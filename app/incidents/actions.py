"""What changes an incident."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.audit import actions as audit
from app.core import live
from app.core.errors import Forbidden, Refused
from app.incidents import roles, timeline
from app.incidents.facts import checked
from app.incidents.models import Incident, IncidentService, Phase
from app.incidents.queries import may
from app.incidents.states import OPEN, Severity, State, is_command, needs_reason


def declare(
    session: Session,
    *,
    title: str,
    form_nonce: str,
    by: Person,
    severity: Severity = Severity.HIGH,
    trouble: str = "",
    impact: str = "",
    affected_percent: float | None = None,
    service_ids: tuple[int, ...] = (),
    began_at: datetime | None = None,
    is_drill: bool = False,
    takes_command: bool = False,
) -> Incident:
    """Open an incident. The same form sent twice gives the same incident. Invalid without a title, or begun in the future.

    The caller has looked the services up within the person's reach.
    """
    facts = checked(
        {
            "title": title,
            "severity": severity,
            "trouble": trouble,
            "impact": impact,
            "affected_percent": affected_percent,
            "began_at": began_at,
            "is_drill": is_drill,
        },
        nothing="Nothing was declared yet",
    )
    # Two submits at once: the second waits on the nonce, inserts nothing, and is given what the first one made.
    made = session.scalar(
        insert(Incident)
        .values(**facts, declared_by_id=by.id or None, form_nonce=form_nonce)
        .on_conflict_do_nothing(index_elements=["form_nonce"])
        .returning(Incident.id)
    )
    incident = session.scalars(select(Incident).where(Incident.form_nonce == form_nonce)).one()
    if made is None:
        return incident
    session.add(Phase(incident_id=incident.id, state=State.DETECTED, by=by.name))
    session.add_all(IncidentService(incident_id=incident.id, service_id=service) for service in sorted(set(service_ids)))
    timeline.record(session, incident, f"declared the incident: {incident.title}", kind="state", by=by)
    if takes_command:
        roles.take(session, incident, roles.COMMANDER, by=by)
    audit.record(session, "incident.declare", f"incident-{incident.id}", actor=by.actor, actor_name=by.name, severity=severity)
    live.tell(session, "board")
    return incident


def move(session: Session, incident: Incident, state: State, *, by: Person, reason: str = "", duplicate_of: Incident | None = None) -> None:
    """Say how far the incident is. Backwards, and into or out of an ending, only with a reason. The same state again does nothing.

    Forbidden where the move ends the incident or opens it again and the person may not command it. The line names the old
    and the new state; moment and person stand beside it.
    """
    _lock(session, incident, duplicate_of)
    old, reason = State(incident.state), reason.replace("\0", "").strip()
    if old is state:
        return
    if is_command(old, state) and not may(session, incident, Permission.COMMAND, by=by):
        raise Forbidden(f"{incident.ref} stays {old}: a commander says when an incident ends or opens again. Ask one, or add a note.")
    if needs_reason(old, state) and not reason:
        raise Refused(f"{incident.ref} is {old}. Going to {state} needs a reason; it stays {old} until one is given.", field="reason")
    if (state is State.DUPLICATE) != (duplicate_of is not None) or (duplicate_of and duplicate_of.id == incident.id):
        raise Refused(f"{incident.ref} stays {old}: name the other incident that it is a duplicate of.", field="duplicate_of")
    if duplicate_of and duplicate_of.duplicate_of_id:
        first = f"INC-{duplicate_of.duplicate_of_id}"
        raise Refused(
            f"{duplicate_of.ref} is itself a duplicate of {first}, and {incident.ref} stays {old}. Name {first}.", field="duplicate_of"
        )
    _enter(session, incident, state, reason=reason, duplicate_of=duplicate_of, by=by)
    line = (
        f"moved the incident from {old} to {state}"
        + (f" of {duplicate_of.ref}" if duplicate_of else "")
        + (f": {reason}" if reason else "")
    )
    timeline.record(session, incident, line, kind="state", by=by)
    if duplicate_of:
        timeline.record(session, duplicate_of, f"found {incident.ref} to be a duplicate of this incident", kind="state", by=by)
    audit.record(session, "incident.move", f"incident-{incident.id}", actor=by.actor, actor_name=by.name, old=old, new=state, reason=reason)
    live.tell(session, "board")


def _lock(session: Session, *incidents: Incident | None) -> None:
    """Read the rows again and hold them, in the order of their numbers: two that name each other wait and never deadlock."""
    for incident in sorted((one for one in incidents if one), key=lambda one: one.id):
        session.refresh(incident, with_for_update=True)


def _enter(session: Session, incident: Incident, state: State, *, reason: str, duplicate_of: Incident | None, by: Person) -> None:
    moment = session.scalars(select(func.now())).one()  # the transaction's, as that of the line: the line stands in the phase it opens
    session.execute(update(Phase).where(Phase.incident_id == incident.id, Phase.ended_at.is_(None)).values(ended_at=moment))
    session.add(Phase(incident_id=incident.id, state=state, by=by.name, reason=reason, began_at=moment))
    incident.state, incident.state_since = state, moment
    incident.duplicate_of_id = duplicate_of.id if duplicate_of else None
    incident.resolved_at = None if state in OPEN else (incident.resolved_at or moment)
