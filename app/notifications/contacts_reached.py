"""Whom to call about an incident, and who was reached and when."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.accounts.policy import Person, Reach
from app.catalog import queries as catalog
from app.catalog.models import Contact, Service
from app.core.database import db_now
from app.core.errors import NotFound
from app.incidents import timeline
from app.incidents.models import Incident, IncidentService
from app.notifications.alerting_models import ContactCall
from app.notifications.paging import KIND
from app.notifications.ways import key_of

REACHED, NOT_REACHED = "reached", "not_reached"
TWICE = timedelta(seconds=10)  # the same word by the same person within this time is one tap that was sent twice


@dataclass(frozen=True)
class Reachable:
    """A contact, for which services, and the last that somebody said of them."""

    contact: Contact
    services: tuple[str, ...]  # names; none for a contact of the whole company
    last: ContactCall | None


def of_incident(session: Session, incident: Incident, *, reach: Reach) -> list[Reachable]:
    """Everybody to call: the contacts of the services that the reader may see, in order, then the company's. Each person once."""
    calls = _latest(session, incident)
    first: dict[str, Contact] = {}
    named: dict[str, list[str]] = {}
    for service in _services(session, incident, reach):
        for contact in catalog.contacts_of(session, service):
            first.setdefault(key_of(contact), contact)
            named.setdefault(key_of(contact), []).append(service.name)
    for contact in catalog.company_contacts(session):
        first.setdefault(key_of(contact), contact)
    return [Reachable(contact, tuple(named.get(key, ())), calls.get(key)) for key, contact in first.items()]


def get(session: Session, incident: Incident, contact_id: int, *, reach: Reach) -> Contact:
    """One contact of the incident. NotFound where it is none of them (any more): lists are written anew when they are edited."""
    contact = session.get(Contact, contact_id)
    services = {service.id for service in _services(session, incident, reach)}
    if contact is None or (contact.service_id is not None and contact.service_id not in services):
        raise NotFound(
            "This contact is not in the list any more: it was edited meanwhile. Nothing was written; look at the incident again."
        )
    return contact


def say(session: Session, incident: Incident, contact: Contact, *, reached: bool, by: Person) -> ContactCall:
    """Write down that somebody was reached, or not. The same tap sent twice is written once."""
    session.refresh(incident, with_for_update=True)  # two at once: the second waits here and finds what the first one wrote
    outcome, last = REACHED if reached else NOT_REACHED, _latest(session, incident).get(key_of(contact))
    if last and last.outcome == outcome and last.by_id == by.id and last.at > db_now(session) - TWICE:
        return last
    call = ContactCall(
        incident_id=incident.id, contact=key_of(contact), name=contact.name, role=contact.role, outcome=outcome, by_id=by.id, by=by.name
    )
    session.add(call)
    session.flush()
    who = f"{contact.name}{f' ({contact.role})' if contact.role else ''}"
    timeline.record(session, incident, f"reached {who}" if reached else f"could not reach {who}", kind=KIND, by=by)
    return call


def _latest(session: Session, incident: Incident) -> dict[str, ContactCall]:
    found = session.scalars(select(ContactCall).where(ContactCall.incident_id == incident.id).order_by(ContactCall.id))
    return {call.contact: call for call in found}


def _services(session: Session, incident: Incident, reach: Reach) -> list[Service]:
    touched = select(IncidentService).where(IncidentService.incident_id == incident.id).options(joinedload(IncidentService.service))
    services = [link.service for link in session.scalars(touched) if reach.everything or link.service_id in reach.service_ids]
    return sorted(services, key=lambda one: (one.tier, one.name, one.id))
