"""Drills: the list, starting one on a service, following and leading it, its result."""

from typing import Annotated

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.catalog import queries as catalog
from app.catalog.models import Service, Target
from app.core.errors import NotFound, Refused
from app.drills import actions, queries
from app.drills.models import Drill, DrillScript
from app.web import drill_views as views
from app.web import incident_forms
from app.web.deps import Db, Me, Sent
from app.web.fields import Fields
from app.web.forms import redrawn
from app.web.guard import may
from app.web.landing import landing
from app.web.loaders import catalog as load_catalog
from app.web.loaders import drill as load
from app.web.render import back, page, piece

router = APIRouter()
Led = Annotated[Service, may(P.EDIT_PROCEDURE, load_catalog.service)]
Seen = Annotated[Drill, may(P.READ, load.drill)]
Held = Annotated[Drill, may(P.EDIT_PROCEDURE, load.drill)]
Told = Annotated[load.Told, may(P.EDIT_PROCEDURE, load.inject)]


@router.get("/drills")
def index(request: Request, db: Db, me: Annotated[Person, may(P.READ)]) -> Response:
    return page(request, "drills/index.html", **views.index(db, me))


@router.get("/services/{slug}/drills/new")
def new(request: Request, db: Db, service: Led) -> Response:
    return page(request, "drills/new.html", **views.starting(db, service))


@router.post("/services/{slug}/drills")
def start(request: Request, db: Db, service: Led, me: Me, sent: Sent) -> Response:
    nonce = incident_forms.nonce(sent)
    with redrawn(request, "drills/new.html", sent, **views.starting(db, service, nonce)):
        script, target = _script(db, sent), _target(db, service, sent)
        knows = sent.ticked("accepts_production")
        once = f"form-{me.id}-{nonce}"
        drill = actions.start(db, script, service, target=target, form_nonce=once, accepts_production=knows, by=me)
    return back(f"/drills/{drill.id}")


@router.get("/drills/{drill_id}")
def show(request: Request, db: Db, drill: Seen, me: Me) -> Response:
    return page(request, "drills/show.html", **views.shown(db, drill, me))


@router.get("/drills/{drill_id}/piece")
def show_piece(request: Request, db: Db, drill: Seen, me: Me) -> Response:
    return piece(request, "drills/_drill.html", **views.shown(db, drill, me))


@router.post("/drills/{drill_id}/facts/{inject_id}/tell")
def tell(db: Db, told: Told, me: Me) -> Response:
    drill, fact = told
    with landing(f"/drills/{drill.id}"):
        actions.inject(db, drill, fact, by=me)
    return back(f"/drills/{drill.id}")


@router.post("/drills/{drill_id}/facts/{inject_id}/skip")
def skip(db: Db, told: Told, me: Me) -> Response:
    drill, fact = told
    with landing(f"/drills/{drill.id}"):
        actions.skip(db, drill, fact, by=me)
    return back(f"/drills/{drill.id}")


@router.post("/drills/{drill_id}/lead")
def lead(db: Db, drill: Held, me: Me) -> Response:
    actions.take_over(db, drill, by=me)
    return back(f"/drills/{drill.id}")


@router.post("/drills/{drill_id}/end")
def end(db: Db, drill: Held, me: Me, sent: Sent) -> Response:
    with landing(f"/drills/{drill.id}"):
        actions.end(db, drill, reason=sent.text("reason"), by=me)
    return back(f"/drills/{drill.id}")


def _script(db: Session, sent: Fields) -> DrillScript:
    try:
        return queries.get_script(db, incident_forms.whole(sent.text("script")) or 0)[0]
    except NotFound:
        raise Refused("Choose a script. Nothing was started.", field="script") from None


def _target(db: Session, service: Service, sent: Fields) -> Target | None:
    """One of the service's targets; None where the drill is only talked through."""
    typed = sent.text("target")
    if typed in ("", "none"):
        return None
    found = next((target for target in catalog.targets_of(db, service) if str(target.id) == typed), None)
    if found is None:
        raise Refused("That target is not one of the service any more. Nothing was started: choose again.", field="target")
    return found
