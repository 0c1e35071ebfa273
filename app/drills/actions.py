"""What changes a drill: its signal, its facts, who leads it, its end."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.audit import actions as audit
from app.catalog.models import Service, Target
from app.core import live
from app.core.database import db_now
from app.core.errors import Forbidden, Refused
from app.drills import following, grounds, queries
from app.drills.models import Drill, DrillScript, Inject
from app.drills.scripts import one_line
from app.incidents import timeline
from app.incidents.models import Incident


def start(
    session: Session,
    script: DrillScript,
    service: Service,
    *,
    target: Target | None,
    form_nonce: str,
    accepts_production: bool = False,
    by: Person,
) -> Drill:
    """Give the signal. The same form sent twice gives the same drill.

    Refused where a drill of the service goes on, where the script is for another one, or where the target is not there to
    practise on and nobody said that they know.
    """
    _, version = queries.get_script(session, script.id)
    if script.archived_at or version.service_id not in (None, service.id):
        raise Refused("That script is not for this service, or was put away. Nothing was started: choose another one.", field="script")
    if target and not grounds.is_for_practice(target) and not accepts_production:
        raise Refused(
            f"The target in {target.environment} is not there to practise on: going back in this drill changes what people use. "
            "Nothing was started: choose another target, or say that you know.",
            field="accepts_production",
        )
    facts = {
        "script_id": script.id,
        "version": version.number,
        "name": version.name,
        "signal": version.signal,
        "service_id": service.id,
        "target_id": target.id if target else None,
        "accepts_production": target is not None and not grounds.is_for_practice(target),
        "facilitator_id": by.id or None,
        "facilitator": by.name,
        "form_nonce": form_nonce,
    }
    # Two starts at once: the second waits for the first one's commit, inserts nothing, and is given that drill or told of it.
    made = session.scalar(insert(Drill).values(facts).on_conflict_do_nothing().returning(Drill.id))
    if made is None:
        return _started_already(session, service, form_nonce)
    drill = session.get_one(Drill, made)
    for position, fact in enumerate(version.injects, start=1):
        due_at = drill.started_at + timedelta(minutes=fact["minute"])
        session.add(Inject(drill_id=drill.id, position=position, minute=fact["minute"], text=fact["text"], due_at=due_at))
    session.flush()
    _tell(session, drill)
    about = {"script": version.name, "service": service.slug, "target": facts["target_id"], "accepts_production": drill.accepts_production}
    audit.record(session, "drill.start", f"drill-{drill.id}", actor=by.actor, actor_name=by.name, **about)
    return drill


def inject(session: Session, drill: Drill, fact: Inject, *, by: Person) -> None:
    """Tell a fact now. Told already: nothing happens. Refused for anybody but the facilitator, and after the end."""
    _hold(session, drill, by=by)
    session.refresh(fact)
    if fact.state == "waiting":
        following.deliver(session, drill, fact, by=by)


def skip(session: Session, drill: Drill, fact: Inject, *, by: Person) -> None:
    """Leave a fact out. Done already: nothing happens."""
    _hold(session, drill, by=by)
    session.refresh(fact)
    if fact.state == "waiting":
        fact.state, fact.done_at, fact.done_by = "skipped", db_now(session), by.name
        session.flush()
        _tell(session, drill)


def take_over(session: Session, drill: Drill, *, by: Person) -> None:
    """Lead the drill from here on, and see its script. Led already: nothing happens."""
    _lock(session, drill)
    if drill.ended_at or drill.facilitator_id == by.id:
        return
    before, drill.facilitator_id, drill.facilitator = drill.facilitator, by.id or None, by.name
    session.flush()
    if incident := _incident(session, drill):
        timeline.record(session, incident, f"leads the drill from here on, after {before}", kind="drill", by=by, drill=drill.id)
    _tell(session, drill)
    audit.record(session, "drill.take_over", f"drill-{drill.id}", actor=by.actor, actor_name=by.name, before=before)


def end(session: Session, drill: Drill, *, reason: str = "", by: Person) -> None:
    """Call the drill off or call it done: no further fact is told. Ended already: nothing happens. The incident goes on by itself."""
    _lock(session, drill)
    if drill.ended_at is None:
        _leads(drill, by)
        following.close(session, drill, reason=one_line(reason)[:500], by=by)


def _started_already(session: Session, service: Service, form_nonce: str) -> Drill:
    if same := session.scalar(select(Drill).where(Drill.form_nonce == form_nonce)):
        return same
    other = session.scalar(select(Drill).where(Drill.service_id == service.id, Drill.ended_at.is_(None)))
    who = f"{other.facilitator} leads “{other.name}” on {service.name}" if other else f"A drill goes on on {service.name}"
    raise Refused(f"{who} at the moment. Nothing was started: take part in that one, or wait for its end.")


def _hold(session: Session, drill: Drill, *, by: Person) -> None:
    _lock(session, drill)
    if drill.ended_at:
        raise Refused("The drill is over, so nothing more is told.")
    _leads(drill, by)


def _lock(session: Session, drill: Drill) -> None:
    """The incident's row before the drill's, in the order of every verb."""
    if drill.incident_id:
        session.execute(select(Incident.id).where(Incident.id == drill.incident_id).with_for_update())
    session.refresh(drill, with_for_update=True)


def _leads(drill: Drill, by: Person) -> None:
    if drill.facilitator_id != (by.id or None):
        raise Refused(f"{drill.facilitator} leads this drill. Nothing was changed: lead it yourself first, which shows you the script.")
    if not by.may(Permission.EDIT_PROCEDURE, {drill.service_id}):
        raise Forbidden("You may not lead drills of this service any more. Nothing was changed: a commander can lead it.")


def _incident(session: Session, drill: Drill) -> Incident | None:
    return session.get(Incident, drill.incident_id) if drill.incident_id else None


def _tell(session: Session, drill: Drill) -> None:
    live.tell(session, f"drill-{drill.id}", "board")
