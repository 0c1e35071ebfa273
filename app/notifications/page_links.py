"""The link in a page: signed with the incident's own key, good for one contact, one purpose and one day. No sign-in is needed.

Whoever holds the message may say that they come, and nothing else: the link reads and changes nothing beyond that.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from app.core.database import db_now
from app.core.errors import Refused
from app.core.settings import settings
from app.notifications.alerting_models import PageAttempt, Paging

GOOD_FOR = timedelta(hours=24)
OLD = "This link is not valid any more. Nothing was changed: open the incident in the console, or call whoever paged you."


def link(paging: Paging, attempt: PageAttempt) -> str:
    """Where one tap says "I take it"."""
    return f"{settings().base_url}/answer/{token(paging, attempt)}"


def token(paging: Paging, attempt: PageAttempt) -> str:
    """ "12.MAC"."""
    said = f"answer\n{attempt.id}\n{attempt.contact}".encode()
    mac = hmac.new(paging.signing_key, said, hashlib.sha256).digest()[:24]
    return f"{attempt.id}.{urlsafe_b64encode(mac).decode()}"


def attempt_of(session: Session, text: str) -> PageAttempt:
    """Whose link it is. Refused where it is not ours, or too old: all with the same words, so that they tell nothing."""
    number = text.partition(".")[0]
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise Refused(OLD)
    attempt = session.get(PageAttempt, int(number))
    if attempt is None or attempt.queued_at is None:
        raise Refused(OLD)
    paging = session.scalars(select(Paging).where(Paging.incident_id == attempt.incident_id).options(undefer(Paging.signing_key))).one()
    if not hmac.compare_digest(token(paging, attempt).encode(), text.encode()) or db_now(session) > attempt.queued_at + GOOD_FOR:
        raise Refused(OLD)
    return attempt
