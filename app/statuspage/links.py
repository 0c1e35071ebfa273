"""Links that subscribers get: signed with the page's own key, each good for one purpose and one subscriber, and for nothing else."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta

from app.core.clock import now
from app.core.errors import Refused
from app.core.settings import settings
from app.statuspage.models import StatusPage, Subscriber

CONFIRM, LEAVE = "confirm", "leave"
CONFIRM_WITHIN = timedelta(days=2)
OLD = "This link is not valid any more. Nothing was changed: ask for a new one on the status page."


def public_address(page: StatusPage) -> str:
    """Where the page is read, with a slash at its end."""
    return page.address or f"{settings().base_url}/{'internal-status' if page.is_private else 'status'}/{page.slug}/"


def console_address(page: StatusPage) -> str:
    """Where what a folder of files cannot do is done: subscribe, confirm, leave."""
    return f"{settings().base_url}/status/{page.slug}"


def link(page: StatusPage, subscriber: Subscriber, purpose: str) -> str:
    """The address that confirms, or leaves."""
    return f"{console_address(page)}/{purpose}/{token(page, subscriber, purpose)}"


def token(page: StatusPage, subscriber: Subscriber, purpose: str) -> str:
    """ "12.1764000000.MAC": whose it is and, to confirm, when it was asked for: what is asked for anew makes older links useless.
    The link to leave stays good in every mail that ever had it."""
    claim = f"{subscriber.id}.{int(subscriber.asked_at.timestamp())}" if purpose == CONFIRM else f"{subscriber.id}"
    return f"{claim}.{_mac(page, purpose, claim, subscriber.address)}"


def subscriber_id(text: str) -> int:
    """Whom a link names, before it is believed. Refused where it names nobody."""
    number = text.partition(".")[0]
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise Refused(OLD)
    return int(number)


def check(page: StatusPage, subscriber: Subscriber | None, purpose: str, text: str) -> None:
    """Refused where the link is not ours, is for something else, or is too old. All with the same words: they tell nothing."""
    if subscriber is None or subscriber.page_id != page.id:
        raise Refused(OLD)
    expected = token(page, subscriber, purpose)
    if not hmac.compare_digest(expected.encode(), text.encode()):
        raise Refused(OLD)
    if purpose == CONFIRM and _is_late(subscriber.asked_at):
        raise Refused(OLD)


def _is_late(asked_at: datetime) -> bool:
    return now() > asked_at + CONFIRM_WITHIN


def _mac(page: StatusPage, purpose: str, claim: str, address: str) -> str:
    said = "\n".join((purpose, claim, address)).encode()
    return urlsafe_b64encode(hmac.new(page.signing_key, said, hashlib.sha256).digest()[:24]).decode()
