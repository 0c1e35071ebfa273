"""A drill follows its script by the database's clock: it takes its incident, tells what is due, and ends with the incident."""

from datetime import timedelta

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from app.accounts.policy import SYSTEM, Person
from app.audit import actions as audit
from app.core import live
from app.core.database import db_now
from app.drills.models import Drill, Inject
from app.incidents import timeline
from app.incidents.models import Incident, IncidentService
from app.incidents.states import OPEN, OVER

FORGOTTEN = timedelta(days=1)  # a drill that nobody ended for this long


def declared(session: Session, incident: Incident) -> Drill | None:
    """Give the incident to the drill that waits on one of its services, where it is marked as a drill. Given already: that one.

    The caller holds the incident's row, or made it in this transaction.
    """
    if not incident.is_drill:
        return None
    if taken := session.scalar(select(Drill).where(Drill.incident_id == incident.id)):
        return taken
    services = select(IncidentService.service_id).where(IncidentService.incident_id == incident.id)
    waiting = select(Drill).where(Drill.ended_at.is_(None), Drill.incident_id.is_(None), Drill.service_id.in_(services))
    # Two incidents at once: the second waits for the drill's row, and then finds that it has an incident.
    drill = session.scalar(waiting.where(Drill.started_at <= incident.declared_at).order_by(Drill.id).limit(1).with_for_update())
    if drill is None:
        return None
    drill.incident_id = incident.id
    session.flush()
    line = f"made this the incident of the drill “{drill.name}”, which {drill.facilitator} leads. The signal was: {drill.signal}"
    timeline.record(session, incident, line, kind="drill", by=SYSTEM, at=drill.started_at, drill=drill.id)
    told = select(Inject).where(Inject.drill_id == drill.id, Inject.state == "injected").order_by(Inject.position)
    for fact in session.scalars(told):
        _write(session, drill, incident, fact, by=_facilitator(drill))
    live.tell(session, f"drill-{drill.id}")
    return drill


def sweep(session: Session) -> None:
    """Do what the clock or an incident asks of the drills that go on. Any number at once: rows that somebody works on are passed over."""
    for marked in session.scalars(_to_take()).all():
        declared(session, marked)
    for drill_id, incident_id in session.execute(_to_follow()).all():
        # the incident's row before the drill's, in the order of every verb
        held = select(Incident).where(Incident.id == incident_id).with_for_update(skip_locked=True)
        incident = session.scalar(held.execution_options(populate_existing=True)) if incident_id else None
        if incident_id and incident is None:
            continue
        locked = select(Drill).where(Drill.id == drill_id).with_for_update(skip_locked=True)
        drill = session.scalar(locked.execution_options(populate_existing=True))
        if drill and drill.ended_at is None and drill.incident_id == incident_id:
            _follow(session, drill, incident)


def deliver(session: Session, drill: Drill, fact: Inject, *, by: Person) -> None:
    """Tell a waiting fact: on the drill's page, and on the timeline where there is an incident. The caller holds both rows."""
    fact.state, fact.done_at, fact.done_by = "injected", db_now(session), by.name
    session.flush()
    if incident := session.get(Incident, drill.incident_id) if drill.incident_id else None:
        _write(session, drill, incident, fact, by=by)
    live.tell(session, f"drill-{drill.id}")


def close(session: Session, drill: Drill, *, reason: str, by: Person) -> None:
    """End a drill that goes on, and skip what it did not tell. The caller holds its row, and that of its incident."""
    moment = db_now(session)
    drill.ended_at, drill.ended_by, drill.end_reason = moment, by.name, reason
    waiting = select(Inject).where(Inject.drill_id == drill.id, Inject.state == "waiting")
    for fact in session.scalars(waiting.execution_options(populate_existing=True)):
        fact.state, fact.done_at, fact.done_by = "skipped", moment, by.name
    session.flush()
    if incident := session.get(Incident, drill.incident_id) if drill.incident_id else None:
        line = f"ended the drill “{drill.name}”" + (f": {reason}" if reason else "")
        timeline.record(session, incident, line, kind="drill", by=by, drill=drill.id)
    live.tell(session, f"drill-{drill.id}", "board")
    audit.record(session, "drill.end", f"drill-{drill.id}", actor=by.actor, actor_name=by.name, reason=reason)


def _to_take() -> Select[Incident]:
    """Incidents that were marked as drills after they were declared, while a drill waits for one."""
    waits = (Drill.service_id == IncidentService.service_id, Drill.ended_at.is_(None), Drill.incident_id.is_(None))
    taken = select(Drill.id).where(Drill.incident_id == Incident.id).correlate(Incident)
    query = select(Incident).join(IncidentService, IncidentService.incident_id == Incident.id).join(Drill, and_(*waits))
    query = query.where(Incident.is_drill, Incident.state.in_(sorted(OPEN)), Incident.declared_at >= Drill.started_at, ~exists(taken))
    return query.order_by(Incident.id).limit(20).with_for_update(of=Incident, skip_locked=True)


def _to_follow() -> Select[int, int | None]:
    """The drills that have something to tell or to end with, and their incidents."""
    due = select(Inject.id).where(Inject.drill_id == Drill.id, Inject.state == "waiting", Inject.due_at <= func.clock_timestamp())
    forgotten = Drill.started_at < func.clock_timestamp() - FORGOTTEN
    query = select(Drill.id, Drill.incident_id).outerjoin(Incident, Incident.id == Drill.incident_id).where(Drill.ended_at.is_(None))
    return query.where(or_(exists(due.correlate(Drill)), Incident.state.in_(sorted(OVER)), forgotten)).order_by(Drill.id).limit(20)


def _follow(session: Session, drill: Drill, incident: Incident | None) -> None:
    if incident and not incident.is_open:
        close(session, drill, reason=f"{incident.ref} is {incident.state}", by=SYSTEM)
    elif db_now(session) - drill.started_at > FORGOTTEN:
        close(session, drill, reason="nobody ended it for a day", by=SYSTEM)
    else:
        due = select(Inject).where(Inject.drill_id == drill.id, Inject.state == "waiting", Inject.due_at <= func.clock_timestamp())
        for fact in session.scalars(due.order_by(Inject.position).execution_options(populate_existing=True)):
            deliver(session, drill, fact, by=_facilitator(drill))


def _write(session: Session, drill: Drill, incident: Incident, fact: Inject, *, by: Person) -> None:
    told, at = f"tells for the drill: {fact.text}", fact.done_at
    timeline.record(session, incident, told, kind="drill", by=by, at=at, drill=drill.id, injected=fact.position)


def _facilitator(drill: Drill) -> Person:
    return Person(id=drill.facilitator_id or 0, name=drill.facilitator)
