"""What changes a service, and whom to call about it."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.audit import actions as audit
from app.catalog.models import Contact, Link, Service
from app.core import live
from app.core.clock import now
from app.core.errors import Invalid

TIERS = {1: "Tier 1: the company stops without it", 2: "Tier 2: customers notice", 3: "Tier 3: colleagues notice", 4: "Tier 4: can wait"}
_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True)
class ServiceFacts:
    """What a form says of a service. An empty slug is made from the name."""

    name: str
    slug: str = ""
    owner: str = ""
    tier: int = 2
    description: str = ""
    good_after_s: int = 600


@dataclass(frozen=True)
class ContactFacts:
    """Somebody to call, as a row of the form. A row without name and without any way to reach anybody does not count."""

    role: str = ""
    name: str = ""
    phone: str = ""
    email: str = ""
    chat: str = ""


@dataclass(frozen=True)
class LinkFacts:
    """A page that belongs to the service, as a row of the form."""

    label: str = ""
    url: str = ""


def create(session: Session, facts: ServiceFacts, *, by: Person) -> Service:
    """Add a service. Invalid where a field is wrong or the slug is taken; two at once with one slug: the second is told so."""
    values = _checked(facts)
    made = session.scalar(insert(Service).values(**values).on_conflict_do_nothing(index_elements=["slug"]).returning(Service.id))
    if made is None:
        raise Invalid({"slug": f"There is already a service {values['slug']}. Open that one, or choose another slug."})
    service = session.get_one(Service, made)
    _changed(session, service, "service.create", by=by, **values)
    return service


def edit(session: Session, service: Service, facts: ServiceFacts, *, by: Person) -> None:
    """Change what is known of a service. Its slug stays: links in chats and runbooks lead to it."""
    values = _checked(facts)
    del values["slug"]
    changed = {name: value for name, value in values.items() if getattr(service, name) != value}
    for name, value in changed.items():
        setattr(service, name, value)
    if changed:
        _changed(session, service, "service.edit", by=by, **changed)


def archive(session: Session, service: Service, *, by: Person) -> None:
    """Take a service out of every list. Its incidents, runs and releases stay in the record."""
    if service.archived_at is None:
        service.archived_at = now()
        _changed(session, service, "service.archive", by=by)


def set_contacts(session: Session, service: Service, rows: Sequence[ContactFacts], *, by: Person) -> None:
    """Put these people, in this order, in the place of the ones there are. Invalid where a row cannot be called."""
    kept = _callable(rows)
    session.execute(select(Service.id).where(Service.id == service.id).with_for_update(key_share=True))
    session.execute(delete(Contact).where(Contact.service_id == service.id))
    session.add_all(Contact(service_id=service.id, position=place, **asdict(row)) for place, row in enumerate(kept))
    _changed(session, service, "service.contacts", by=by, names=[row.name for row in kept])


def set_company_contacts(session: Session, rows: Sequence[ContactFacts], *, by: Person) -> None:
    """The same for people to call in any incident, whatever service it touches: the CTO, a vendor's hotline."""
    kept = _callable(rows)
    # two at once: the second waits here, and its list is the one that stays
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext("company contacts"))))
    session.execute(delete(Contact).where(Contact.service_id.is_(None)))
    session.add_all(Contact(service_id=None, position=place, **asdict(row)) for place, row in enumerate(kept))
    session.flush()
    audit.record(session, "company.contacts", "company", actor=by.actor, actor_name=by.name, names=[row.name for row in kept])
    live.tell(session, "contacts")


def _callable(rows: Sequence[ContactFacts]) -> list[ContactFacts]:
    kept = [(number, _stripped(row)) for number, row in enumerate(rows)]
    kept = [(number, row) for number, row in kept if any((row.name, row.phone, row.email, row.chat))]
    problems: dict[str, str] = {}
    for number, row in kept:
        if not row.name:
            problems[f"name-{number}"] = "Say who answers, like “Payments on-call”."
        elif not (row.phone or row.email or row.chat):
            problems[f"phone-{number}"] = f"Give a phone number, a mail address or a chat name for {row.name}."
        if row.email and not _EMAIL.fullmatch(row.email):
            problems[f"email-{number}"] = "This is not a mail address."
    if problems:
        raise Invalid(problems)
    return [row for _, row in kept]


def set_links(session: Session, service: Service, rows: Sequence[LinkFacts], *, by: Person) -> None:
    """Put these links, in this order, in the place of the ones there are. Invalid where one is no web address."""
    kept = [(number, _stripped(row)) for number, row in enumerate(rows)]
    kept = [(number, row) for number, row in kept if row.label or row.url]
    problems = {
        f"url-{number}": "The address begins with https:// or http://."
        for number, row in kept
        if not re.fullmatch(r"https?://[^\s/]+\S*", row.url)
    }
    if problems:
        raise Invalid(problems)
    session.execute(select(Service.id).where(Service.id == service.id).with_for_update(key_share=True))
    session.execute(delete(Link).where(Link.service_id == service.id))
    session.add_all(
        Link(service_id=service.id, position=place, label=row.label or row.url, url=row.url) for place, (_, row) in enumerate(kept)
    )
    _changed(session, service, "service.links", by=by, labels=[row.label or row.url for _, row in kept])


def slug_of(name: str) -> str:
    """ "Log-in API" becomes "log-in-api"."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-")


def _checked(facts: ServiceFacts) -> dict[str, Any]:
    name, slug = facts.name.strip(), facts.slug.strip() or slug_of(facts.name)
    problems = {}
    if not 1 <= len(name) <= 100:
        problems["name"] = "A service needs a name of 1 to 100 characters."
    elif not _SLUG.fullmatch(slug):
        problems["slug"] = "A slug has up to 63 small letters, digits and hyphens, like log-in."
    if facts.tier not in TIERS:
        problems["tier"] = "Choose a tier from 1 to 4."
    if not 5 <= facts.good_after_s <= 604_800:
        problems["good_after_s"] = "Give a time from 5 seconds to 7 days."
    if len(facts.description) > 2000:
        problems["description"] = "Up to 2,000 characters fit."
    if problems:
        raise Invalid(problems)
    return {
        "name": name,
        "slug": slug,
        "owner": facts.owner.strip(),
        "tier": facts.tier,
        "description": facts.description.strip(),
        "good_after_s": facts.good_after_s,
    }


def _stripped(row: Any) -> Any:
    return type(row)(**{name: value.strip() for name, value in asdict(row).items()})


def _changed(session: Session, service: Service, action: str, *, by: Person, **detail: Any) -> None:
    session.flush()
    audit.record(session, action, f"service-{service.id}", actor=by.actor, actor_name=by.name, **detail)
    live.tell(session, "services", f"service-{service.id}", "board")
