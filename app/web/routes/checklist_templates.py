"""Templates of checklists: read by everybody, written by those who may edit the procedure."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.checklists import queries, templates
from app.checklists.phases import NAMES
from app.checklists.queries import Template
from app.core.errors import NotFound
from app.incidents import queries as incidents
from app.incidents.models import Incident
from app.web import checklist_forms
from app.web.deps import Db, Me, Sent
from app.web.forms import redrawn
from app.web.guard import may
from app.web.landing import landing
from app.web.loaders import checklist as load
from app.web.render import back, page

router = APIRouter()
Writer = Annotated[Person, may(P.EDIT_PROCEDURE)]
Seen = Annotated[Template, may(P.READ, load.template)]
Edited = Annotated[Template, may(P.EDIT_PROCEDURE, load.template)]


@router.get("/checklist-templates")
def listed(request: Request, db: Db, me: Annotated[Person, may(P.READ)]) -> Response:
    return page(request, "checklists/templates.html", **_listed(db, me))


@router.get("/checklist-templates/new")
def new(request: Request, db: Db, me: Writer) -> Response:
    return page(request, "checklists/new.html", **checklist_forms.shown(db, me, None))


@router.post("/checklist-templates")
def make(request: Request, db: Db, me: Writer, sent: Sent) -> Response:
    with redrawn(request, "checklists/new.html", sent, **checklist_forms.shown(db, me, None)):
        made = templates.make(db, checklist_forms.draft(sent), phase=sent.text("phase"), by=me)
    return back(f"/checklist-templates/{made.id}")


@router.get("/checklist-templates/{template_id}")
def show(request: Request, db: Db, pair: Seen, me: Me) -> Response:
    return page(request, "checklists/template.html", **_shown(db, pair, me))


@router.get("/checklist-templates/{template_id}/edit")
def edit(request: Request, db: Db, pair: Edited, me: Me) -> Response:
    return page(request, "checklists/edit.html", **_form(db, pair, me, request.query_params.get("incident", "")))


@router.post("/checklist-templates/{template_id}/edit")
def change(request: Request, db: Db, pair: Edited, me: Me, sent: Sent) -> Response:
    shown = _form(db, pair, me, sent.text("incident"))
    with redrawn(request, "checklists/edit.html", sent, **shown):
        seen, taught = sent.whole("seen") or 0, shown["incident"]
        templates.change(db, pair[0], checklist_forms.draft(sent), seen=seen, incident=taught, by=me)
    return back(f"/checklist-templates/{pair[0].id}")


@router.post("/checklist-templates/{template_id}/put-away")
def put_away(db: Db, pair: Edited, me: Me) -> Response:
    with landing(f"/checklist-templates/{pair[0].id}"):
        templates.put_away(db, pair[0], by=me)
    return back(f"/checklist-templates/{pair[0].id}")


@router.post("/checklist-templates/{template_id}/take-out")
def take_out(db: Db, pair: Edited, me: Me) -> Response:
    with landing(f"/checklist-templates/{pair[0].id}"):
        templates.take_out(db, pair[0], by=me)
    return back(f"/checklist-templates/{pair[0].id}")


def _listed(db: Session, me: Person) -> dict[str, Any]:
    return {
        "pairs": queries.templates(db),
        "away": queries.templates(db, archived=True),
        "phases_named": NAMES,
        "may_edit": me.may(P.EDIT_PROCEDURE),
    }


def _shown(db: Session, pair: Template, me: Person) -> dict[str, Any]:
    template, version = pair
    shown = checklist_forms.shown(db, me, version)
    return shown | {
        "sheet": template,
        "version": version,
        "versions": queries.versions(db, template),
        "named": templates.for_services(shown["services"], version),
        "may_edit": me.may(P.EDIT_PROCEDURE),
    }


def _form(db: Session, pair: Template, me: Person, incident: str) -> dict[str, Any]:
    template, version = pair
    return checklist_forms.shown(db, me, version) | {"sheet": template, "version": version, "incident": _taught(db, me, incident)}


def _taught(db: Session, me: Person, number: str) -> Incident | None:
    """The incident that taught the change, where the address names one that the reader may see."""
    try:
        return incidents.get(db, int(number), reach=me.reach()) if number.isascii() and number.isdigit() and len(number) < 10 else None
    except NotFound:
        return None
