"""One try of one delivery: claim, commit, send, settle. What a hand of the notifier does."""

import logging
from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.catalog.credentials import allowed_addresses
from app.channels.base import Context, Doubtful, Passing, Permanent, Receipt
from app.channels.registry import channel
from app.core.database import Json, db_now, transaction
from app.core.errors import Refused
from app.core.redact import redact
from app.core.sealing import unseal
from app.core.settings import settings
from app.notifications import outbox
from app.notifications.kinds import Crew
from app.notifications.models import ChannelSetting, Delivery

log = logging.getLogger(__name__)

OUR_FAULT = "The console met a fault of its own while it sent this, and nobody knows how far it came. The notifier's log says more"


def carry(delivery_id: int, crew: Crew, *, worker: str, draining: Callable[[], bool]) -> None:
    """Try this delivery, then whatever else is due for the crew, until nothing is or the hand has to stop."""
    with transaction() as session:
        delivery = outbox.claim(session, delivery_id, crew, worker=worker)
    while delivery:
        attempt(delivery)
        if draining():
            return
        with transaction() as session:
            delivery = outbox.claim_next(session, crew, worker=worker)


def attempt(delivery: Delivery) -> None:
    """Send a claimed copy once and write down what came of it. No transaction is open while the other side thinks."""
    try:
        with transaction() as session:
            setting = outbox.setting_of(session, delivery)
            if reason := _needless(session, delivery, setting):
                outbox.skipped(session, delivery, reason)
                return
            secret, allowed = _secret(session, delivery, setting), allowed_addresses(session)
        receipt = _send(delivery, secret, Context(settings().notify_timeout_s, allowed))
    except Refused as refusal:
        with transaction() as session:
            outbox.failed(session, delivery, refusal.sentence)
    except (Passing, Permanent, Doubtful) as problem:
        _settle(delivery, problem)
    except Exception as fault:
        log.exception("delivery %s met a fault", delivery.id)
        _settle(delivery, Doubtful(f"{OUR_FAULT} ({type(fault).__name__})."))
    else:
        with transaction() as session:
            outbox.sent(session, delivery, redact(receipt.said))


def _send(delivery: Delivery, secret: Json, ctx: Context) -> Receipt:
    return channel(delivery.kind).send(outbox.of(delivery), delivery.address, secret, ctx)


def _settle(delivery: Delivery, problem: Passing | Permanent | Doubtful) -> None:
    sentence = redact(problem.sentence)
    with transaction() as session:
        if isinstance(problem, Passing):
            outbox.again(session, delivery, sentence, after_s=problem.after_s)
        elif isinstance(problem, Permanent):
            outbox.failed(session, delivery, sentence)
        elif channel(delivery.kind).repeatable:
            outbox.again(session, delivery, sentence)
        else:
            outbox.unknown(session, delivery, sentence)


def _needless(session: Session, delivery: Delivery, setting: ChannelSetting | None) -> str:
    """Why this copy is not sent at all, or nothing."""
    if delivery.expires_at and delivery.expires_at < db_now(session):
        return outbox.TOO_LATE
    if setting and setting.archived_at:
        return f"The channel {setting.name} was removed, so nothing was sent."
    if setting and setting.is_paused:
        return f"The channel {setting.name} is paused, so nothing was sent."
    return ""


def _secret(session: Session, delivery: Delivery, setting: ChannelSetting | None) -> Json:
    """The channel's settings, and over them what this receiver alone needs."""
    secret: Json = dict(unseal(setting.sealed, by="notifier")) if setting else {}
    own = session.scalar(select(Delivery.sealed).where(Delivery.id == delivery.id))
    return secret | unseal(own, by="notifier") if own else secret
