"""What stands in the way of an end, reports, and action items."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.incidents.models import Incident
from app.response import resolve
from app.reviews import actions, items, queries, record
from app.reviews.items import Facts, Filters
from app.reviews.models import ActionItem, ItemState, Kind, Priority, Review, Work
from app.web.api import cursor
from app.web.api.asked import Asked, Id
from app.web.api.once import Key, once
from app.web.api.review_shapes import ActionItemShape, EndShape, ReviewDetail, ReviewShape
from app.web.api.shapes import Page
from app.web.deps import Db, Me
from app.web.guard import may
from app.web.loaders import incident as load_incident
from app.web.loaders import review as load

router = APIRouter(tags=["reviews"])
Known = Annotated[Incident, may(P.READ, load_incident.incident)]
Held = Annotated[Incident, may(P.RESPOND, load_incident.incident)]


class Beginning(Asked):
    kind: Kind = Kind.REPORT


class Writing(Asked):
    body: str
    version: int = Field(ge=1, description="The version of the section that the writer had read.")


class ItemFacts(Asked):
    """What is not sent stays as it is."""

    title: str = ""
    detail: str = ""
    kind: Work = Work.FIX
    priority: Priority = Priority.MEDIUM
    owner_id: Id | None = None
    due_on: date | None = None
    link: str = Field("", description="Where the work is done, if that is somewhere else.")


class ItemChange(ItemFacts):
    state: ItemState = ItemState.OPEN
    outcome: str = Field("", description="What came of it; needed to drop it.")
    version: int | None = Field(None, description="Refused where it is not the one that stands.")


@router.get("/incidents/{incident_id}/obstacles")
def obstacles(db: Db, incident: Known) -> EndShape:
    """What stands in the way of resolving an incident and of calling it reviewed, and how long it took so far."""
    found = {"resolved": resolve.check(db, incident), "reviewed": resolve.unreviewed(db, incident)}
    return EndShape.model_validate(found | {"durations": record.of(db, incident).durations})


@router.get("/incidents/{incident_id}/reviews")
def reviews_of(db: Db, incident: Known) -> Page[ReviewShape]:
    """The reviews of an incident, the report first."""
    return Page(items=[ReviewShape.model_validate(review) for review in queries.of_incident(db, incident)])


@router.post("/incidents/{incident_id}/reviews", response_model=ReviewDetail, status_code=201)
def begin(request: Request, db: Db, me: Me, incident: Held, beginning: Beginning, key: Key = "") -> Response:
    """Begin a review, drafted from the record. Begun already: the one that there is."""

    def make() -> ReviewDetail:
        made = actions.begin(db, incident, beginning.kind, by=me)
        return ReviewDetail.model_validate(queries.get(db, made.id, reach=me.reach()))

    return once(request, db, me, key, beginning, make, status=201)


@router.get("/reviews/{review_id}")
def review(review: Annotated[Review, may(P.READ, load.review)]) -> ReviewDetail:
    """One review with its sections."""
    return ReviewDetail.model_validate(review)


@router.post("/reviews/{review_id}/draft", response_model=ReviewDetail)
def redraft(request: Request, db: Db, me: Me, review: Annotated[Review, may(P.RESPOND, load.review)], key: Key = "") -> Response:
    """Draft again from the record. What people wrote stays; the draft stands beside it."""

    def make() -> ReviewDetail:
        actions.redraft(db, review, by=me)
        return ReviewDetail.model_validate(queries.get(db, review.id, reach=me.reach()))

    return once(request, db, me, key, None, make)


@router.post("/reviews/{review_id}/sections/{section}", response_model=ReviewDetail)
def write(
    request: Request,
    db: Db,
    me: Me,
    review: Annotated[Review, may(P.RESPOND, load.review)],
    section: str,
    writing: Writing,
    key: Key = "",
) -> Response:
    """Write a section. Refused where somebody wrote a newer version: read it, then send both texts put together."""

    def make() -> ReviewDetail:
        actions.write(db, review, section, body=writing.body, version=writing.version, by=me)
        return ReviewDetail.model_validate(queries.get(db, review.id, reach=me.reach()))

    return once(request, db, me, key, writing, make)


@router.get("/action-items")
def action_items(
    db: Db,
    me: Annotated[Person, may(P.READ)],
    state: Literal["overdue"] | ItemState | None = None,
    kind: Work | None = None,
    owner_id: Id | None = None,
    incident_id: Id | None = None,
) -> Page[ActionItemShape]:
    """Action items that are to be done, what is due first stands first; at most two hundred. `state` shows those that ended too."""
    filters = Filters(owner_id=owner_id, kind=kind or "", state=state or "", incident_id=incident_id)
    found = items.find(db, filters, reach=me.reach(), limit=2 * cursor.PAGE)
    return Page(items=[ActionItemShape.model_validate(item) for item in found])


@router.post("/incidents/{incident_id}/action-items", response_model=ActionItemShape, status_code=201)
def add(request: Request, db: Db, me: Me, incident: Held, facts: ItemFacts, key: Key = "") -> Response:
    """Write an action item down."""

    def make() -> ActionItemShape:
        told = Facts(**facts.model_dump(exclude_unset=True))  # type: ignore[typeddict-item]  # its keys
        made = items.add(db, incident, form_nonce=f"api-{me.actor}-{key}", by=me, **told)
        return ActionItemShape.model_validate(items.get(db, made.id, reach=me.reach()))

    return once(request, db, me, key, facts, make, status=201)


@router.get("/action-items/{action_id}")
def action_item(item: Annotated[ActionItem, may(P.READ, load.action)]) -> ActionItemShape:
    """One action item."""
    return ActionItemShape.model_validate(item)


@router.post("/action-items/{action_id}", response_model=ActionItemShape)
def change(
    request: Request, db: Db, me: Me, item: Annotated[ActionItem, may(P.RESPOND, load.action)], change: ItemChange, key: Key = ""
) -> Response:
    """Change an action item: its facts, its owner, its state. What is not sent stays."""

    def make() -> ActionItemShape:
        told = Facts(**change.model_dump(exclude_unset=True, exclude={"version"}))  # type: ignore[typeddict-item]  # its keys
        items.change(db, item, version=change.version, by=me, **told)
        return ActionItemShape.model_validate(items.get(db, item.id, reach=me.reach()))

    return once(request, db, me, key, change, make)
