"""Verifications: the proof that a recovery worked."""

from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.policy import P
from app.catalog.models import Service
from app.incidents.models import Incident
from app.response import recover
from app.verification import actions, queries
from app.verification.models import Verification
from app.web.api.asked import Asked, Id
from app.web.api.once import Key, once
from app.web.api.plans import incident_named
from app.web.api.shapes import Page, SampleShape, VerificationDetail, VerificationShape, WatchedSamples
from app.web.deps import Db, Me
from app.web.guard import may
from app.web.loaders import catalog as load_catalog
from app.web.loaders import incident as load_incident
from app.web.loaders import verification as load

router = APIRouter(tags=["verifications"])


class VerificationWish(Asked):
    incident_id: Id | None = None


@router.post("/services/{slug}/verifications", response_model=VerificationShape, status_code=202)
def verify(
    request: Request, db: Db, me: Me, service: Annotated[Service, may(P.PLAN, load_catalog.service)], wish: VerificationWish, key: Key = ""
) -> Response:
    """Watch a service's checks by hand, without a run."""

    def make() -> VerificationShape:
        made = recover.verify(db, service, incident=incident_named(db, me, wish.incident_id), by=me)
        db.refresh(made)
        return VerificationShape.model_validate(made)

    return once(request, db, me, key, wish, make, status=202)


@router.get("/incidents/{incident_id}/verifications")
def verifications_of(db: Db, incident: Annotated[Incident, may(P.READ, load_incident.incident)]) -> Page[VerificationShape]:
    """The verifications of an incident, the newest first."""
    return Page(items=[VerificationShape.model_validate(row) for row in queries.of_incident(db, incident)])


@router.get("/verifications/{verification_id}")
def verification(verification: Annotated[Verification, may(P.READ, load.verification)]) -> VerificationDetail:
    """One verification: its verdict, and each check with the number that led to it."""
    return VerificationDetail.model_validate(verification)


@router.get("/verifications/{verification_id}/samples")
def samples(db: Db, verification: Annotated[Verification, may(P.READ, load.verification)]) -> Page[WatchedSamples]:
    """What each check of a verification has read, check by check: the numbers of its charts."""
    read = queries.samples(db, verification)
    return Page(
        items=[WatchedSamples(position=place, samples=[SampleShape.model_validate(one) for one in read[place]]) for place in sorted(read)]
    )


@router.post("/verifications/{verification_id}/cancel", response_model=VerificationShape)
def cancel(
    request: Request, db: Db, me: Me, verification: Annotated[Verification, may(P.PLAN, load.verification)], key: Key = ""
) -> Response:
    """Stop watching, without a verdict."""

    def make() -> VerificationShape:
        actions.cancel(db, verification, by=me)
        return VerificationShape.model_validate(verification)

    return once(request, db, me, key, None, make)
