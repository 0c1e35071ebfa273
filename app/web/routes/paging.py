"""Paging: the link that answers a page without a sign-in, answering and paging from the incident, and how contacts are paged."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.catalog import actions as catalog
from app.catalog import queries
from app.catalog.models import Service
from app.incidents.models import Incident
from app.notifications import page_links, paging
from app.web import catalog_forms as forms
from app.web import paging_views as views
from app.web.deps import Db, Me, Sent
from app.web.fields import Fields
from app.web.forms import redrawn
from app.web.guard import may
from app.web.landing import landing
from app.web.loaders import catalog as load
from app.web.loaders import incident as load_incident
from app.web.render import back, page

router = APIRouter()
Anybody = Annotated[None, may(P.PUBLIC)]
Held = Annotated[Incident, may(P.RESPOND, load_incident.incident)]
Editor = Annotated[Service, may(P.EDIT_SERVICE, load.service)]
Admin = Annotated[Person, may(P.ADMINISTER)]


@router.get("/answer/{token}")
def asked(_: Anybody, request: Request, db: Db, token: str) -> Response:
    """A button: programs that read mail open links, and shall not answer by it."""
    attempt = page_links.attempt_of(db, token)
    incident = db.get_one(Incident, attempt.incident_id)
    return page(request, "paging/answer.html", **views.answered(db, incident, attempt.name))


@router.post("/answer/{token}")
def answer_by_link(_: Anybody, request: Request, db: Db, token: str) -> Response:
    incident, _paging, attempt = paging.answer_by_link(db, token)
    return page(request, "paging/answered.html", **views.answered(db, incident, attempt.name))


@router.post("/incidents/{incident_id}/paging/answer")
def answer(db: Db, incident: Held, me: Me) -> Response:
    with landing(f"/incidents/{incident.id}"):
        paging.answer(db, incident, by=me)
    return back(f"/incidents/{incident.id}")


@router.post("/incidents/{incident_id}/paging/begin")
def begin(db: Db, incident: Held, me: Me) -> Response:
    with landing(f"/incidents/{incident.id}"):
        begun = paging.begin(db, incident, by=me, asked=True)
    nobody = "Nobody can be paged: no contact has a way that works. Call somebody from the list."
    return back(f"/incidents/{incident.id}", "" if begun else nobody)


@router.get("/services/{slug}/paging")
def ways(request: Request, db: Db, service: Editor) -> Response:
    return page(request, "paging/ways.html", **views.arranged(db, service))


@router.post("/services/{slug}/paging")
def arrange(request: Request, db: Db, service: Editor, me: Me, sent: Sent) -> Response:
    shown = views.arranged(db, service)
    shown.pop("fields")
    with redrawn(request, "paging/ways.html", sent, **shown):
        views.arrange(db, service, sent, me=me)
    return back(f"/services/{service.slug}", "Whom to page, and how, is saved.")


@router.get("/contacts")
def company(request: Request, db: Db, me: Admin) -> Response:  # noqa: ARG001 - it is who may
    kept = queries.company_contacts(db)
    return page(request, "paging/company.html", count=len(kept) + forms.SPARE_ROWS, fields=Fields(forms.rows_of(kept, forms.CONTACT)))


@router.post("/contacts")
def set_company(request: Request, db: Db, me: Admin, sent: Sent) -> Response:
    rows = forms.contacts(sent)
    with redrawn(request, "paging/company.html", Fields(forms.rows_of(rows, forms.CONTACT)), count=max(len(rows), forms.SPARE_ROWS)):
        catalog.set_company_contacts(db, rows, by=me)
    return back("/contacts", "The company's contacts are saved, in this order.")


@router.get("/contacts/paging")
def company_ways(request: Request, db: Db, me: Admin) -> Response:  # noqa: ARG001
    return page(request, "paging/ways.html", **views.arranged(db, None))


@router.post("/contacts/paging")
def arrange_company(request: Request, db: Db, me: Admin, sent: Sent) -> Response:
    shown = views.arranged(db, None)
    shown.pop("fields")
    with redrawn(request, "paging/ways.html", sent, **shown):
        views.arrange(db, None, sent, me=me)
    return back("/contacts", "Whom to page, and how, is saved.")
