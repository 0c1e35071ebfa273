"""Action items: the board, writing one down or taking a ready-made one, and following it to its end."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.incidents import queries as incidents
from app.incidents.models import Incident
from app.reviews import items
from app.reviews.models import ActionItem
from app.web import action_views, incident_forms
from app.web.deps import Db, Me, Sent
from app.web.fields import Fields
from app.web.forms import redrawn
from app.web.guard import may
from app.web.landing import landing
from app.web.loaders import incident as load_incident
from app.web.loaders import review as load
from app.web.render import back, page, piece

router = APIRouter()
Of = Annotated[Incident, may(P.RESPOND, load_incident.incident)]
Seen = Annotated[ActionItem, may(P.READ, load.action)]
Held = Annotated[ActionItem, may(P.RESPOND, load.action)]


@router.get("/actions")
def board(request: Request, db: Db, me: Annotated[Person, may(P.READ)]) -> Response:
    return page(request, "actions/index.html", **action_views.board(db, me, request.query_params))


@router.get("/actions/list")
def board_piece(request: Request, db: Db, me: Annotated[Person, may(P.READ)]) -> Response:
    return piece(request, "actions/_board.html", **action_views.board(db, me, request.query_params))


@router.get("/incidents/{incident_id}/actions/new")
def new(request: Request, db: Db, incident: Of, me: Me) -> Response:
    """The form, empty or with a ready-made measure in it."""
    fields = Fields(action_views.proposed(db, incident, request.query_params.get("measure", "")))
    shown = action_views.form(db, incident, me) | {"measures": action_views.offered(db, incident)}
    return page(request, "actions/new.html", **shown, fields=fields, nonce=incident_forms.nonce(Fields()))


@router.post("/incidents/{incident_id}/actions")
def add(request: Request, db: Db, incident: Of, me: Me, sent: Sent) -> Response:
    nonce = incident_forms.nonce(sent)
    shown = action_views.form(db, incident, me) | {"measures": action_views.offered(db, incident), "nonce": nonce}
    with redrawn(request, "actions/new.html", sent, **shown):
        items.add(db, incident, form_nonce=f"{incident.id}-{me.id}-{nonce}", by=me, **action_views.sent(sent))
    return back(f"/incidents/{incident.id}/report")


@router.get("/actions/{action_id}")
def show(request: Request, db: Db, item: Seen, me: Me) -> Response:
    return page(request, "actions/show.html", **action_views.form(db, incidents.shown(db, item.incident), me, item))


@router.post("/actions/{action_id}")
def change(request: Request, db: Db, item: Held, me: Me, sent: Sent) -> Response:
    with redrawn(request, "actions/show.html", sent, **action_views.form(db, incidents.shown(db, item.incident), me, item)):
        items.change(db, item, version=sent.whole("version"), by=me, **action_views.sent(sent))
    return back(f"/actions/{item.id}", flash="Saved.")


@router.post("/actions/{action_id}/state")
def move(db: Db, item: Held, me: Me, sent: Sent) -> Response:
    """One tap on the board: begin it, or say that it is done."""
    with landing(f"/actions/{item.id}"):
        items.change(db, item, state=sent.text("state"), by=me)
    return back("/actions")
