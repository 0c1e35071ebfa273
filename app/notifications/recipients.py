"""Who is told of what: one rule for a mail address, or for a channel that is its own receiver."""

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.accounts.policy import Person
from app.audit import actions as audit
from app.catalog.models import Service
from app.channels.registry import channel
from app.core import live
from app.core.database import db_now
from app.core.errors import Invalid
from app.incidents import queries as incidents
from app.incidents.models import Incident
from app.incidents.states import Severity
from app.notifications.kinds import GROUPS, REACHES, Audience, ChannelKind
from app.notifications.models import ChannelSetting, Recipient
from app.notifications.outbox import Copy

_RANK = list(Severity)  # the worst first


def add(
    session: Session,
    setting: ChannelSetting,
    *,
    name: str,
    audience: str,
    address: str = "",
    least_severity: str = Severity.LOW,
    service: Service | None = None,
    takes_drills: bool = True,
    by: Person,
) -> Recipient:
    """Have somebody told by this channel. Invalid where they are already, or a field is wrong."""
    name = " ".join(name.split()) or address.strip() or setting.name
    if audience not in GROUPS:
        raise Invalid({"audience": "Choose which texts they get: the team's, the executives' or the customers'."})
    if least_severity not in list(Severity):
        raise Invalid({"least_severity": "Choose from which severity on they are told."})
    address = channel(setting.kind).check_address(address)
    twice = select(Recipient).where(Recipient.setting_id == setting.id, Recipient.address == address, Recipient.archived_at.is_(None))
    session.refresh(setting, with_for_update=True)  # two at once: the second waits here and finds the first one's
    if session.scalar(twice):
        raise Invalid(
            {"address": f"{address or setting.name} is told by {setting.name} already. Nothing was added: remove that line first."}
        )
    recipient = Recipient(
        name=name[:100],
        setting_id=setting.id,
        address=address,
        audience=audience,
        least_severity=least_severity,
        service_id=service.id if service else None,
        takes_drills=takes_drills,
    )
    session.add(recipient)
    _changed(session, recipient, "recipient.add", by=by)
    return recipient


def remove(session: Session, recipient: Recipient, *, by: Person) -> None:
    """Tell them nothing more."""
    if recipient.archived_at is None:
        recipient.archived_at = db_now(session)
        _changed(session, recipient, "recipient.remove", by=by)


def listed(session: Session, setting: ChannelSetting | None = None) -> list[Recipient]:
    """Everybody who is told, by audience and name, with their channels and services."""
    query = select(Recipient).where(Recipient.archived_at.is_(None)).options(joinedload(Recipient.setting), joinedload(Recipient.service))
    if setting:
        query = query.where(Recipient.setting_id == setting.id)
    order = {audience: place for place, audience in enumerate(GROUPS)}
    return sorted(session.scalars(query), key=lambda one: (order[Audience(one.audience)], one.name.lower(), one.id))


def reached(session: Session, incident: Incident, audience: Audience) -> list[Copy]:
    """A copy for everybody of this audience; those whom this incident does not concern are skipped, with the reason."""
    services = incidents.service_ids(session, incident)
    groups = REACHES[audience]
    return [_copy(one, incident, services) for one in listed(session) if one.audience in groups]


def _copy(recipient: Recipient, incident: Incident, services: frozenset[int]) -> Copy:
    setting = recipient.setting
    return Copy(recipient.name, ChannelKind(setting.kind), setting.id, recipient.address, skipped=_why_not(recipient, incident, services))


def _why_not(recipient: Recipient, incident: Incident, services: frozenset[int]) -> str:
    if _RANK.index(Severity(incident.severity)) > _RANK.index(Severity(recipient.least_severity)):
        return f"{recipient.name} is told from severity {recipient.least_severity} on, and this incident is {incident.severity}."
    if recipient.service_id and recipient.service_id not in services:
        return f"{recipient.name} is told of another service only."
    if incident.is_drill and not recipient.takes_drills:
        return f"{recipient.name} gets nothing of drills."
    if recipient.setting.is_paused:
        return f"The channel {recipient.setting.name} is paused."
    return ""


def _changed(session: Session, recipient: Recipient, action: str, *, by: Person) -> None:
    session.flush()
    facts = {"name": recipient.name, "address": recipient.address, "audience": recipient.audience}
    audit.record(session, action, f"channel-{recipient.setting_id}", actor=by.actor, actor_name=by.name, **facts)
    live.tell(session, "channels", f"channel-{recipient.setting_id}")
