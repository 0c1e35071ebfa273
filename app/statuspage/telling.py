"""Copies for subscribers: rows of the outbox, made in the transaction that publishes. The notifier carries them with hands of their own,
so that a crowd, or one slow receiver in it, delays neither the page nor anybody who works on the incident."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import gateway
from app.core.database import Json
from app.notifications.kinds import Crew
from app.notifications.models import Delivery
from app.statuspage import links
from app.statuspage.models import Maintenance, PublicIncident, PublicUpdate, StatusPage, Subscriber
from app.statuspage.states import WORK_WORDS, Progress, Work

CROWD = 2  # urgency: after pages and notices


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
    copies = [_copy(page, one, about(update), _message(page, subject, update, one)) for one in session.scalars(query)]
    if copies:
        session.execute(insert(Delivery).values(copies).on_conflict_do_nothing())
    session.flush()


def ask_to_confirm(session: Session, page: StatusPage, subscriber: Subscriber) -> None:
    """The one message that an address gets before it has confirmed."""
    link = links.link(page, subscriber, links.CONFIRM)
    text = (
        f"Somebody asked that this address be told of updates of {page.name}.\n\nIf it was you, open this link and confirm:\n{link}\n\n"
        "If it was not, do nothing: without it you get no further message."
    )
    message: Json = {"subject": f"Confirm your subscription to {page.name}", "text": text, "url": link, "type": "statuspage.confirm"}
    asked = f"subscribe-{subscriber.id}-{int(subscriber.asked_at.timestamp())}"
    copy = _copy(page, subscriber, asked, message | {"facts": {"page": page.name, "confirm": link}})
    session.execute(insert(Delivery).values(copy).on_conflict_do_nothing())


def _copy(page: StatusPage, subscriber: Subscriber, what: str, message: Json) -> dict[str, Any]:
    is_mail = subscriber.kind == "mail"
    return {
        "about": what,
        "setting_id": page.mail_setting_id if is_mail else None,
        "kind": subscriber.kind,
        "crew": Crew.CROWD,
        "lane": f"crowd-mail-{page.mail_setting_id}" if is_mail else f"crowd-{_host(subscriber.address)}",
        "recipient": "a subscriber",
        "address": subscriber.address,
        "sealed": subscriber.sealed,
        "message": message,
        "urgency": CROWD,
    }


def _message(page: StatusPage, subject: PublicIncident | Maintenance, update: PublicUpdate, subscriber: Subscriber) -> Json:
    words = _words(update.state)
    leave, where = links.link(page, subscriber, links.LEAVE), links.public_address(page)
    lines = [f"{words}: {subject.title}", "", update.text]
    if isinstance(subject, Maintenance):
        lines += ["", f"{subject.starts_at:%A %-d %B, %H:%M} to {subject.ends_at:%A %-d %B, %H:%M} UTC"]
    elif subject.next_update_at:
        lines += ["", f"Next update by {subject.next_update_at:%H:%M} UTC on {subject.next_update_at:%-d %B}."]
    lines += ["", where, "", f"You get this because you subscribed to {page.name}. Leave with one click: {leave}"]
    facts: Json = {"page": page.name, "id": subject.ref, "title": subject.title, "state": update.state, "number": update.number}
    kind = "maintenance" if isinstance(subject, Maintenance) else "incident"
    return {
        "subject": f"[{page.name}] {words}: {subject.title}",
        "text": "\n".join(lines),
        "url": where,
        "type": f"statuspage.{kind}",
        "facts": facts | {"update": update.text, "at": update.at.isoformat(), "unsubscribe": leave},
    }


def _words(state: str) -> str:
    return Progress(state).value.capitalize() if state in set(Progress) else WORK_WORDS[Work(state)]


def _host(address: str) -> str:
    try:
        return gateway.parse(address).host
    except gateway.NoAnswer:
        return "unknown"
