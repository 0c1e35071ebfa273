"""Services and their releases."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.catalog import queries, releases
from app.catalog.models import Release, Service, Target
from app.web.api.once import Key, once
from app.web.api.shapes import Page, ReleaseShape, ServiceDetail, ServiceShape, TargetShape
from app.web.deps import Db, Me
from app.web.guard import may
from app.web.loaders import catalog as load

router = APIRouter(tags=["services"])


class Marking(BaseModel):
    """What a person says of a release."""

    standing: str = Field(description="good, suspect or unproven")
    reason: str = Field(description="Why; shown wherever the release is offered.")


@router.get("/services")
def services(db: Db, me: Annotated[Person, may(P.READ)]) -> Page[ServiceShape]:
    """Every service that you may see, the most important tier first."""
    return Page(items=[ServiceShape.model_validate(service) for service in queries.services(db, reach=me.reach())])


@router.get("/services/{slug}")
def service(db: Db, service: Annotated[Service, may(P.READ, load.service)]) -> ServiceDetail:
    """One service with its targets, what runs on each, what a rollback would lead to, and its checks."""
    targets = [_target(db, target) for target in queries.targets_of(db, service)]
    checks = [
        {"id": check.id, "kind": check.kind, "name": check.name, "required": check.required} for check in queries.checks_of(db, service)
    ]
    return ServiceDetail(**ServiceShape.model_validate(service).model_dump(), targets=targets, checks=checks)


@router.get("/targets/{target_id}/releases")
def releases_of(db: Db, target: Annotated[Target, may(P.READ, load.target)]) -> Page[ReleaseShape]:
    """What was seen on a target, the newest first."""
    return Page(items=[ReleaseShape.model_validate(release) for release in releases.releases_of(db, target)])


@router.post("/releases/{release_id}/mark", response_model=ReleaseShape)
def mark(
    request: Request, db: Db, me: Me, release: Annotated[Release, may(P.MARK_RELEASE, load.release)], marking: Marking, key: Key
) -> Response:
    """Say that a release is good, suspect or unproven, and why."""

    def make() -> ReleaseShape:
        releases.mark(db, release, marking.standing, reason=marking.reason, by=me)
        return ReleaseShape.model_validate(release)

    return once(request, db, me, key, marking, make)


def _target(db: Session, target: Target) -> TargetShape:
    shape = TargetShape.model_validate(target)
    if current := releases.current(db, target):
        shape.running = ReleaseShape.model_validate(current.release)
    if offer := releases.offer(db, target):
        shape.last_good = ReleaseShape.model_validate(offer.release)
        shape.last_good_proven, shape.last_good_why = offer.proven, offer.why
    return shape
