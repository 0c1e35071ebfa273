"""The end of an incident: what stands in the way of it, and overruling that with a reason."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.incidents.models import Incident
from app.response import resolve
from app.reviews import record
from app.web import cockpit
from app.web.deps import Db, Me, Sent
from app.web.forms import redrawn
from app.web.guard import may
from app.web.loaders import incident as load
from app.web.render import back, page

router = APIRouter()
Commanded = Annotated[Incident, may(P.COMMAND, load.incident)]


@router.get("/incidents/{incident_id}/resolve")
def show(request: Request, db: Db, incident: Commanded, me: Me) -> Response:
    return page(request, "reviews/resolve.html", **_shown(db, incident, me))


@router.post("/incidents/{incident_id}/resolve")
def end(request: Request, db: Db, incident: Commanded, me: Me, sent: Sent) -> Response:
    with redrawn(request, "reviews/resolve.html", sent, **_shown(db, incident, me)):
        seen = frozenset(sent.every("seen"))
        resolve.resolve(db, incident, overrule_reason=sent.text("overrule_reason"), seen=seen, by=me)
    return back(f"/incidents/{incident.id}")


def _shown(db: Session, incident: Incident, me: Person) -> dict[str, Any]:
    found = resolve.check(db, incident)
    return cockpit.header(db, incident, me, "resolve") | {
        "obstacles": found,
        "is_blocked": any(one.is_final for one in found),
        "durations": record.of(db, incident).durations,
    }
