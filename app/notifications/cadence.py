"""When the next update of an incident is due. The clock is the database's: another machine's, going back, changes nothing."""

from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.policy import SYSTEM, Permission, Person
from app.audit import actions as audit
from app.core import live
from app.core.database import db_now
from app.core.errors import Conflict, Forbidden, Invalid, Refused
from app.incidents import timeline
from app.incidents.models import Incident
from app.incidents.states import OPEN, Severity
from app.notifications.models import CadenceRule, UpdateClock
from app.notifications.values import lasted, stamp

FARTHEST = timedelta(days=7)
ENDED = "the incident ended"
LONGEST_MIN = 10_080


def rule(session: Session, severity: str) -> CadenceRule:
    """How soon and how often people hear at this severity."""
    return session.get_one(CadenceRule, severity)


def rules(session: Session) -> list[CadenceRule]:
    """The rule of every severity, the worst first."""
    return [rule(session, severity) for severity in Severity]


def change_rule(session: Session, severity: str, *, first_min: int | None, every_min: int | None, by: Person) -> None:
    """Set how often people hear. Incidents that go on keep their next time until it is set or sent anew."""
    if not by.may(Permission.EDIT_PROCEDURE):
        raise Forbidden("How often people hear is set by a commander or an administrator. Nothing was changed: ask one.")
    problems = {
        f"{name}-{severity}": "Give minutes from 1 to 10,080 (a week). Nothing was saved."
        for name, value in (("first", first_min), ("every", every_min))
        if value is None or not 1 <= value <= LONGEST_MIN
    }
    if problems or first_min is None or every_min is None:
        raise Invalid(problems)
    row = rule(session, severity)
    if (row.first_min, row.every_min) != (first_min, every_min):
        row.first_min, row.every_min = first_min, every_min
        session.flush()
        audit.record(
            session, "cadence.change", f"severity-{severity}", actor=by.actor, actor_name=by.name, first_min=first_min, every_min=every_min
        )


def clock(session: Session, incident: Incident) -> UpdateClock | None:
    return session.get(UpdateClock, incident.id)


def due_at(session: Session, incident: Incident) -> datetime | None:
    """When the next update is due; None where nobody waits for one, or the incident is over."""
    found = clock(session, incident) if incident.is_open else None
    return found.due_at if found else None


def begin(session: Session, incident: Incident, *, by: Person) -> None:
    """Start the clock of an incident that was just declared. Started already: nothing happens."""
    first = timedelta(minutes=rule(session, incident.severity).first_min)
    row = {"incident_id": incident.id, "due_at": incident.declared_at + first, "severity": incident.severity, "set_by": by.name}
    session.execute(insert(UpdateClock).values(row).on_conflict_do_nothing(index_elements=["incident_id"]))


def every(session: Session, incident: Incident) -> timedelta:
    return timedelta(minutes=rule(session, incident.severity).every_min)


def sent(session: Session, incident: Incident, *, next_at: datetime | None, by: Person, by_hand: bool) -> None:
    """An update went out, and with it the promise of the next one. The caller holds the incident's row."""
    _set(session, incident, next_at, by=by, by_hand=by_hand, reason="")


def set_next(
    session: Session, incident: Incident, *, at: datetime | None, by: Person, reason: str = "", seen: datetime | None = None
) -> None:
    """Set or snooze the next update without sending one; None says that nobody waits for one. Later, or never, needs a reason.

    `seen` is the due time that the person had before their eyes: Conflict where it is another one by now.
    """
    session.refresh(incident, with_for_update=True)
    reason, before, now = " ".join(reason.replace("\0", "").split())[:500], due_at(session, incident), db_now(session)
    if not incident.is_open:
        raise Refused(f"{incident.ref} is {incident.state}, so no update is due. Nothing was changed.")
    if seen and before and abs(seen - before) > timedelta(seconds=1):
        raise Conflict(
            f"The next update is due by {stamp(before, since=now)} by now: somebody was faster. Nothing was changed; look again."
        )
    if at and not now < at <= now + FARTHEST:
        raise Refused(
            "The next update lies in the past, or more than a week ahead. Nothing was changed: choose a time from now on.", field="next"
        )
    if not reason and before and (at is None or at > before):
        raise Refused("People were promised an update. Say in a few words why it comes later; nothing was changed yet.", field="reason")
    _set(session, incident, at, by=by, by_hand=True, reason=reason)
    said = f"set the next update to {stamp(at, since=now)}" if at else "said that no further update is due"
    timeline.record(session, incident, said + (f": {reason}" if reason else ""), kind="notice", by=by)
    audit.record(
        session, "cadence.set", f"incident-{incident.id}", actor=by.actor, actor_name=by.name, at=at and at.isoformat(), reason=reason
    )


def promised(session: Session, incident: Incident) -> str:
    """ "in 4 minutes", "2 minutes late", for a sentence; nothing where no update is due."""
    at, now = due_at(session, incident), db_now(session)
    if at is None:
        return ""
    return f"in {lasted(at - now)}" if at > now else f"{lasted(now - at)} late"


def _set(session: Session, incident: Incident, at: datetime | None, *, by: Person, by_hand: bool, reason: str) -> None:
    values = {"due_at": at, "severity": incident.severity, "by_hand": by_hand, "set_by": by.name, "set_at": func.now(), "reason": reason}
    row = insert(UpdateClock).values(incident_id=incident.id, **values)
    session.execute(row.on_conflict_do_update(index_elements=["incident_id"], set_=values))
    found = session.get(UpdateClock, incident.id)
    if found:
        session.refresh(found)
    live.tell(session, f"incident-{incident.id}", f"notices-{incident.id}", "board")


def follow(session: Session) -> None:
    """What the clocks learn from their incidents: a graver severity shortens a promise that nobody set by hand; an end stops the clock."""
    is_open = Incident.state.in_(sorted(OPEN))
    other = or_(UpdateClock.severity != Incident.severity, ~is_open)
    moved = select(Incident, UpdateClock).join(UpdateClock, UpdateClock.incident_id == Incident.id)
    due, reopened = UpdateClock.due_at.is_not(None), (UpdateClock.due_at.is_(None) & (UpdateClock.reason == ENDED) & is_open)
    # the incident's row before the clock's, in the order of every verb
    rows = session.execute(moved.where(or_(due & other, reopened)).limit(50).with_for_update(skip_locked=True)).all()
    for incident, found in rows:
        _follow(session, incident, found)


def _follow(session: Session, incident: Incident, found: UpdateClock) -> None:
    if not incident.is_open:
        _set(session, incident, None, by=SYSTEM, by_hand=False, reason=ENDED)
        return
    soonest = db_now(session) + every(session, incident)
    at = soonest if found.due_at is None else found.due_at if found.by_hand else min(found.due_at, soonest)
    if found.due_at is not None and at != found.due_at:
        line = f"moved the next update to {stamp(at, since=at)}, since the severity is {incident.severity} now"
        timeline.record(session, incident, line, kind="notice", by=SYSTEM, is_system=True)
    _set(session, incident, at, by=SYSTEM, by_hand=found.by_hand, reason="")
