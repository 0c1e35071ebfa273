"""Who wants to be told. Asking for it gives the same answer to everybody, known or not; only whoever reads the address can confirm."""

from datetime import timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.audit import actions as audit
from app.catalog.credentials import allowed_addresses
from app.channels import webhook
from app.channels.mail import CHANNEL as MAIL
from app.core import gateway
from app.core.database import db_now
from app.core.errors import Invalid, Refused
from app.core.sealing import seal
from app.notifications.models import Delivery
from app.statuspage import links, telling
from app.statuspage.models import PublicUpdate, StatusPage, Subscriber

KINDS = ("mail", "webhook")
AGAIN_AFTER = timedelta(minutes=10)  # a second request for one address within this sends nothing
MOST_A_MINUTE = 60  # of all pages: whoever floods the form shall not flood mailboxes
MOST_FAILURES = 3
LONGEST_WAIT = timedelta(hours=25)  # for the outbox, until the copies of an update are counted
ASKED = "If this address can be told, a message is on its way to it now. Open the link in it: only then does it get updates."


def ask(session: Session, page: StatusPage, *, kind: str, address: str) -> None:
    """Ask that an address be told. Invalid where it is none. Whether it is known already, nobody learns: what happens is only seen
    by its owner, who gets one message, and a link that works where there was none before."""
    address = _checked(page, kind, address)
    now = db_now(session)
    if _is_crowded(session) or _leads_inside(session, kind, address):
        return
    row = {"page_id": page.id, "kind": kind, "address": address, "asked_at": now}
    made = session.scalar(insert(Subscriber).values(**row).on_conflict_do_nothing().returning(Subscriber.id))
    same = (Subscriber.page_id == page.id, Subscriber.kind == kind, Subscriber.address == address)
    subscriber = session.scalars(select(Subscriber).where(*same).with_for_update()).one()
    if made is None and (subscriber.state == "active" or subscriber.asked_at > now - AGAIN_AFTER):
        return
    subscriber.asked_at, subscriber.state, subscriber.reason, subscriber.failures = now, "pending", "", 0
    if kind == "webhook":
        subscriber.sealed = seal({"secret": webhook.new_secret()}, to="notifier")
    session.flush()
    telling.ask_to_confirm(session, page, subscriber)


def get(session: Session, page: StatusPage, purpose: str, token: str) -> Subscriber:
    """Whom a link is for. Refused where it is not valid."""
    subscriber = session.get(Subscriber, links.subscriber_id(token))
    links.check(page, subscriber, purpose, token)
    assert subscriber is not None  # noqa: S101 - `check` has refused it
    return subscriber


def confirm(session: Session, page: StatusPage, token: str) -> tuple[Subscriber, str]:
    """From now on the address is told. Doing it twice does no harm. For a webhook, also the secret that its bodies are signed with: it is
    made now and shown this once, since only the notifier can open what is kept of it."""
    subscriber, secret = get(session, page, links.CONFIRM, token), ""
    if subscriber.state != "active":
        subscriber.state, subscriber.reason, subscriber.failures, subscriber.confirmed_at = "active", "", 0, db_now(session)
        if subscriber.kind == "webhook":
            secret = webhook.new_secret()
            subscriber.sealed = seal({"secret": secret}, to="notifier")
    session.flush()
    return subscriber, secret


def leave(session: Session, page: StatusPage, token: str) -> None:
    """Forget the address. Doing it twice is refused like any link that is not valid, which says nothing of the first time."""
    subscriber = get(session, page, links.LEAVE, token)
    session.execute(delete(Subscriber).where(Subscriber.id == subscriber.id))


def of_page(session: Session, page: StatusPage, *, limit: int = 500) -> list[Subscriber]:
    """Who wants to be told: those with trouble first."""
    trouble = Subscriber.state != "paused"
    query = select(Subscriber).where(Subscriber.page_id == page.id).order_by(trouble, Subscriber.state, Subscriber.address)
    return list(session.scalars(query.limit(limit)))


def counts(session: Session, page: StatusPage) -> dict[str, int]:
    """How many are active, pending and paused."""
    found = session.execute(select(Subscriber.state, func.count()).where(Subscriber.page_id == page.id).group_by(Subscriber.state))
    return {"active": 0, "pending": 0, "paused": 0} | {row[0]: row[1] for row in found}


def resume(session: Session, page: StatusPage, subscriber_id: int, *, by: Person) -> None:
    """Try a paused address again from the next update on."""
    resumed = update(Subscriber).where(Subscriber.id == subscriber_id, Subscriber.page_id == page.id, Subscriber.state == "paused")
    if not session.scalar(resumed.values(state="active", reason="", failures=0).returning(Subscriber.id)):
        raise Refused("This subscriber is not paused any more. Nothing was changed.")
    audit.record(
        session, "statuspage.subscriber.resume", f"statuspage-{page.id}", actor=by.actor, actor_name=by.name, subscriber=subscriber_id
    )


def remove(session: Session, page: StatusPage, subscriber_id: int, *, by: Person) -> None:
    """Forget an address for its owner."""
    session.execute(delete(Subscriber).where(Subscriber.id == subscriber_id, Subscriber.page_id == page.id))
    audit.record(
        session, "statuspage.subscriber.remove", f"statuspage-{page.id}", actor=by.actor, actor_name=by.name, subscriber=subscriber_id
    )


def look_after(session: Session) -> None:
    """Forget requests that nobody confirmed, and count whose address did not take the copies of an update that are all through."""
    session.execute(delete(Subscriber).where(Subscriber.state == "pending", Subscriber.asked_at < func.now() - links.CONFIRM_WITHIN))
    told = select(PublicUpdate).where(PublicUpdate.told_at.is_not(None), PublicUpdate.judged_at.is_(None))
    for one in session.scalars(told.order_by(PublicUpdate.told_at).limit(20).with_for_update(skip_locked=True)).all():
        copies = select(Delivery.kind, Delivery.address, Delivery.state, Delivery.reason).where(Delivery.about == telling.about(one))
        ended = session.execute(copies.where(Delivery.ended_at.is_not(None))).all()
        waiting = session.scalar(select(Delivery.id).where(Delivery.about == telling.about(one), Delivery.ended_at.is_(None)).limit(1))
        now = db_now(session)
        if waiting and one.told_at and one.told_at > now - LONGEST_WAIT:
            continue
        one.judged_at = now
        page_id = telling.page_id(session, one)
        for kind, address, state, reason in ended:
            _count(session, page_id, kind, address, state, reason)
    session.flush()


def _count(session: Session, page_id: int, kind: str, address: str, state: str, reason: str) -> None:
    same = (Subscriber.page_id == page_id, Subscriber.kind == kind, Subscriber.address == address, Subscriber.state == "active")
    subscriber = session.scalar(select(Subscriber).where(*same).with_for_update())
    if subscriber is None or state not in {"sent", "failed"}:
        return  # skipped and unknown say nothing about the address
    subscriber.failures = 0 if state == "sent" else subscriber.failures + 1
    if subscriber.failures >= MOST_FAILURES:
        subscriber.state = "paused"
        subscriber.reason = f"{MOST_FAILURES} updates in a row did not arrive. The last time: {reason}"


def _checked(page: StatusPage, kind: str, address: str) -> str:
    """The address as it is kept."""
    if kind not in KINDS:
        raise Invalid({"kind": "Choose mail or webhook."})
    if kind == "mail":
        if page.mail_setting_id is None:
            raise Refused("This page sends no mail. Subscribe to its feed instead.", field="address")
        return MAIL.check_address(address).lower()
    try:
        if gateway.parse(address.strip()).scheme != "https":
            raise Invalid({"address": "A webhook is reached over https. Give an address that begins with https://."})
    except gateway.NoAnswer as error:
        raise Invalid({"address": error.sentence}) from error
    return address.strip()[:2000]


def _leads_inside(session: Session, kind: str, address: str) -> bool:
    """What an administrator opened for checks is not open to whoever fills in a public form, and the answer does not say so."""
    if kind != "webhook":
        return False
    to = gateway.parse(address)
    return (to.host, to.port) in {(host.lower(), port) for host, port in allowed_addresses(session)}


def _is_crowded(session: Session) -> bool:
    recent = select(Subscriber.id).where(Subscriber.state == "pending", Subscriber.asked_at > func.now() - timedelta(minutes=1))
    return (session.scalar(select(func.count()).select_from(recent.limit(MOST_A_MINUTE).subquery())) or 0) >= MOST_A_MINUTE
