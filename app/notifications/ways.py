"""How a contact is paged: the channel of their choice, else the mail address that stands beside their name."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload, undefer

from app.accounts.policy import Person
from app.audit import actions as audit
from app.catalog import queries as catalog
from app.catalog.models import Contact, Service
from app.channels.registry import channel
from app.core import live
from app.core.errors import Invalid, Refused
from app.core.sealing import seal
from app.core.settings import settings
from app.incidents.models import Incident, IncidentService
from app.incidents.states import Severity
from app.notifications import channels
from app.notifications.alerting_models import NEVER, ContactWay, PagingRule
from app.notifications.kinds import ChannelKind
from app.notifications.models import ChannelSetting

OWN = "own"  # the choice "an address of their own"
SHORTEST_S, LONGEST_S = 10, 86_400
_RANK = list(Severity)


@dataclass(frozen=True)
class Way:
    """A contact and how they are paged. `why_not` is set where they are not."""

    contact: Contact
    kind: str = ""
    setting_id: int | None = None
    address: str = ""
    sealed: bytes | None = None
    channel: str = ""
    why_not: str = ""
    choice: str = ""  # as the form of ways knows it: "", "never", "own", or a channel's number

    @property
    def key(self) -> str:
        return key_of(self.contact)


def key_of(contact: Contact) -> str:
    """Who it is, whatever service names them."""
    return (contact.email or contact.phone.replace(" ", "") or contact.name).lower()


def of_service(session: Session, service: Service) -> list[Way]:
    """The contacts of a service in order, each with their way."""
    return _ways(session, catalog.contacts_of(session, service), service.id)


def of_company(session: Session) -> list[Way]:
    """Contacts of the whole company. They are paged only where somebody chose a way for them: a vendor is not woken by default."""
    return _ways(session, catalog.company_contacts(session), None)


def rounds(session: Session, incident: Incident) -> list[list[Way]]:
    """Who is paged, those of one round at once: the first contact of each service, then the second ..., then the company's one by one.

    A person whom several services name is there once, at their first place. Services that page nobody for this severity are left out.
    """
    touched = select(IncidentService).where(IncidentService.incident_id == incident.id).options(joinedload(IncidentService.service))
    services = sorted((link.service for link in session.scalars(touched)), key=lambda one: (one.tier, one.name, one.id))
    paging = [one for one in services if pages_for(session, one, incident.severity)]
    lists = [[way for way in of_service(session, one) if not way.why_not] for one in paging]
    longest = max((len(one) for one in lists), default=0)
    planned = [[one[place] for one in lists if place < len(one)] for place in range(longest)]
    if paging or not services:
        planned += [[way] for way in of_company(session) if not way.why_not]
    seen: set[str] = set()
    return [once for one in planned if (once := _once(one, seen))]


def wait_s(session: Session, incident: Incident) -> int:
    """How long one round has to answer: the shortest wait of the services that the incident touches."""
    touched = select(IncidentService.service_id).where(IncidentService.incident_id == incident.id)
    shortest = session.scalar(select(func.min(PagingRule.wait_s)).where(PagingRule.service_id.in_(touched)))
    return shortest or round(settings().page_wait_s)


def rule(session: Session, service: Service) -> PagingRule | None:
    return session.get(PagingRule, service.id)


def pages_for(session: Session, service: Service, severity: str) -> bool:
    """Whether the service pages anybody for an incident of this severity."""
    kept = rule(session, service)
    return kept is None or _RANK.index(Severity(severity)) <= _RANK.index(Severity(kept.least_severity))


def set_rule(session: Session, service: Service, *, wait_s: int | None, least_severity: str, by: Person) -> None:
    """Say how long a contact of the service has to answer, and from which severity on they are paged."""
    seconds = wait_s or round(settings().page_wait_s)
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise Invalid({"wait_s": "Give a time from 10 seconds to one day, in seconds."})
    if least_severity not in list(Severity):
        raise Invalid({"least_severity": "Choose from which severity on contacts are paged."})
    values = {"wait_s": seconds, "least_severity": least_severity}
    session.execute(
        insert(PagingRule).values(service_id=service.id, **values).on_conflict_do_update(index_elements=["service_id"], set_=values)
    )
    session.refresh(session.get_one(PagingRule, service.id))
    _changed(session, service, "paging.rule", by=by, **values)


def choose(session: Session, service: Service | None, name: str, *, choice: str, address: str = "", by: Person) -> None:
    """Page this contact by a channel of the administrators (its number), by an `address` of their own as Apprise writes it, or never.

    Empty: as long as nobody chooses, the contact's mail address is used where there is a mail channel. Invalid with the field
    "choice" or "address" where it cannot be used. The own address is sealed: leave it empty to keep the one that is stored.
    """
    old = _kept(session, service.id if service else None).get(name.lower())
    if choice == OWN and not address.strip() and old and old.sealed:
        return
    values = _chosen(session, choice, address)
    scope = ContactWay.service_id == service.id if service else ContactWay.service_id.is_(None)
    session.execute(delete(ContactWay).where(scope, func.lower(ContactWay.name) == name.lower()))
    if values:
        session.add(ContactWay(service_id=service.id if service else None, name=name, **values))
    session.flush()
    _changed(session, service, "paging.way", by=by, contact=name, way=str(values.get("shown", "by default")))


def _chosen(session: Session, choice: str, address: str) -> dict[str, object]:
    if not choice:
        return {}
    if choice == NEVER:
        return {"kind": NEVER, "shown": "never"}
    if choice == OWN:
        try:
            checked = channel(ChannelKind.APPRISE).check({"url": address})
        except Invalid as problem:
            raise Invalid({"address": next(iter(problem.problems.values()))}) from problem
        shown = f"{checked.service}, {checked.shown}" if checked.shown else checked.service
        return {"kind": ChannelKind.APPRISE, "sealed": seal(checked.settings, to="notifier"), "shown": shown}
    setting = next((one for one in channels.settings_of(session) if str(one.id) == choice), None)
    if setting is None:
        raise Refused("That channel is not there any more. Nothing was changed: choose another one.", field="choice")
    if setting.kind == ChannelKind.MAIL and not address.strip():
        raise Invalid({"address": f"{setting.name} sends mail: give the address that is read at night, too."})
    kept = channel(setting.kind).check_address(address if setting.kind == ChannelKind.MAIL else "")
    return {"kind": setting.kind, "setting_id": setting.id, "address": kept, "shown": setting.name}


def _ways(session: Session, contacts: Iterable[Contact], service_id: int | None) -> list[Way]:
    kept, mail = _kept(session, service_id), channels.default_mail(session)
    working = {one.id: one for one in channels.settings_of(session)}
    return [_way(contact, kept.get(contact.name.lower()), mail, working) for contact in contacts]


def _way(contact: Contact, kept: ContactWay | None, mail: ChannelSetting | None, working: dict[int, ChannelSetting]) -> Way:
    if kept is None:
        return _by_mail(contact, mail)
    if kept.kind == NEVER:
        return Way(contact, why_not="never paged", choice=NEVER)
    if kept.setting_id is None:
        return Way(contact, kept.kind, None, kept.shown, kept.sealed, kept.shown, choice=OWN)
    choice, setting = str(kept.setting_id), working.get(kept.setting_id)
    if setting is None:
        return Way(contact, why_not=f"the channel {kept.shown} was removed: choose another one")
    way = Way(contact, kept.kind, setting.id, kept.address, None, setting.name, choice=choice)
    return Way(contact, address=kept.address, why_not=f"the channel {setting.name} is paused", choice=choice) if setting.is_paused else way


def _by_mail(contact: Contact, mail: ChannelSetting | None) -> Way:
    if contact.service_id is None:
        return Way(contact, why_not="paged only if a way is chosen")
    if not contact.email:
        return Way(contact, why_not="no mail address, and no other way was chosen")
    if mail is None:
        return Way(contact, why_not="the console has no mail channel that works")
    return Way(contact, ChannelKind.MAIL, mail.id, contact.email, None, mail.name)


def _kept(session: Session, service_id: int | None) -> dict[str, ContactWay]:
    scope = ContactWay.service_id == service_id if service_id else ContactWay.service_id.is_(None)
    return {way.name.lower(): way for way in session.scalars(select(ContactWay).where(scope).options(undefer(ContactWay.sealed)))}


def _once(ways: list[Way], seen: set[str]) -> list[Way]:
    fresh = []
    for way in ways:
        if way.key not in seen:
            seen.add(way.key)
            fresh.append(way)
    return fresh


def _changed(session: Session, service: Service | None, action: str, *, by: Person, **detail: object) -> None:
    object_ = f"service-{service.id}" if service else "company"
    audit.record(session, action, object_, actor=by.actor, actor_name=by.name, **detail)
    live.tell(session, object_, "contacts")
