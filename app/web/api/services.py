"""Services and their releases."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.catalog import queries, readings, releases
from app.catalog.models import Release, Service, Target
from app.web.api.asked import Asked
from app.web.api.once import Key, once
from app.web.api.shapes import (
    CheckShape,
    ContactShape,
    LinkShape,
    Page,
    ReadingShape,
    ReleaseShape,
    ServiceDetail,
    ServiceShape,
    TargetShape,
)
from app.web.deps import Db, Me
from app.web.guard import may
from app.web.loaders import catalog as load

router = APIRouter(tags=["services"])


class Marking(Asked):
    """What a person says of a release."""

    standing: Literal["good", "suspect", "unproven"]
    reason: str = Field(description="Why; shown wherever the release is offered.")


@router.get("/services")
def services(db: Db, me: Annotated[Person, may(P.READ)]) -> Page[ServiceShape]:
    """Every service that you may see, the most important tier first."""
    return Page(items=[ServiceShape.model_validate(service) for service in queries.services(db, reach=me.reach())])


@router.get("/services/{slug}")
def service(db: Db, service: Annotated[Service, may(P.READ, load.service)]) -> ServiceDetail:
    """One service: what runs on each target, what a rollback would lead to, its checks with their newest reading, whom to call."""
    checks = queries.checks_of(db, service)
    newest = readings.newest(db, checks)
    return ServiceDetail(
        **ServiceShape.model_validate(service).model_dump(),
        targets=[_target(db, target) for target in queries.targets_of(db, service)],
        checks=[
            CheckShape(id=check.id, kind=check.kind, name=check.name, required=check.required, newest=_reading(newest.get(check.id)))
            for check in checks
        ],
        contacts=[ContactShape.model_validate(contact) for contact in queries.contacts_of(db, service)],
        links=[LinkShape.model_validate(link) for link in queries.links_of(db, service)],
    )


@router.get("/targets/{target_id}/releases")
def releases_of(db: Db, target: Annotated[Target, may(P.READ, load.target)]) -> Page[ReleaseShape]:
    """The hundred releases that ran last on a target, the newest first: a rollback can lead to each."""
    return Page(items=[ReleaseShape.model_validate(release) for release in releases.releases_of(db, target)])


@router.post("/releases/{release_id}/mark", response_model=ReleaseShape)
def mark(
    request: Request, db: Db, me: Me, release: Annotated[Release, may(P.MARK_RELEASE, load.release)], marking: Marking, key: Key = ""
) -> Response:
    """Say that a release is good, suspect or unproven, and why."""

    def make() -> ReleaseShape:
        releases.mark(db, release, marking.standing, reason=marking.reason, by=me)
        return ReleaseShape.model_validate(release)

    return once(request, db, me, key, marking, make)


def _reading(reading: object) -> ReadingShape | None:
    return ReadingShape.model_validate(reading) if reading else None


def _target(db: Session, target: Target) -> TargetShape:
    shape = TargetShape.model_validate(target)
    if current := releases.current(db, target):
        shape.running = ReleaseShape.model_validate(current.release)
    if offer := releases.offer(db, target):
        shape.last_good = ReleaseShape.model_validate(offer.release)
        shape.last_good_proven, shape.last_good_why = offer.proven, offer.why
    return shape
