"""Templates of checklists: read, make, change."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.checklists import queries, templates
from app.checklists.phases import ListPhase
from app.checklists.queries import Template
from app.incidents.states import Severity
from app.web.api.asked import Asked, Id
from app.web.api.once import Key, once
from app.web.api.shapes import Page, Shape
from app.web.deps import Db, Me
from app.web.guard import may
from app.web.loaders import checklist as load

router = APIRouter(tags=["checklist_templates"])
Edited = Annotated[Template, may(P.EDIT_PROCEDURE, load.template)]


class LineShape(Shape):
    text: str
    hint: str
    required: bool
    binding: str
    due_s: int | None


class TemplateShape(Shape):
    """A template in its newest version."""

    id: int
    phase: str
    archived_at: datetime | None
    version: int
    name: str
    severities: list[str] = Field(description="Of incidents that get it by themselves; empty for all.")
    service_ids: list[int] = Field(description="Likewise.")
    items: list[LineShape]
    reason: str = Field(description="Why it was changed.")
    by_name: str
    at: datetime


class LineAsked(Asked):
    text: str
    hint: str = ""
    required: bool = True
    binding: str = Field("", description="What ticks it (severity.confirmed, run.succeeded, notice.sent, …); empty for people.")
    due_s: int | None = Field(None, description="Seconds from the beginning of the list's phase.")


class Writing(Asked):
    name: str
    items: list[LineAsked]
    severities: list[Severity] = Field(default_factory=list)
    service_ids: list[Id] = Field(default_factory=list)
    reason: str = ""

    def draft(self) -> templates.Draft:
        lines = [templates.Line(**line.model_dump()) for line in self.items]
        return templates.Draft(self.name, lines, self.severities, self.service_ids, self.reason)


class Making(Writing):
    phase: ListPhase


class Changing(Writing):
    seen: int = Field(ge=1, lt=2**31, description="The number of the version that you edited.")


@router.get("/checklist-templates")
def listed(db: Db, _: Annotated[Person, may(P.READ)]) -> Page[TemplateShape]:
    """The templates in use, in the order of the phases."""
    return Page(items=_shapes(queries.templates(db)))


@router.post("/checklist-templates", response_model=TemplateShape, status_code=201)
def make(request: Request, db: Db, me: Annotated[Person, may(P.EDIT_PROCEDURE)], asked: Making, key: Key = "") -> Response:
    """Make a template."""

    def made() -> TemplateShape:
        template = templates.make(db, asked.draft(), phase=asked.phase, by=me)
        db.refresh(template)
        return _shape(queries.get_template(db, template.id))

    return once(request, db, me, key, asked, made, status=201)


@router.get("/checklist-templates/{template_id}")
def one(pair: Annotated[Template, may(P.READ, load.template)]) -> TemplateShape:
    """One template in its newest version."""
    return _shape(pair)


@router.post("/checklist-templates/{template_id}", response_model=TemplateShape)
def change(request: Request, db: Db, me: Me, pair: Edited, asked: Changing, key: Key = "") -> Response:
    """Write the next version of a template. 409 where there is a newer one than you saw. Running lists keep what they say."""

    def changed() -> TemplateShape:
        templates.change(db, pair[0], asked.draft(), seen=asked.seen, by=me)
        return _shape(queries.get_template(db, pair[0].id))

    return once(request, db, me, key, asked, changed)


def _shapes(pairs: Sequence[Template]) -> list[TemplateShape]:
    return [_shape(pair) for pair in pairs]


def _shape(pair: Template) -> TemplateShape:
    template, version = pair
    said = {name: getattr(version, name) for name in ("name", "severities", "service_ids", "items", "reason", "by_name", "at")}
    return TemplateShape(id=template.id, phase=template.phase, archived_at=template.archived_at, version=version.number, **said)
