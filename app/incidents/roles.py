"""Roles of an incident: who commands, who speaks, who writes, and free ones. One holder a role."""

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.accounts.models import User
from app.accounts.policy import Permission, Person
from app.audit import actions as audit
from app.core import live
from app.core.clock import now
from app.core.errors import Conflict, Forbidden, Refused
from app.incidents import timeline
from app.incidents.models import Incident, RoleHolder
from app.incidents.queries import may, people

COMMANDER = "commander"
COMMS = "comms"
SCRIBE = "scribe"
NAMES = {COMMANDER: "commander", COMMS: "communications lead", SCRIBE: "scribe"}  # in the order of pages


def name_of(role: str) -> str:
    """How a sentence calls the role: free ones by their own word."""
    return NAMES.get(role, role)


def take(session: Session, incident: Incident, role: str, *, by: Person) -> RoleHolder:
    """Take a free role. Held by oneself already: nothing happens. Refused where somebody else holds it."""
    session.refresh(incident, with_for_update=True)  # two at once: the second waits here and sees the first
    role = _checked(role)
    holder = holder_of(session, incident, role)
    if holder and holder.user_id == by.id:
        return holder
    if holder:
        raise Refused(
            f"{holder.user.name} is {name_of(role)} of {incident.ref} since {holder.since:%H:%M} UTC. "
            "Ask for a hand-over; a commander can also hand the role over in their absence.",
            field="role",
        )
    line = "took command" if role == COMMANDER else f"took the role of {name_of(role)}"
    return _begin(session, incident, role, user_id=by.id, line=line, briefing="", by=by)


def hand_over(
    session: Session, incident: Incident, role: str, *, to: int, briefing: str, by: Person, holder_id: int | None = None
) -> RoleHolder:
    """Give a held role to the person `to`, with a line that briefs them. Refused without the line, or where the role is free.

    Who holds it hands it over; a commander may in their absence. `holder_id` is the holding that the person had before their
    eyes: where it has ended meanwhile, Conflict.
    """
    session.refresh(incident, with_for_update=True)  # two hand-overs at once: the second waits here and finds its `holder_id` ended
    role, briefing = _checked(role), " ".join(briefing.replace("\0", "").split())
    holder = holder_of(session, incident, role)
    if holder is None:
        raise Refused(f"Nobody is {name_of(role)} of {incident.ref} now, so nothing was handed over. Take the role instead.", field="role")
    if holder_id is not None and holder.id != holder_id:
        raise Conflict(
            f"{holder.user.name} is {name_of(role)} of {incident.ref} since {holder.since:%H:%M} UTC: somebody was faster. "
            "Nothing was handed over; look again."
        )
    _may_end(session, incident, holder, by=by)
    if holder.user_id == to:
        raise Refused(f"{holder.user.name} holds the role already. Choose somebody else.", field="to")
    heir = next((one for one in people(session, incident) if one.id == to), None)
    if heir is None:
        raise Refused(
            f"That person cannot respond to {incident.ref}, so nothing was handed over. Choose somebody from the list.", field="to"
        )
    if not 1 <= len(briefing) <= 1000:
        raise Refused(f"Nothing was handed over: brief {heir.name} in one line, what is going on and what comes next.", field="briefing")
    holder.until = now()
    session.flush()
    what = "command" if role == COMMANDER else f"the role of {name_of(role)}"
    absent = "" if holder.user_id == by.id else f", held by {holder.user.name},"
    return _begin(session, incident, role, user_id=to, line=f"handed {what}{absent} to {heir.name}: {briefing}", briefing=briefing, by=by)


def give_back(session: Session, incident: Incident, role: str, *, by: Person) -> None:
    """End a holding; the role is free then. Free already: nothing happens. Who holds it gives it back, or a commander."""
    session.refresh(incident, with_for_update=True)
    role = _checked(role)
    holder = holder_of(session, incident, role)
    if holder is None:
        return
    _may_end(session, incident, holder, by=by)
    holder.until = now()
    session.flush()
    what = "command" if role == COMMANDER else f"the role of {name_of(role)}"
    held = "" if holder.user_id == by.id else f", held by {holder.user.name}"
    timeline.record(session, incident, f"gave back {what}{held}", kind="role", by=by)
    _tell(session, incident, role, user_id=None, by=by)


def holder_of(session: Session, incident: Incident, role: str) -> RoleHolder | None:
    """Who holds the role now, with the person loaded."""
    query = select(RoleHolder).where(RoleHolder.incident_id == incident.id, RoleHolder.role == role, RoleHolder.until.is_(None))
    return session.scalar(query.options(joinedload(RoleHolder.user)))


def past(session: Session, incident: Incident, *, limit: int = 50) -> list[RoleHolder]:
    """Holdings that have ended, the last one first."""
    query = select(RoleHolder).where(RoleHolder.incident_id == incident.id, RoleHolder.until.is_not(None)).order_by(RoleHolder.id.desc())
    return list(session.scalars(query.limit(limit).options(joinedload(RoleHolder.user))))


def _begin(session: Session, incident: Incident, role: str, *, user_id: int, line: str, briefing: str, by: Person) -> RoleHolder:
    holder = RoleHolder(incident_id=incident.id, role=role, user=session.get_one(User, user_id), briefing=briefing)
    session.add(holder)
    session.flush()
    timeline.record(session, incident, line, kind="role", by=by)
    _tell(session, incident, role, user_id=user_id, by=by)
    return holder


def _tell(session: Session, incident: Incident, role: str, *, user_id: int | None, by: Person) -> None:
    audit.record(session, "incident.role", f"incident-{incident.id}", actor=by.actor, actor_name=by.name, role=role, user_id=user_id)
    live.tell(session, "board")


def _may_end(session: Session, incident: Incident, holder: RoleHolder, *, by: Person) -> None:
    if holder.user_id != by.id and not may(session, incident, Permission.COMMAND, by=by):
        raise Forbidden(f"{holder.user.name} is {name_of(holder.role)} of {incident.ref}. They hand the role over, or a commander does.")


def _checked(role: str) -> str:
    name = " ".join(role.replace("\0", "").split()).lower()
    if not 1 <= len(name) <= 40:
        raise Refused("A role has a name of 1 to 40 characters. Nothing was changed: name it, for example “database expert”.", field="role")
    return name
