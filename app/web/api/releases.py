"""Releases: what ran on a target, and what people say of it."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.policy import P
from app.catalog import releases
from app.catalog.models import Release, Target
from app.web.api.asked import Asked
from app.web.api.catalog_shapes import ReleaseDetail, ReleaseShape, RolloutShape
from app.web.api.once import Key, once
from app.web.api.shapes import Page
from app.web.deps import Db, Me
from app.web.guard import may
from app.web.loaders import catalog as load

router = APIRouter(tags=["releases"])


class Marking(Asked):
    """What a person says of a release."""

    standing: Literal["good", "suspect", "unproven"]
    reason: str = Field(description="Why; shown wherever the release is offered.")


@router.get("/targets/{target_id}/releases")
def releases_of(db: Db, target: Annotated[Target, may(P.READ, load.target)]) -> Page[ReleaseShape]:
    """The hundred releases that ran last on a target, the newest first: a rollback can lead to each."""
    return Page(items=[ReleaseShape.model_validate(release) for release in releases.releases_of(db, target)])


@router.get("/releases/{release_id}")
def release(db: Db, release: Annotated[Release, may(P.READ, load.release)]) -> ReleaseDetail:
    """One release: how it stands and why, and when it ran."""
    return ReleaseDetail(
        **ReleaseShape.model_validate(release).model_dump(),
        service=release.target.service.slug,
        rollouts=[RolloutShape.model_validate(rollout) for rollout in releases.rollouts_of(db, release)],
    )


@router.post("/releases/{release_id}/mark", response_model=ReleaseShape)
def mark(
    request: Request, db: Db, me: Me, release: Annotated[Release, may(P.MARK_RELEASE, load.release)], marking: Marking, key: Key = ""
) -> Response:
    """Say that a release is good, suspect or unproven, and why."""

    def make() -> ReleaseShape:
        releases.mark(db, release, marking.standing, reason=marking.reason, by=me)
        return ReleaseShape.model_validate(release)

    return once(request, db, me, key, marking, make)
