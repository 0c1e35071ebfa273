"""Services: what runs, whom to call, where to read on. Targets, checks and releases have files of their own."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.catalog import actions, queries, readings
from app.catalog.actions import ContactFacts, LinkFacts, ServiceFacts
from app.catalog.models import Service
from app.web.api.asked import Asked, placed
from app.web.api.catalog_shapes import CheckShape, ContactShape, LinkShape, ReadingShape, ServiceDetail, ServiceShape
from app.web.api.once import Key, once
from app.web.api.shapes import Page
from app.web.api.targets import target_shape
from app.web.catalog_forms import MOST_ROWS
from app.web.deps import Db, Me
from app.web.guard import may
from app.web.loaders import catalog as load

router = APIRouter(tags=["services"])
Owned = Annotated[Service, may(P.EDIT_SERVICE, load.service)]


class ServiceEdit(Asked):
    """What is known of a service; what is not sent stays."""

    name: str = ""
    owner: str = ""
    tier: int = Field(2, description="1: the company stops without it; 2: customers notice; 3: colleagues notice; 4: it can wait.")
    description: str = ""
    good_after_s: int = Field(600, description="For how long its checks must hold until a release counts as good.")


class NewService(ServiceEdit):
    """A new service. Only the name is required."""

    name: str
    slug: str = Field("", description="Made from the name where it is left out. It never changes: links lead to it.")


class ContactRow(Asked):
    """Somebody to call: a name, and at least one way to reach them."""

    role: str = ""
    name: str = ""
    phone: str = ""
    email: str = ""
    chat: str = ""


class LinkRow(Asked):
    label: str = Field("", description="The address itself where it is left out.")
    url: str = Field("", description="Begins with https:// or http://.")


class Contacts(Asked):
    contacts: list[ContactRow] = Field(description="In the order in which they are called.", max_length=MOST_ROWS)


class Links(Asked):
    links: list[LinkRow] = Field(max_length=MOST_ROWS)


@router.get("/services")
def services(db: Db, me: Annotated[Person, may(P.READ)]) -> Page[ServiceShape]:
    """Every service that you may see, the most important tier first."""
    return Page(items=[ServiceShape.model_validate(service) for service in queries.services(db, reach=me.reach())])


@router.post("/services", response_model=ServiceShape, status_code=201)
def create(request: Request, db: Db, me: Annotated[Person, may(P.EDIT_SERVICE)], wish: NewService, key: Key = "") -> Response:
    """Register a service."""

    def make() -> ServiceShape:
        return ServiceShape.model_validate(actions.create(db, ServiceFacts(**wish.model_dump()), by=me))

    return once(request, db, me, key, wish, make, status=201)


@router.get("/services/{slug}")
def service(db: Db, service: Annotated[Service, may(P.READ, load.service)]) -> ServiceDetail:
    """One service: what runs on each target, what a rollback would lead to, its checks with their newest reading, whom to call."""
    return _detail(db, service)


@router.post("/services/{slug}/facts", response_model=ServiceShape)
def edit(request: Request, db: Db, me: Me, service: Owned, wish: ServiceEdit, key: Key = "") -> Response:
    """Change what is known of a service. Send only what changes; the slug stays."""

    def make() -> ServiceShape:
        present = ServiceFacts(**{name: getattr(service, name) for name in ServiceEdit.model_fields})
        actions.edit(db, service, replace(present, **wish.model_dump(exclude_unset=True), slug=service.slug), by=me)
        return ServiceShape.model_validate(service)

    return once(request, db, me, key, wish, make)


@router.post("/services/{slug}/archive", response_model=ServiceShape)
def archive(
    request: Request, db: Db, me: Me, service: Annotated[Service, may(P.EDIT_SERVICE, load.service_ever)], key: Key = ""
) -> Response:
    """Take a service out of every list. Its incidents, runs and releases stay in the record."""

    def make() -> ServiceShape:
        actions.archive(db, service, by=me)
        return ServiceShape.model_validate(service)

    return once(request, db, me, key, None, make)


@router.post("/services/{slug}/contacts", response_model=ServiceDetail)
def set_contacts(request: Request, db: Db, me: Me, service: Owned, wish: Contacts, key: Key = "") -> Response:
    """Say whom to call, in this order. They take the place of those that are there."""

    def make() -> ServiceDetail:
        with placed(_row_of("contacts")):
            actions.set_contacts(db, service, [ContactFacts(**row.model_dump()) for row in wish.contacts], by=me)
        return _detail(db, service)

    return once(request, db, me, key, wish, make)


@router.post("/services/{slug}/links", response_model=ServiceDetail)
def set_links(request: Request, db: Db, me: Me, service: Owned, wish: Links, key: Key = "") -> Response:
    """Say which pages belong to a service, in this order. They take the place of those that are there."""

    def make() -> ServiceDetail:
        with placed(_row_of("links")):
            actions.set_links(db, service, [LinkFacts(**row.model_dump()) for row in wish.links], by=me)
        return _detail(db, service)

    return once(request, db, me, key, wish, make)


def _row_of(rows: str) -> Callable[[str], str]:
    """The field "name-2" of the form is "contacts.2.name" of the body."""

    def place(field: str) -> str:
        name, _, number = field.rpartition("-")
        return f"{rows}.{number}.{name}"

    return place


def _detail(db: Session, service: Service) -> ServiceDetail:
    checks = queries.checks_of(db, service)
    newest = readings.newest(db, checks)
    return ServiceDetail(
        **ServiceShape.model_validate(service).model_dump(),
        targets=[target_shape(db, target) for target in queries.targets_of(db, service)],
        checks=[
            CheckShape(id=check.id, kind=check.kind, name=check.name, required=check.required, newest=_reading(newest.get(check.id)))
            for check in checks
        ],
        contacts=[ContactShape.model_validate(contact) for contact in queries.contacts_of(db, service)],
        links=[LinkShape.model_validate(link) for link in queries.links_of(db, service)],
    )


def _reading(reading: object) -> ReadingShape | None:
    return ReadingShape.model_validate(reading) if reading else None
