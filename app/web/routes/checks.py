"""Checks: how to tell that a service works. A check can be tried before it is saved."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.catalog import addresses, checks
from app.catalog.models import Check, Service
from app.core.database import Json, transaction
from app.core.errors import NotFound
from app.executors.checks.configs import parse
from app.web import catalog_forms as forms
from app.web import catalog_questions as questions
from app.web.deps import Db, Me, Sent
from app.web.fields import Fields
from app.web.forms import redrawn
from app.web.guard import may
from app.web.loaders import catalog as load
from app.web.render import back, page

router = APIRouter()

Owner = Annotated[Service, may(P.EDIT_SERVICE, load.service)]
Editable = Annotated[Check, may(P.EDIT_SERVICE, load.check)]


@router.get("/services/{slug}/checks/new")
def new(request: Request, service: Owner, kind: str = "", source: str = "prometheus") -> Response:
    if kind not in checks.KINDS:
        return page(request, "checks/kinds.html", service=service, said=None)
    return page(request, "checks/new.html", said=None, **_form(service, kind, source))


@router.post("/services/{slug}/checks")
def create(request: Request, db: Db, service: Owner, me: Me, sent: Sent) -> Response:
    shown = _form(service, sent.text("kind"), sent.text("source"))
    with redrawn(request, "checks/new.html", sent, said=None, **shown):
        if said := _said(service, sent.text("kind"), sent, by=me):
            return page(request, "checks/new.html", fields=sent, said=said, **shown)
        check = checks.add(db, service, kind=sent.text("kind"), **forms.check_facts(sent.text("kind"), sent), by=me)
    return back(f"/services/{service.slug}", f"The check {check.name} is read from now on.")


@router.post("/services/{slug}/checks/usual")
def create_usual(request: Request, db: Db, service: Owner, me: Me, sent: Sent) -> Response:
    """Error rate, response time and 5xx responses at once, from one source."""
    with redrawn(request, "checks/kinds.html", sent, service=service, said=None):
        usual = forms.usual_checks(sent)
        if said := _look(service, "metric", usual[0]["config"], sent, by=me):
            return page(request, "checks/kinds.html", service=service, fields=sent, said=said)
        for check in usual:
            checks.add(db, service, **check, by=me)
    return back(f"/services/{service.slug}", "Error rate, response time and 5xx responses are read from now on.")


@router.get("/checks/{check_id}/edit")
def edit_form(request: Request, check: Editable) -> Response:
    fields = Fields(forms.of_check(check))
    shown = _form(check.service, check.kind, fields.text("source"))
    return page(request, "checks/edit.html", check=check, said=None, fields=fields, **shown)


@router.post("/checks/{check_id}/edit")
def edit(request: Request, db: Db, check: Editable, me: Me, sent: Sent) -> Response:
    shown = _form(check.service, check.kind, sent.text("source"))
    with redrawn(request, "checks/edit.html", sent, check=check, said=None, **shown):
        if said := _said(check.service, check.kind, sent, check_id=check.id, by=me):
            return page(request, "checks/edit.html", check=check, fields=sent, said=said, **shown)
        checks.edit(db, check, **forms.check_facts(check.kind, sent), by=me)
    return back(f"/services/{check.service.slug}", f"The check {check.name} is saved.")


@router.post("/checks/{check_id}/archive")
def archive(db: Db, check: Editable, me: Me) -> Response:
    name = check.name
    checks.archive(db, check, by=me)
    return back(f"/services/{check.service.slug}", f"The check {name} is not read any more.")


def _form(service: Service, kind: str, source: str) -> dict[str, Any]:
    if kind not in checks.KINDS:
        raise NotFound("There is no such kind of check. Choose one on the service's page.")
    return {"service": service, "kind": kind, "source": source}


def _said(service: Service, kind: str, sent: Fields, *, by: Person, check_id: int | None = None) -> Json | None:
    """What the check says now, where that is to be shown first. Refused where its settings are wrong."""
    config = forms.check(kind, sent)
    parse(kind, config)
    return _look(service, kind, config, sent, check_id=check_id, by=by)


def _look(service: Service, kind: str, config: Json, sent: Fields, *, by: Person, check_id: int | None = None) -> Json | None:
    """What it says: shown when somebody tries it out, and when an address has to be allowed first. None where it may be saved."""
    if allow := sent.text("allow"):
        host, _, port = allow.rpartition(":")
        with transaction() as own:  # committed at once: the runner has to see it when it looks
            addresses.allow(own, host=host, port=int(port) if port.isdigit() else 0, reason=f"checks of {service.name}", by=by)
    if sent.ticked("unchecked"):
        return None
    credential = forms.http_credential(sent)
    said = questions.what_it_says(kind, config, service_id=service.id, check_id=check_id, credential=credential)
    return said if said["blocked"] or not sent.ticked("save") else None
