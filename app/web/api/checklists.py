"""Checklists of incidents and services: read, begin, tick, take back, skip, overrule, own; and their templates."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.catalog.models import Service
from app.checklists import actions, queries
from app.checklists.models import Checklist, ChecklistTemplate, Item
from app.incidents.models import Incident
from app.web.api.asked import Asked, Id, Moment, named
from app.web.api.once import Key, once
from app.web.api.shapes import Named, Page, Shape
from app.web.deps import Db, Me
from app.web.guard import may
from app.web.loaders import catalog
from app.web.loaders import checklist as load
from app.web.loaders import incident as load_incident

router = APIRouter(tags=["checklists"])
HeldItem = Annotated[Item, may(P.RESPOND, load.item)]
Standing = Literal["open", "ticked", "skipped"]


class ItemShape(Shape):
    id: int
    position: int
    text: str
    hint: str
    required: bool
    binding: str = Field(description="What ticks it; empty where people do.")
    by_hand: str = Field(description="Why people tick it though it is bound: no evidence can come.")
    state: str = Field(description="open, ticked or skipped")
    is_overruled: bool
    marked_by: str
    marked_at: datetime | None
    reason: str
    evidence: str
    evidence_url: str = Field(description="A path of this console.")
    due_at: datetime | None
    owner: Named | None
    notes: int


class ChecklistShape(Shape):
    id: int
    incident_id: int | None
    service_id: int | None
    template_id: int
    version: int = Field(description="Of the template; later ones do not change this list.")
    phase: str
    name: str
    begun_at: datetime
    begun_by: str
    done: int = Field(description="Items that are ticked or skipped.")
    items: list[ItemShape]


class Beginning(Asked):
    template_id: Id


class Seeing(Asked):
    """What you had before your eyes: where it is otherwise by now, you are told and nothing is changed."""

    seen: Standing | None = None


class Skipping(Seeing):
    reason: str


class Overruling(Asked):
    ticked: bool = Field(description="What is so, whatever the evidence says.")
    reason: str = Field(description="Stays in sight.")


class Owning(Asked):
    owner_id: Id | None = Field(description="Of a person who can respond; null gives it back.")
    seen_owner_id: Id | None = Field(None, description="Whose it was when you looked.")


class Timing(Asked):
    due_at: Moment | None = Field(description="Null for no time.")


class Noting(Asked):
    body: str


@router.get("/incidents/{incident_id}/checklists")
def of_incident(db: Db, incident: Annotated[Incident, may(P.READ, load_incident.incident)]) -> Page[ChecklistShape]:
    """The lists of an incident with their items, in the order of the phases."""
    return Page(items=[ChecklistShape.model_validate(one) for one in queries.of_incident(db, incident)])


@router.post("/incidents/{incident_id}/checklists", response_model=ChecklistShape, status_code=201)
def begin(
    request: Request,
    db: Db,
    me: Me,
    incident: Annotated[Incident, may(P.RESPOND, load_incident.incident)],
    asked: Beginning,
    key: Key = "",
) -> Response:
    """Begin a list of an incident by hand. A list that it has is given back as it is."""

    def make() -> ChecklistShape:
        made = actions.begin(db, _template(db, asked.template_id), incident=incident, form_nonce=f"api-{me.actor}-{key}", by=me)
        return _list(db, made, me)

    return once(request, db, me, key, asked, make, status=201)


@router.get("/services/{slug}/checklists")
def of_service(db: Db, service: Annotated[Service, may(P.READ, catalog.service)]) -> Page[ChecklistShape]:
    """The newest lists that were begun for a service itself, for example for a deployment."""
    return Page(items=[ChecklistShape.model_validate(one) for one in queries.of_service(db, service)])


@router.post("/services/{slug}/checklists", response_model=ChecklistShape, status_code=201)
def begin_for_service(
    request: Request, db: Db, me: Me, service: Annotated[Service, may(P.RESPOND, catalog.service)], asked: Beginning, key: Key = ""
) -> Response:
    """Begin a list for a service, without an incident."""

    def make() -> ChecklistShape:
        made = actions.begin(db, _template(db, asked.template_id), service=service, form_nonce=f"api-{me.actor}-{key}", by=me)
        return _list(db, made, me)

    return once(request, db, me, key, asked, make, status=201)


@router.get("/checklists/{checklist_id}")
def one(checklist: Annotated[Checklist, may(P.READ, load.checklist)]) -> ChecklistShape:
    """One list with its items."""
    return ChecklistShape.model_validate(checklist)


@router.post("/checklist-items/{item_id}/tick", response_model=ItemShape)
def tick(request: Request, db: Db, me: Me, item: HeldItem, asked: Seeing, key: Key = "") -> Response:
    """Tick an item. 409 names who was faster; 422 where evidence ticks it."""
    return _once(request, db, me, item, key, asked, lambda: actions.tick(db, item, seen=asked.seen, by=me))


@router.post("/checklist-items/{item_id}/untick", response_model=ItemShape)
def untick(request: Request, db: Db, me: Me, item: HeldItem, asked: Seeing, key: Key = "") -> Response:
    """Open an item again."""
    return _once(request, db, me, item, key, asked, lambda: actions.untick(db, item, seen=asked.seen, by=me))


@router.post("/checklist-items/{item_id}/skip", response_model=ItemShape)
def skip(request: Request, db: Db, me: Me, item: HeldItem, asked: Skipping, key: Key = "") -> Response:
    """Skip an item, with a reason."""
    return _once(request, db, me, item, key, asked, lambda: actions.skip(db, item, reason=asked.reason, seen=asked.seen, by=me))


@router.post("/checklist-items/{item_id}/overrule", response_model=ItemShape)
def overrule(request: Request, db: Db, me: Me, item: HeldItem, asked: Overruling, key: Key = "") -> Response:
    """Say that a bound item is done, or not, against the evidence and with a reason."""
    return _once(request, db, me, item, key, asked, lambda: actions.overrule(db, item, ticked=asked.ticked, reason=asked.reason, by=me))


@router.post("/checklist-items/{item_id}/lift", response_model=ItemShape)
def lift(request: Request, db: Db, me: Me, item: HeldItem, key: Key = "") -> Response:
    """Let the evidence decide on an overruled item again."""
    return _once(request, db, me, item, key, None, lambda: actions.lift(db, item, by=me))


@router.post("/checklist-items/{item_id}/own", response_model=ItemShape)
def own(request: Request, db: Db, me: Me, item: HeldItem, asked: Owning, key: Key = "") -> Response:
    """Give an item its one owner, or none."""
    return _once(request, db, me, item, key, asked, lambda: actions.own(db, item, owner_id=asked.owner_id, seen=asked.seen_owner_id, by=me))


@router.post("/checklist-items/{item_id}/due", response_model=ItemShape)
def set_due(request: Request, db: Db, me: Me, item: HeldItem, asked: Timing, key: Key = "") -> Response:
    """Say until when an item is due."""
    return _once(request, db, me, item, key, asked, lambda: actions.set_due(db, item, at=asked.due_at, by=me))


@router.post("/checklist-items/{item_id}/notes", response_model=ItemShape)
def note(request: Request, db: Db, me: Me, item: HeldItem, asked: Noting, key: Key = "") -> Response:
    """Write a note beside an item."""
    return _once(request, db, me, item, key, asked, lambda: actions.note_item(db, item, body=asked.body, by=me))


def _once(request: Request, db: Session, me: Person, item: Item, key: str, asked: BaseModel | None, verb: Callable[[], None]) -> Response:
    """Carry a verb on the item out once and answer with the item as it is then."""

    def make() -> ItemShape:
        verb()
        db.flush()
        return ItemShape.model_validate(queries.get_item(db, item.id, reach=me.reach()))

    return once(request, db, me, key, asked, make)


def _template(db: Session, template_id: int) -> ChecklistTemplate:
    with named(f"template {template_id}", "template_id"):
        return queries.get_template(db, template_id)[0]


def _list(db: Session, made: Checklist, me: Person) -> ChecklistShape:
    return ChecklistShape.model_validate(queries.get(db, made.id, reach=me.reach()))
