"""Plans, runs and verifications. A token never approves, settles or breaks glass: people do, on the pages."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.catalog import queries as catalog
from app.catalog.models import Service, Target
from app.incidents import queries as incidents
from app.response import recover
from app.runs import actions, queries
from app.runs.models import Plan, Run
from app.verification.models import Verification
from app.web.api import cursor
from app.web.api.once import Key, once
from app.web.api.shapes import Page, PlanDetail, PlanShape, RunDetail, RunShape, VerificationDetail, VerificationShape
from app.web.deps import Db, Me
from app.web.guard import may
from app.web.loaders import catalog as load_catalog
from app.web.loaders import run as load_run
from app.web.loaders import verification as load_verification

router = APIRouter(tags=["recoveries"])
PAGE = 100
Kind = Literal["rollback", "restart", "scale", "scale_to_zero", "scale_back", "replace_broken_pods"]


class PlanWish(BaseModel):
    """Which recovery to preview. Without a release a rollback leads to the last good one."""

    kind: Kind = "rollback"
    release_id: int | None = None
    incident_id: int | None = None
    request: dict[str, Any] = Field(default_factory=dict, description='Kind-specific: {"replicas": 3}, {"mode": "deploy_only"}.')


class Confirmation(BaseModel):
    digest: str = Field(description="The plan's digest, as you read it: another plan is refused.")


class VerificationWish(BaseModel):
    incident_id: int | None = None


@router.post("/targets/{target_id}/plans", response_model=PlanShape, status_code=202)
def ask(
    request: Request, db: Db, me: Me, target: Annotated[Target, may(P.PLAN, load_catalog.target)], wish: PlanWish, key: Key
) -> Response:
    """Preview a recovery. The answer comes at once and is `resolving`; read the plan until it is `ready`."""

    def make() -> PlanShape:
        release = catalog.get_release(db, wish.release_id, reach=me.reach()) if wish.release_id else None
        incident = incidents.get(db, wish.incident_id, reach=me.reach()) if wish.incident_id else None
        plan = recover.preview(db, kind=wish.kind, target=target, release=release, incident=incident, request=wish.request, by=me)
        db.refresh(plan)
        return PlanShape.model_validate(plan)

    return once(request, db, me, key, wish, make, status=202)


@router.get("/plans/{plan_id}")
def plan(plan: Annotated[Plan, may(P.READ, load_run.plan)]) -> PlanDetail:
    """One plan with its steps: what would change, what to know before, what it does not bring back."""
    return PlanDetail.model_validate(plan)


@router.post("/plans/{plan_id}/run", response_model=RunShape, status_code=202)
def start(
    request: Request, db: Db, me: Me, plan: Annotated[Plan, may(P.EXECUTE, load_run.plan)], confirmation: Confirmation, key: Key
) -> Response:
    """Confirm a plan. A destructive one then waits for a second person."""

    def make() -> RunShape:
        run = recover.start(db, plan, digest=confirmation.digest, nonce=f"api-{me.actor}-{key}", by=me)
        db.refresh(run)
        return RunShape.model_validate(run)

    return once(request, db, me, key, confirmation, make, status=202)


@router.get("/runs")
def runs(db: Db, me: Annotated[Person, may(P.READ)], cursor_: cursor.Query = None) -> Page[RunShape]:
    """Runs, the newest first."""
    rows = queries.newest_runs(db, reach=me.reach(), before=cursor.read_id(cursor_), limit=PAGE)
    return Page(items=[RunShape.model_validate(row) for row in rows], next=cursor.write(rows[-1].id) if len(rows) == PAGE else None)


@router.get("/runs/{run_id}")
def run(run: Annotated[Run, may(P.READ, load_run.run)]) -> RunDetail:
    """One run with its steps: what was intended, what was seen, how it ended."""
    return RunDetail.model_validate(run)


@router.post("/runs/{run_id}/cancel", response_model=RunShape)
def cancel(request: Request, db: Db, me: Me, run: Annotated[Run, may(P.EXECUTE, load_run.run)], key: Key) -> Response:
    """Ask a run to stop: at once while it is queued, else at its next safe place."""

    def make() -> RunShape:
        actions.cancel(db, run, by=me)
        return RunShape.model_validate(run)

    return once(request, db, me, key, None, make)


@router.post("/runs/{run_id}/undo", response_model=PlanShape, status_code=202)
def undo(request: Request, db: Db, me: Me, run: Annotated[Run, may(P.PLAN, load_run.run)], key: Key) -> Response:
    """Preview the way back to what was there before this run."""

    def make() -> PlanShape:
        plan = actions.undo(db, run, by=me)
        db.refresh(plan)
        return PlanShape.model_validate(plan)

    return once(request, db, me, key, None, make, status=202)


@router.post("/services/{slug}/verifications", response_model=VerificationShape, status_code=202)
def verify(
    request: Request, db: Db, me: Me, service: Annotated[Service, may(P.PLAN, load_catalog.service)], wish: VerificationWish, key: Key
) -> Response:
    """Watch the service's checks by hand, without a run."""

    def make() -> VerificationShape:
        incident = incidents.get(db, wish.incident_id, reach=me.reach()) if wish.incident_id else None
        made = recover.verify(db, service, incident=incident, by=me)
        db.refresh(made)
        return VerificationShape.model_validate(made)

    return once(request, db, me, key, wish, make, status=202)


@router.get("/verifications/{verification_id}")
def verification(verification: Annotated[Verification, may(P.READ, load_verification.verification)]) -> VerificationDetail:
    """One verification: its verdict, and each check with the number that led to it."""
    return VerificationDetail.model_validate(verification)
