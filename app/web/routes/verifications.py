"""Verifications: watch the proof, start one by hand, stop one."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.catalog import releases
from app.catalog.models import Service, Target
from app.catalog.releases import Offer
from app.core.clock import now
from app.core.errors import NotFound
from app.incidents import queries as incidents
from app.incidents.models import Incident
from app.response import recover
from app.verification import actions, contracts, queries
from app.verification.models import Verification
from app.web import cockpit, verification_views
from app.web.deps import Db, Me, Sent
from app.web.guard import may
from app.web.landing import landing
from app.web.loaders import catalog
from app.web.loaders import verification as load
from app.web.render import back, page, piece, piece_or_back

router = APIRouter()
Watched = Annotated[Verification, may(P.READ, load.verification)]


@router.get("/verifications/{verification_id}")
def show(request: Request, db: Db, verification: Watched, me: Me) -> Response:
    return page(request, "verifications/show.html", **_shown(db, verification, me), **_header(db, verification, me))


@router.get("/verifications/{verification_id}/piece")
def show_piece(request: Request, db: Db, verification: Watched, me: Me) -> Response:
    return piece(request, "verifications/_verification.html", **_shown(db, verification, me))


@router.get("/verifications/{verification_id}/numbers")
def numbers(request: Request, db: Db, verification: Watched, me: Me) -> Response:
    return piece(request, "verifications/_numbers.html", **_shown(db, verification, me))


@router.post("/verifications/{verification_id}/cancel")
def cancel(request: Request, db: Db, verification: Annotated[Verification, may(P.PLAN, load.verification)], me: Me) -> Response:
    """Stop watching, without a verdict."""
    actions.cancel(db, verification, by=me)
    there = f"/verifications/{verification.id}"
    return piece_or_back(request, "verifications/_verification.html", there, **_shown(db, verification, me))


@router.post("/services/{slug}/verifications")
def start(db: Db, service: Annotated[Service, may(P.PLAN, catalog.service)], me: Me, sent: Sent) -> Response:
    """Watch the checks by hand, without a run: after a fix forward, or to be sure."""
    number = sent.whole("incident_id")
    incident = incidents.get(db, number, reach=me.reach()) if number else None
    with landing(f"/services/{service.slug}"):
        verification = recover.verify(db, service, incident=incident, by=me)
    return back(f"/verifications/{verification.id}")


def _shown(db: Session, verification: Verification, me: Person) -> dict[str, Any]:
    incident = verification.incident
    return {
        "verification": verification,
        "view": verification_views.of(verification, queries.samples(db, verification), at=now()),
        "lines": contracts.lines(verification.contract),
        "offer": _offer(db, verification),
        "may_plan": me.may(P.PLAN, {verification.service_id}),
        "may_resolve": bool(incident and incident.is_open and incidents.may(db, incident, P.RESPOND, by=me)),
    }


def _offer(db: Session, verification: Verification) -> Offer | None:
    """Where the next rollback would lead, for a service that has not recovered."""
    target_id = verification.expected.get("target_id")
    if verification.verdict in {None, "recovered"} or not target_id:
        return None
    return releases.offer(db, db.get_one(Target, target_id))


def _header(db: Session, verification: Verification, me: Person) -> dict[str, Any]:
    """The incident's own header above it, as far as the reader may see the incident."""
    incident = _incident(db, verification, me)
    return cockpit.header(db, incident, me, "verification") if incident else {"incident": None}


def _incident(db: Session, verification: Verification, me: Person) -> Incident | None:
    try:
        found = incidents.get(db, verification.incident_id, reach=me.reach()) if verification.incident_id else None
    except NotFound:
        return None
    return incidents.shown(db, found) if found else None
