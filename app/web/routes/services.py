"""Services: what runs, how it is, where it can go back to, and whom to call."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.catalog import actions, queries, releases
from app.catalog.models import Release, Service
from app.web import catalog_forms as forms
from app.web import catalog_views as views
from app.web.deps import Db, Me, Sent
from app.web.fields import Fields
from app.web.forms import redrawn
from app.web.guard import may
from app.web.loaders import catalog as load
from app.web.render import back, page, piece

router = APIRouter()

Reader = Annotated[Service, may(P.READ, load.service)]
Editor = Annotated[Service, may(P.EDIT_SERVICE, load.service)]


@router.get("/services")
def index(request: Request, db: Db, me: Annotated[Person, may(P.READ)]) -> Response:
    return page(request, "services/index.html", rows=views.rows(db, me))


@router.get("/services/list")
def list_piece(request: Request, db: Db, me: Annotated[Person, may(P.READ)]) -> Response:
    return piece(request, "services/_list.html", rows=views.rows(db, me))


@router.get("/services/new")
def new(request: Request, me: Annotated[Person, may(P.EDIT_SERVICE)]) -> Response:  # noqa: ARG001 - it is who may
    return page(request, "services/new.html", tiers=actions.TIERS)


@router.post("/services")
def create(request: Request, db: Db, me: Annotated[Person, may(P.EDIT_SERVICE)], sent: Sent) -> Response:
    with redrawn(request, "services/new.html", sent, tiers=actions.TIERS):
        service = actions.create(db, forms.service(sent), by=me)
    return back(f"/services/{service.slug}", f"{service.name} is known now. Next: say where it runs.")


@router.get("/services/{slug}")
def show(request: Request, db: Db, service: Reader, me: Me) -> Response:
    return page(request, "services/show.html", **views.shown(db, service, me))


@router.get("/services/{slug}/piece")
def show_piece(request: Request, db: Db, service: Reader, me: Me) -> Response:
    return piece(request, "services/_now.html", **views.current(db, service, me))


@router.get("/services/{slug}/watch")
def watch_piece(request: Request, db: Db, service: Reader, me: Me) -> Response:
    return piece(request, "services/_watch.html", **views.current(db, service, me))


@router.get("/services/{slug}/edit")
def edit_form(request: Request, service: Editor) -> Response:
    return page(request, "services/edit.html", service=service, tiers=actions.TIERS, fields=Fields(forms.of_service(service)))


@router.post("/services/{slug}/edit")
def edit(request: Request, db: Db, service: Editor, me: Me, sent: Sent) -> Response:
    with redrawn(request, "services/edit.html", sent, service=service, tiers=actions.TIERS):
        actions.edit(db, service, forms.service(sent), by=me)
    return back(f"/services/{service.slug}", "Saved.")


@router.post("/services/{slug}/archive")
def archive(db: Db, service: Editor, me: Me) -> Response:
    actions.archive(db, service, by=me)
    return back("/services", f"{service.name} is not watched any more. Its incidents and runs stay in the record.")


@router.get("/services/{slug}/contacts")
def contacts_form(request: Request, db: Db, service: Editor) -> Response:
    kept = queries.contacts_of(db, service)
    fields = Fields(forms.rows_of(kept, forms.CONTACT))
    return page(request, "services/contacts.html", service=service, count=len(kept) + forms.SPARE_ROWS, fields=fields)


@router.post("/services/{slug}/contacts")
def set_contacts(request: Request, db: Db, service: Editor, me: Me, sent: Sent) -> Response:
    rows = forms.contacts(sent)
    fields = Fields(forms.rows_of(rows, forms.CONTACT))
    with redrawn(request, "services/contacts.html", fields, service=service, count=len(rows)):
        actions.set_contacts(db, service, rows, by=me)
    return back(f"/services/{service.slug}", "The contacts are saved, in this order.")


@router.get("/services/{slug}/links")
def links_form(request: Request, db: Db, service: Editor) -> Response:
    kept = queries.links_of(db, service)
    fields = Fields(forms.rows_of(kept, forms.LINK))
    return page(request, "services/links.html", service=service, count=len(kept) + forms.SPARE_ROWS, fields=fields)


@router.post("/services/{slug}/links")
def set_links(request: Request, db: Db, service: Editor, me: Me, sent: Sent) -> Response:
    rows = forms.links(sent)
    fields = Fields(forms.rows_of(rows, forms.LINK))
    with redrawn(request, "services/links.html", fields, service=service, count=len(rows)):
        actions.set_links(db, service, rows, by=me)
    return back(f"/services/{service.slug}", "The links are saved, in this order.")


@router.get("/releases/{release_id}")
def release(request: Request, db: Db, release: Annotated[Release, may(P.READ, load.release)], me: Me) -> Response:
    return page(request, "services/release.html", **views.release(db, release, me))


@router.post("/releases/{release_id}/mark")
def mark(request: Request, db: Db, release: Annotated[Release, may(P.MARK_RELEASE, load.release)], me: Me, sent: Sent) -> Response:
    with redrawn(request, "services/release.html", sent, **views.release(db, release, me)):
        releases.mark(db, release, sent.text("standing"), reason=sent.text("reason"), by=me)
    return back(f"/services/{release.target.service.slug}", f"{release.version} is marked {release.standing}.")
