"""Late updates: the communications lead is reminded, then the commander, then everybody. Each rung of one due time once."""

from datetime import datetime, timedelta

from sqlalchemy import case, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.accounts.policy import SYSTEM
from app.channels.base import Message
from app.core import live
from app.core.database import db_now
from app.core.settings import settings
from app.incidents import roles, timeline
from app.incidents.models import Incident, RoleHolder
from app.incidents.states import OPEN
from app.notifications import channels, outbox, recipients
from app.notifications.kinds import Audience, ChannelKind
from app.notifications.models import Nag, UpdateClock
from app.notifications.values import lasted, stamp

RUNGS = {1: timedelta(0), 2: timedelta(minutes=2), 3: timedelta(minutes=5)}  # how late the update is when each is reached
EVERYONE = 3
WORTH = timedelta(minutes=30)  # a reminder that arrives later than this helps nobody


def sweep(session: Session) -> None:
    """Remind whoever is next of every update that is late. Any number at once: rows that somebody works on are passed over."""
    climbed = select(func.max(Nag.rung)).where(Nag.incident_id == Incident.id, Nag.due_at == UpdateClock.due_at).scalar_subquery()
    after = case(*((func.coalesce(climbed, 0) == rung - 1, wait) for rung, wait in RUNGS.items()), else_=None)
    query = select(Incident, UpdateClock).join(UpdateClock, UpdateClock.incident_id == Incident.id)
    late = (
        UpdateClock.due_at <= func.clock_timestamp(),
        Incident.state.in_(sorted(OPEN)),
        UpdateClock.due_at + after <= func.clock_timestamp(),
    )
    for incident, clock in session.execute(query.where(*late).limit(20).with_for_update(skip_locked=True)).all():
        if clock.due_at:
            _climb(session, incident, clock.due_at)


def reached(session: Session, incident: Incident) -> Nag | None:
    """The highest rung of the present due time: whom the page reminds."""
    query = select(Nag).join(UpdateClock, UpdateClock.incident_id == Nag.incident_id)
    return session.scalar(query.where(Nag.incident_id == incident.id, Nag.due_at == UpdateClock.due_at).order_by(Nag.rung.desc()).limit(1))


def _climb(session: Session, incident: Incident, due_at: datetime) -> None:
    late = db_now(session) - due_at
    rung = max(number for number, after in RUNGS.items() if late >= after)
    whom, rung = _whom(session, incident, rung)
    # A second sweep in between: it inserts nothing, and says nothing.
    row = insert(Nag).values(incident_id=incident.id, due_at=due_at, rung=rung, user_id=whom.id if whom else None)
    nag_id = session.scalar(row.on_conflict_do_nothing().returning(Nag.id))
    if nag_id is None:
        return
    copies = _copies(session, incident, whom)
    outbox.put(
        session,
        _message(session, incident, due_at, whom),
        copies,
        about=f"nag-{nag_id}",
        incident_id=incident.id,
        urgency=outbox.PAGE,
        expires_at=db_now(session) + WORTH,
    )
    name = f"{whom.name}" if whom else "everybody"
    how = "" if copies else " (on the page only: there is no channel for it)"
    line = f"reminded {name} that the update of {stamp(due_at, since=due_at)} is late{how}"
    timeline.record(session, incident, line, kind="notice", by=SYSTEM, is_system=True)
    live.tell(session, f"notices-{incident.id}")


def _whom(session: Session, incident: Incident, rung: int) -> tuple[User | None, int]:
    """Who is reminded at this rung; an empty or left role passes the reminder on to the next one."""
    for number, role in ((1, roles.COMMS), (2, roles.COMMANDER)):
        if rung <= number:
            holder = roles.holder_of(session, incident, role)
            if holder and holder.user.state == "active":
                return holder.user, number
    return None, EVERYONE


def _copies(session: Session, incident: Incident, whom: User | None) -> list[outbox.Copy]:
    mail = channels.default_mail(session)
    people = [whom] if whom else _everybody(session, incident)
    copies = [outbox.Copy(one.name, ChannelKind.MAIL, mail.id, one.email) for one in people] if mail else []
    if whom is None:
        taken = {(copy.setting_id, copy.address.lower()) for copy in copies}
        team = recipients.reached(session, incident, Audience.TEAM)
        copies += [copy for copy in team if not copy.skipped and (copy.setting_id, copy.address.lower()) not in taken]
    return copies


def _everybody(session: Session, incident: Incident) -> list[User]:
    """Who holds a role of the incident, and who declared it; rooms and lists of the team come beside them."""
    held = session.scalars(select(User).join(RoleHolder).where(RoleHolder.incident_id == incident.id, RoleHolder.until.is_(None)))
    declarer = session.get(User, incident.declared_by_id) if incident.declared_by_id else None
    several = {user.id: user for user in [*held, *([declarer] if declarer else [])] if user.state == "active"}
    return list(several.values())


def _message(session: Session, incident: Incident, due_at: datetime, whom: User | None) -> Message:
    now = db_now(session)
    url = f"{settings().base_url}/incidents/{incident.id}/notices"
    text = (
        f"The update of {incident.ref} ({incident.title}) was due by {stamp(due_at, since=now)} "
        f"and is {lasted(now - due_at)} late. "
        f"{'Somebody has to' if whom is None else 'Please'} send it, or say when it comes:\n{url}"
    )
    subject = f"{incident.ref}: the update is late"
    facts = {"incident": incident.ref, "due_at": due_at.isoformat()}
    return Message("", subject, text, now, type="update.late", url=url, facts=facts)
