"""Copies for subscribers: rows of the outbox, made in the transaction that publishes. The notifier carries them with hands of their own,
so that a crowd, or one slow receiver in it, delays neither the page nor anybody who works on the incident."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.channels.base import Message
from app.core.clock import now
from app.core.database import Json
from app.notifications import outbox
from app.notifications.kinds import ChannelKind
from app.notifications.outbox import Copy
from app.statuspage import links
from app.statuspage.models import Maintenance, PublicIncident, PublicUpdate, StatusPage, Subscriber
from app.statuspage.states import WORK_WORDS, Progress, Work


def about(update: PublicUpdate) -> str:
    """How the outbox names the copies of an update."""
    return f"status-update-{update.id}"


def page_id(session: Session, update: PublicUpdate) -> int:
    """The page on which it was published."""
    if update.public_incident_id:
        return session.scalars(select(PublicIncident.page_id).where(PublicIncident.id == update.public_incident_id)).one()
    return session.scalars(select(Maintenance.page_id).where(Maintenance.id == update.maintenance_id)).one()


def tell(session: Session, page: StatusPage, subject: PublicIncident | Maintenance, update: PublicUpdate) -> None:
    """Put one copy for each active subscriber into the outbox; one statement for all of them."""
    update.told_at = func.now()
    query = select(Subscriber).where(Subscriber.page_id == page.id, Subscriber.state == "active")
    letters = [(_message(page, subject, update, one), _copy(page, one)) for one in session.scalars(query)]
    outbox.put_each(session, letters, about=about(update), urgency=outbox.CROWD)
    session.flush()


def ask_to_confirm(session: Session, page: StatusPage, subscriber: Subscriber) -> None:
    """The one message that an address gets before it has confirmed."""
    link = links.link(page, subscriber, links.CONFIRM)
    text = (
        f"Somebody asked that this address be told of updates of {page.name}.\n\nIf it was you, open this link and confirm:\n{link}\n\n"
        "If it was not, do nothing: without it you get no further message."
    )
    subject, facts = f"Confirm your subscription to {page.name}", {"page": page.name, "confirm": link}
    message = Message("", subject, text, subscriber.asked_at, "statuspage.confirm", link, facts)
    asked = f"subscribe-{subscriber.id}-{int(subscriber.asked_at.timestamp())}"
    outbox.put(session, message, [_copy(page, subscriber)], about=asked, urgency=outbox.CROWD, expires_at=now() + links.CONFIRM_WITHIN)


def _copy(page: StatusPage, subscriber: Subscriber) -> Copy:
    is_mail = subscriber.kind == "mail"
    setting_id = page.mail_setting_id if is_mail else None
    skipped = "The page sends no mail any more." if is_mail and setting_id is None else ""
    return Copy("a subscriber", ChannelKind(subscriber.kind), setting_id, subscriber.address, subscriber.sealed, skipped)


def _message(page: StatusPage, subject: PublicIncident | Maintenance, update: PublicUpdate, subscriber: Subscriber) -> Message:
    words = _words(update.state)
    leave, where = links.link(page, subscriber, links.LEAVE), links.public_address(page)
    lines = [f"{words}: {subject.title}", "", update.text]
    if isinstance(subject, Maintenance):
        lines += ["", f"{subject.starts_at:%A %-d %B, %H:%M} to {subject.ends_at:%A %-d %B, %H:%M} UTC"]
    elif subject.next_update_at:
        lines += ["", f"Next update by {subject.next_update_at:%H:%M} UTC on {subject.next_update_at:%-d %B}."]
    lines += ["", where, "", f"You get this because you subscribed to {page.name}. Leave with one click: {leave}"]
    facts: Json = {"page": page.name, "id": subject.ref, "title": subject.title, "state": update.state, "number": update.number}
    facts |= {"update": update.text, "at": update.at.isoformat(), "unsubscribe": leave}
    kind = "maintenance" if isinstance(subject, Maintenance) else "incident"
    return Message("", f"[{page.name}] {words}: {subject.title}", "\n".join(lines), update.at, f"statuspage.{kind}", where, facts)


def _words(state: str) -> str:
    return Progress(state).value.capitalize() if state in set(Progress) else WORK_WORDS[Work(state)]
