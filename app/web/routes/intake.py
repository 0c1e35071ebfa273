"""Alerts come in at /intake, and administrators say who may send them. Nothing behind these addresses starts a run."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from app.accounts.policy import P, Person
from app.notifications import alert_shapes, integrations
from app.notifications.alerting_models import Integration
from app.response import intake
from app.web import intake_views as views
from app.web.deps import Db, Me, Sent
from app.web.fields import Raw
from app.web.forms import redrawn
from app.web.guard import anywhere, may
from app.web.loaders import integration as load
from app.web.render import back, page

router = APIRouter()
Admin = Annotated[Person, may(P.ADMINISTER)]
Known = Annotated[Integration, may(P.ADMINISTER, load.integration)]


@router.post("/intake/{hook}")
def take(_: Annotated[None, anywhere()], request: Request, db: Db, hook: str, body: Raw) -> Response:
    integration, message_id = integrations.known(db, hook, request.headers, body)
    try:
        with db.begin_nested():
            taken = intake.take(db, integration, message_id, alert_shapes.read(integration.kind, body))
    except integrations.TooMany as storm:
        return views.too_many(storm)
    return JSONResponse(asdict(taken))


@router.get("/integrations")
def index(request: Request, db: Db, me: Admin) -> Response:  # noqa: ARG001 - it is who may
    return page(request, "intake/index.html", **views.index(db))


@router.post("/integrations")
def add(request: Request, db: Db, me: Admin, sent: Sent) -> Response:
    with redrawn(request, "intake/index.html", sent, **views.index(db)):
        integration, secret = integrations.add(db, name=sent.text("name"), kind=sent.text("kind"), by=me)
    return page(request, "intake/secret.html", **views.with_secret(integration, secret))


@router.get("/integrations/{integration_id}")
def show(request: Request, db: Db, integration: Known) -> Response:
    return page(request, "intake/show.html", **views.shown(db, integration))


@router.post("/integrations/{integration_id}")
def arrange(request: Request, db: Db, integration: Known, me: Me, sent: Sent) -> Response:
    shown = views.shown(db, integration)
    shown.pop("fields")
    with redrawn(request, "intake/show.html", sent, **shown):
        services = views.mapping(db, sent.text("services"))
        integrations.arrange(db, integration, label=sent.text("label"), services=services, severity=sent.text("severity"), by=me)
    return back(f"/integrations/{integration.id}", "Saved.")


@router.post("/integrations/{integration_id}/rotate")
def rotate(request: Request, db: Db, integration: Known, me: Me) -> Response:
    secret = integrations.rotate(db, integration, by=me)
    return page(request, "intake/secret.html", **views.with_secret(integration, secret))


@router.post("/integrations/{integration_id}/remove")
def remove(db: Db, integration: Known, me: Me) -> Response:
    integrations.archive(db, integration, by=me)
    return back("/integrations", f"Nothing more is taken from {integration.name}.")
