"""Status pages: what the public sees, and publishing on them."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.incidents import queries as incidents
from app.response import publish as publishing
from app.statuspage import links, queries
from app.statuspage.felt import Felt
from app.statuspage.models import StatusPage
from app.statuspage.states import Progress, Standing
from app.web.api.asked import Asked, Id, Moment, named
from app.web.api.once import Key, once
from app.web.api.shapes import Page
from app.web.api.status_shapes import StatusPageDetail, StatusPageShape, UpdateShape
from app.web.deps import Db, Me
from app.web.guard import may
from app.web.load import need
from app.web.loaders import statuspage as load

router = APIRouter(tags=["status-pages"])


class FeltHere(Asked):
    component_id: Id
    standing: Standing
    words: str = Field("", description="Instead of the usual ones: Slow in the EU.")


class Publication(Asked):
    """What the public shall read. Nothing of the incident itself is shown: title and text are what is sent here."""

    text: str
    state: Progress
    incident_id: Id | None = Field(None, description="The incident that it is about; its timeline says what was published.")
    about: str = Field("", description="The public id of what was published before, where no incident stands behind it.")
    title: str = Field("", description="Needed the first time; empty keeps the one that stands.")
    must_act: str = Field("No", description="The answer to: do I have to do anything?")
    began_at: Moment | None = None
    next_at: Moment | None = Field(None, description="When the next update is promised.")
    felt: list[FeltHere] | None = Field(None, description="How each component stands from now on, whole; null leaves it as it is.")
    seen: int | None = Field(None, ge=0, description="How many updates the writer had read; refused where there are more by now.")
    tells: bool = Field(True, description="Whether subscribers get a copy.")


@router.get("/status-pages")
def status_pages(db: Db, me: Annotated[Person, may(P.READ)]) -> Page[StatusPageShape]:
    """Every status page, with its public address."""
    return Page(items=[_shape(page) for page in queries.pages(db, reach=me.reach())])


@router.get("/status-pages/{page_id}")
def status_page(db: Db, page: Annotated[StatusPage, may(P.READ, load.page)]) -> StatusPageDetail:
    """One page: its components, and what is published as going on."""
    components = [
        {"id": one.id, "public_id": one.ref, "name": one.name, "service_id": one.service_id} for one in queries.components(db, page)
    ]
    active = [{"public_id": one.ref, "title": one.title, "state": one.state, "updates": one.updates} for one in queries.active(db, page)]
    return StatusPageDetail.model_validate(_shape(page).model_dump() | {"components": components, "active": active})


@router.post("/status-pages/{page_id}/publish", response_model=UpdateShape, status_code=201)
def publish(
    request: Request, db: Db, me: Me, page: Annotated[StatusPage, may(P.PUBLISH, load.page)], wish: Publication, key: Key = ""
) -> Response:
    """Publish an update. It is in the page's files within a second."""

    def make() -> UpdateShape:
        incident = None
        if wish.incident_id:
            with named(f"incident {wish.incident_id}", "incident_id"):
                incident = incidents.get(db, wish.incident_id, reach=me.reach())
            need(me, P.PUBLISH, incidents.service_ids(db, incident))
        subject = None
        if wish.about:
            with named(f"publication {wish.about[:20]}", "about"):
                subject = queries.get_published(db, page, wish.about)
        felt = None if wish.felt is None else {one.component_id: Felt(one.standing, one.words) for one in wish.felt}
        told = wish.model_dump(exclude={"incident_id", "about", "felt"})
        update = publishing.publish(db, page, incident, about=subject, felt=felt, by=me, **told)
        return UpdateShape.model_validate(update)

    return once(request, db, me, key, wish, make, status=201)


def _shape(page: StatusPage) -> StatusPageShape:
    shape = StatusPageShape.model_validate(page)
    shape.address = links.public_address(page)
    return shape
