"""What the pages about incoming alerts draw."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse, Response

from app.catalog.models import Service
from app.core.database import Json
from app.core.errors import Invalid
from app.core.settings import settings
from app.incidents.states import Severity
from app.notifications import integrations
from app.notifications.alerting_models import Integration, Source
from app.web.fields import Fields

KINDS = {
    Source.ALERTMANAGER: ("Alertmanager", "Sends a bearer token."),
    Source.GRAFANA: ("Grafana", "Sends a bearer token, from a webhook contact point."),
    Source.WEBHOOK: ("Anything else", "Signs what it sends, in the way of Standard Webhooks."),
}


def index(db: Session) -> dict[str, Any]:
    return {"integrations": integrations.listed(db), "kinds": KINDS}


def shown(db: Session, integration: Integration) -> dict[str, Any]:
    """One integration: its address, how its names map, and what it sent last."""
    lines = "\n".join(f"{named} = {slug}" for named, slug in integration.services.items())
    fields = {"label": integration.label, "severity": integration.severity, "services": lines}
    return {
        "integration": integration,
        "kind": KINDS[Source(integration.kind)][0],
        "address": address(integration),
        "alerts": integrations.newest(db, integration),
        "severities": [(one.value, one.value.capitalize()) for one in Severity],
        "fields": Fields(fields),
    }


def with_secret(integration: Integration, secret: str) -> dict[str, Any]:
    return {"integration": integration, "secret": secret, "address": address(integration)}


def address(integration: Integration) -> str:
    return f"{settings().base_url}/intake/{integration.hook}"


def mapping(db: Session, text: str) -> Json:
    """Lines like "checkout-api = checkout". Invalid where one is none, or names a service that is not registered."""
    found: Json = {}
    known = set(db.scalars(select(Service.slug).where(Service.archived_at.is_(None))))
    for line in filter(None, (line.strip() for line in text.splitlines())):
        named, sign, slug = (part.strip() for part in line.partition("="))
        if not (named and sign and slug):
            raise Invalid({"services": f"“{line[:60]}” is not like “checkout-api = checkout”."})
        if slug not in known:
            raise Invalid({"services": f"There is no service {slug[:63]}. Register it first, or correct the line."})
        found[named[:200]] = slug
    return found


def too_many(storm: integrations.TooMany) -> Response:
    body = {"type": "about:blank", "title": "Too many", "status": 429, "detail": storm.sentence}
    return JSONResponse(body, 429, headers={"Retry-After": str(storm.after_s)}, media_type="application/problem+json")
