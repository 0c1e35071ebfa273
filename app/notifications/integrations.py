"""Systems that may send alerts: made by administrators, known by a token or a signature. What they send never starts a run."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload, undefer

from app.accounts import opaque
from app.accounts.policy import Person
from app.audit import actions as audit
from app.core import live
from app.core.database import Json, db_now
from app.core.errors import Conflict, Invalid, NotFound, Refused
from app.incidents.models import Incident
from app.incidents.states import Severity
from app.notifications.alerting_models import Alert, IntakeReceipt, Integration, Source

WINDOW = timedelta(minutes=5)  # a signed message that is older, or from the future by more, is refused
KEPT = 3 * WINDOW  # how long a message is remembered: beyond the window its timestamp refuses it
A_MINUTE = 120  # messages of one integration
UNKNOWN = "Nothing takes alerts at this address with this token or signature. Nothing was opened: check both in the integration's page."
_ID = re.compile(r"[\x21-\x7e]{1,200}")


class TooMany(Refused):
    """The sender sends more than is taken. `after_s` is when to try again."""

    def __init__(self, sentence: str, *, after_s: int) -> None:
        super().__init__(sentence)
        self.after_s = after_s


def add(session: Session, *, name: str, kind: str, by: Person) -> tuple[Integration, str]:
    """Make an integration; it and its token or signing secret, which is never shown again."""
    if kind not in list(Source):
        raise Invalid({"kind": "Choose what sends the alerts."})
    integration = Integration(name=_named(session, name), kind=kind, hook=secrets.token_urlsafe(18), made_by=by.name)
    secret = _give_secret(integration)
    session.add(integration)
    session.flush()
    _changed(session, integration, "integration.add", by=by)
    return integration, secret


def rotate(session: Session, integration: Integration, *, by: Person) -> str:
    """A new token or secret; the old one stops working at once."""
    session.refresh(integration, with_for_update=True)
    secret = _give_secret(integration)
    integration.rotated_at = db_now(session)
    session.flush()
    _changed(session, integration, "integration.rotate", by=by)
    return secret


def arrange(session: Session, integration: Integration, *, label: str, services: Json, severity: str, by: Person) -> None:
    """Say which label names the service, how its names map to ours, and how bad an alert is that does not say."""
    if severity not in list(Severity):
        raise Invalid({"severity": "Choose how bad an alert is that does not say."})
    session.refresh(integration, with_for_update=True)
    integration.label, integration.services, integration.severity = label.strip()[:100], services, severity
    session.flush()
    _changed(session, integration, "integration.arrange", by=by)


def archive(session: Session, integration: Integration, *, by: Person) -> None:
    """Take nothing more from it. Its alerts stay on their incidents."""
    session.refresh(integration, with_for_update=True)
    if integration.archived_at is None:
        integration.archived_at = db_now(session)
        session.flush()
        _changed(session, integration, "integration.remove", by=by)


def listed(session: Session) -> list[Integration]:
    return list(session.scalars(select(Integration).where(Integration.archived_at.is_(None)).order_by(func.lower(Integration.name))))


def get(session: Session, integration_id: int) -> Integration:
    integration = session.get(Integration, integration_id)
    if integration is None or integration.archived_at:
        raise NotFound
    return integration


def alerts_of(session: Session, incident: Incident) -> list[Alert]:
    """What fired on an incident, firing first, then the last that changed."""
    query = select(Alert).where(Alert.incident_id == incident.id).options(joinedload(Alert.integration), joinedload(Alert.service))
    return list(session.scalars(query.order_by(Alert.status, Alert.last_at.desc(), Alert.id.desc()).limit(100)))


def newest(session: Session, integration: Integration, *, limit: int = 20) -> list[Alert]:
    query = select(Alert).where(Alert.integration_id == integration.id).options(joinedload(Alert.service))
    return list(session.scalars(query.order_by(Alert.last_at.desc(), Alert.id.desc()).limit(limit)))


def known(session: Session, hook: str, headers: Mapping[str, str], body: bytes) -> tuple[Integration, str]:
    """Who sends this, and the id of the message. NotFound, always with the same words, where it cannot be told; Refused where a signed
    message is too old. `headers` have small letters."""
    query = select(Integration).where(Integration.hook == hook, Integration.archived_at.is_(None))
    loaded = query.options(undefer(Integration.token_hash), undefer(Integration.signing_key))
    integration = None if "\0" in hook else session.scalar(loaded)
    if integration is None:
        raise NotFound(UNKNOWN)
    if integration.signing_key is None:
        if not hmac.compare_digest(integration.token_hash or b"", opaque.digest(_token(headers.get("authorization", "")))):
            raise NotFound(UNKNOWN)
        return integration, secrets.token_urlsafe(16)
    message_id, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (_ID.fullmatch(message_id) and at.isascii() and at.isdigit() and len(at) < 12):
        raise NotFound(UNKNOWN)
    mac = hmac.new(integration.signing_key, b".".join((message_id.encode(), at.encode(), body)), hashlib.sha256).digest()
    wanted = f"v1,{base64.b64encode(mac).decode()}".encode()
    if not any(hmac.compare_digest(wanted, given.encode()) for given in headers.get("webhook-signature", "").split()):
        raise NotFound(UNKNOWN)
    if abs(db_now(session).timestamp() - int(at)) > WINDOW.total_seconds():
        raise Refused("The message was signed more than five minutes ago or ahead, so it was not taken. Sign it anew; check the clock.")
    return integration, message_id


def admit(session: Session, integration: Integration, message_id: str) -> None:
    """Take a message once, and not more of them than anybody could read. Holds the integration's row: messages are taken one by one.

    Conflict for one that was taken before; TooMany in a storm.
    """
    session.refresh(integration, with_for_update=True)
    now = db_now(session)
    session.execute(delete(IntakeReceipt).where(IntakeReceipt.integration_id == integration.id, IntakeReceipt.at < now - KEPT))
    recent = IntakeReceipt.integration_id == integration.id, IntakeReceipt.at > now - timedelta(minutes=1)
    if (session.scalar(select(func.count()).where(*recent)) or 0) >= A_MINUTE:
        raise TooMany(f"{integration.name} sent {A_MINUTE} messages within a minute; no more are taken now. Group alerts more.", after_s=60)
    row = insert(IntakeReceipt).values(integration_id=integration.id, message_id=message_id).on_conflict_do_nothing()
    if session.scalar(row.returning(IntakeReceipt.id)) is None:
        raise Conflict("This message was taken already, so nothing happened again. A new message needs a new webhook-id.")
    integration.heard_at = now


def _token(authorization: str) -> str:
    """The token of "Bearer …", or the password of "Basic …"."""
    kind, _, rest = authorization.strip().partition(" ")
    if kind.lower() == "basic":
        try:
            return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[2]
        except ValueError:
            return ""
    return rest.strip() if kind.lower() == "bearer" else ""


def _give_secret(integration: Integration) -> str:
    if integration.kind == Source.WEBHOOK:
        integration.signing_key = secrets.token_bytes(32)
        return f"whsec_{base64.b64encode(integration.signing_key).decode()}"
    token, integration.token_hash = opaque.new()
    return token


def _named(session: Session, name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= 60:
        raise Invalid({"name": "An integration needs a name of 1 to 60 characters, like “Alertmanager prod”."})
    if session.scalar(select(Integration.id).where(func.lower(Integration.name) == name.lower(), Integration.archived_at.is_(None))):
        raise Invalid({"name": f"There is already an integration {name}. Nothing was made: open that one, or choose another name."})
    return name


def _changed(session: Session, integration: Integration, action: str, *, by: Person) -> None:
    facts = {"name": integration.name, "kind": integration.kind}
    audit.record(session, action, f"integration-{integration.id}", actor=by.actor, actor_name=by.name, **facts)
    live.tell(session, "integrations")
