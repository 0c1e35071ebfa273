"""Scripts of drills: read and written by those who may edit the procedure, since they tell what is to come."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.catalog import queries as catalog
from app.drills import queries, scripts
from app.drills.queries import Script
from app.web import script_forms as forms
from app.web.deps import Db, Me, Sent
from app.web.forms import redrawn
from app.web.guard import may
from app.web.landing import landing
from app.web.loaders import drill as load
from app.web.render import back, page

router = APIRouter()
Writer = Annotated[Person, may(P.EDIT_PROCEDURE)]
Edited = Annotated[Script, may(P.EDIT_PROCEDURE, load.script)]


@router.get("/drill-scripts")
def listed(request: Request, db: Db, me: Writer) -> Response:
    named = {one.id: one for one in catalog.services(db, reach=me.reach())}
    return page(request, "drills/scripts.html", pairs=queries.scripts(db), away=queries.scripts(db, archived=True), named=named)


@router.get("/drill-scripts/new")
def new(request: Request, db: Db, me: Writer) -> Response:
    return page(request, "drills/new_script.html", **forms.shown(db, me, None))


@router.post("/drill-scripts")
def make(request: Request, db: Db, me: Writer, sent: Sent) -> Response:
    with redrawn(request, "drills/new_script.html", sent, **forms.shown(db, me, None)):
        made = scripts.make(db, forms.draft(db, me, sent), by=me)
    return back(f"/drill-scripts/{made.id}")


@router.get("/drill-scripts/{script_id}")
def show(request: Request, db: Db, pair: Edited, me: Me) -> Response:
    return page(request, "drills/script.html", **_shown(db, pair, me))


@router.post("/drill-scripts/{script_id}")
def change(request: Request, db: Db, pair: Edited, me: Me, sent: Sent) -> Response:
    with redrawn(request, "drills/script.html", sent, **_shown(db, pair, me)):
        saved = scripts.change(db, pair[0], forms.draft(db, me, sent), seen=sent.whole("seen") or 0, by=me)
    return back(f"/drill-scripts/{pair[0].id}", f"Version {saved.number} counts for drills from now on.")


@router.post("/drill-scripts/{script_id}/put-away")
def put_away(db: Db, pair: Edited, me: Me) -> Response:
    with landing(f"/drill-scripts/{pair[0].id}"):
        scripts.put_away(db, pair[0], away=True, by=me)
    return back(f"/drill-scripts/{pair[0].id}")


@router.post("/drill-scripts/{script_id}/take-out")
def take_out(db: Db, pair: Edited, me: Me) -> Response:
    with landing(f"/drill-scripts/{pair[0].id}"):
        scripts.put_away(db, pair[0], away=False, by=me)
    return back(f"/drill-scripts/{pair[0].id}")


def _shown(db: Session, pair: Script, me: Person) -> dict[str, Any]:
    script, version = pair
    return forms.shown(db, me, version) | {"script": script, "versions": queries.versions(db, script)}
