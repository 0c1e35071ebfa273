"""Status pages: what they are called, what they show, who is told. Settings are an administrator's."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.statuspage import actions, pages, queries, subscribing
from app.statuspage.models import StatusPage
from app.web import status_forms as forms
from app.web import status_views as views
from app.web.deps import Db, Me, Sent
from app.web.forms import redrawn
from app.web.guard import may
from app.web.landing import landing
from app.web.loaders import statuspage as load
from app.web.render import back, page, piece

router = APIRouter(prefix="/status-pages")
Seen = Annotated[StatusPage, may(P.READ, load.page)]
Owned = Annotated[StatusPage, may(P.ADMINISTER, load.page)]
Publisher = Annotated[StatusPage, may(P.PUBLISH, load.page)]


@router.get("")
def index(request: Request, db: Db, me: Annotated[Person, may(P.READ)]) -> Response:
    return page(request, "statuspage/index.html", **views.index(db, me))


@router.get("/new")
def new(request: Request, db: Db, me: Annotated[Person, may(P.ADMINISTER)]) -> Response:  # noqa: ARG001 - it is who may
    return page(request, "statuspage/new.html", mailers=views.mailers(db))


@router.post("")
def create(request: Request, db: Db, me: Annotated[Person, may(P.ADMINISTER)], sent: Sent) -> Response:
    with redrawn(request, "statuspage/new.html", sent, mailers=views.mailers(db)):
        made = pages.create(db, **forms.page(sent), by=me)
    return back(f"/status-pages/{made.id}/components", f"{made.name} is there. Next: say which parts it shows.")


@router.get("/{page_id}")
def show(request: Request, db: Db, me: Me, shown: Seen) -> Response:
    return page(request, "statuspage/show.html", **views.shown(db, shown, me))


@router.get("/{page_id}/piece")
def show_piece(request: Request, db: Db, me: Me, shown: Seen) -> Response:
    return piece(request, "statuspage/_page.html", **views.shown(db, shown, me))


@router.get("/{page_id}/settings")
def edit(request: Request, db: Db, shown: Owned) -> Response:
    return page(request, "statuspage/edit.html", page=shown, mailers=views.mailers(db))


@router.post("/{page_id}/settings")
def save(request: Request, db: Db, me: Me, shown: Owned, sent: Sent) -> Response:
    with redrawn(request, "statuspage/edit.html", sent, page=shown, mailers=views.mailers(db)):
        pages.change(db, shown, **forms.page(sent), by=me)
    return back(f"/status-pages/{shown.id}", "The page says so now.")


@router.post("/{page_id}/close")
def close(db: Db, me: Me, shown: Owned) -> Response:
    pages.close(db, shown, by=me)
    return back("/status-pages", f"{shown.name} is closed; its files go within a second.")


@router.get("/{page_id}/components")
def components(request: Request, db: Db, me: Me, shown: Owned) -> Response:
    return page(request, "statuspage/components.html", **views.arranged(db, shown, me))


@router.post("/{page_id}/components")
def add(request: Request, db: Db, me: Me, shown: Owned, sent: Sent) -> Response:
    with redrawn(request, "statuspage/components.html", sent, **views.arranged(db, shown, me)):
        made = pages.add_component(db, shown, **forms.component(sent), by=me)
    return back(f"/status-pages/{shown.id}/components", f"The page shows {made.name}.")


@router.get("/{page_id}/components/{component_id}")
def component(request: Request, db: Db, me: Me, shown: Owned, component_id: int) -> Response:
    one = queries.get_component(db, shown, component_id)
    return page(request, "statuspage/component.html", component=one, **views.arranged(db, shown, me))


@router.post("/{page_id}/components/{component_id}")
def change(request: Request, db: Db, me: Me, shown: Owned, component_id: int, sent: Sent) -> Response:
    one = queries.get_component(db, shown, component_id)
    with redrawn(request, "statuspage/component.html", sent, component=one, **views.arranged(db, shown, me)):
        pages.change_component(db, shown, one, **forms.component(sent), by=me)
    return back(f"/status-pages/{shown.id}/components", f"{one.name} is changed.")


@router.post("/{page_id}/components/{component_id}/move")
def move(db: Db, shown: Owned, component_id: int, sent: Sent) -> Response:
    pages.move_component(db, shown, queries.get_component(db, shown, component_id), up=sent.text("to") == "up")
    return back(f"/status-pages/{shown.id}/components")


@router.post("/{page_id}/components/{component_id}/remove")
def remove(db: Db, me: Me, shown: Owned, component_id: int) -> Response:
    one = queries.get_component(db, shown, component_id)
    pages.remove_component(db, shown, one, by=me)
    return back(f"/status-pages/{shown.id}/components", f"The page does not show {one.name} any more.")


@router.post("/{page_id}/groups")
def add_group(db: Db, me: Me, shown: Owned, sent: Sent) -> Response:
    with landing(f"/status-pages/{shown.id}/components"):
        pages.add_group(db, shown, name=sent.text("name"), by=me)
    return back(f"/status-pages/{shown.id}/components")


@router.post("/{page_id}/groups/{group_id}/remove")
def remove_group(db: Db, me: Me, shown: Owned, group_id: int) -> Response:
    pages.remove_group(db, shown, queries.get_group(db, shown, group_id), by=me)
    return back(f"/status-pages/{shown.id}/components")


@router.get("/{page_id}/subscribers")
def subscribers(request: Request, db: Db, shown: Owned) -> Response:
    return page(request, "statuspage/subscribers.html", **views.told(db, shown))


@router.post("/{page_id}/subscribers/{subscriber_id}/{verb}")
def settle(db: Db, me: Me, shown: Owned, subscriber_id: int, verb: str) -> Response:
    with landing(f"/status-pages/{shown.id}/subscribers"):
        (subscribing.resume if verb == "resume" else subscribing.remove)(db, shown, subscriber_id, by=me)
    return back(f"/status-pages/{shown.id}/subscribers", "Done.")


@router.post("/{page_id}/reviews/{public_ref}/remove")
def unpublish(db: Db, me: Me, shown: Publisher, public_ref: str) -> Response:
    actions.unpublish_review(db, shown, queries.get_review(db, shown, public_ref), by=me)
    return back(f"/status-pages/{shown.id}", "The review is off the page.")
