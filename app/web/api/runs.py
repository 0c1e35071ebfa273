"""Runs: read, follow, cancel, start what was approved, try again, take back. A token never approves and never settles: people do."""

from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.core.errors import NotFound
from app.incidents.models import Incident
from app.runs import actions, queries
from app.runs.models import Run
from app.verification import queries as verifications
from app.web.api import cursor
from app.web.api.once import Key, once
from app.web.api.shapes import ApprovalShape, EventShape, OutputShape, Page, PlanShape, RunDetail, RunShape, VerificationShape
from app.web.deps import Db, Me
from app.web.guard import may
from app.web.load import number
from app.web.loaders import incident as load_incident
from app.web.loaders import run as load

router = APIRouter(tags=["runs"])
Watched = Annotated[Run, may(P.READ, load.run)]
Driven = Annotated[Run, may(P.EXECUTE, load.run)]
Planned = Annotated[Run, may(P.PLAN, load.run)]


@router.get("/runs")
def runs(db: Db, me: Annotated[Person, may(P.READ)], cursor_: cursor.Query = None) -> Page[RunShape]:
    """Runs, the newest first."""
    rows = queries.newest_runs(db, reach=me.reach(), before=cursor.read_id(cursor_), limit=cursor.PAGE + 1)
    shown, following = cursor.cut(rows, lambda row: (row.id,))
    return Page(items=[RunShape.model_validate(row) for row in shown], next=following)


@router.get("/incidents/{incident_id}/runs")
def runs_of(db: Db, incident: Annotated[Incident, may(P.READ, load_incident.incident)]) -> Page[RunShape]:
    """The fifty newest runs of an incident."""
    return Page(items=[RunShape.model_validate(row) for row in queries.runs_of(db, incident)])


@router.get("/runs/{run_id}")
def run(db: Db, run: Watched) -> RunDetail:
    """One run: what was planned, what each step intended and what was seen, how it ended, and whether it worked."""
    detail, watch = RunDetail.model_validate(run), verifications.of_run(db, run)
    detail.verification = VerificationShape.model_validate(watch) if watch else None
    detail.approvals = [ApprovalShape.model_validate(said) for said in queries.approvals_of(db, run)]
    return detail


@router.get("/runs/{run_id}/events")
def events(db: Db, run: Watched) -> Page[EventShape]:
    """What happened to a run, in order."""
    return Page(items=[EventShape.model_validate(event) for event in queries.events(db, run)])


@router.get("/runs/{run_id}/steps/{position}/output")
def output(db: Db, run: Watched, position: str, cursor_: cursor.Query = None) -> Page[OutputShape]:
    """What a step has said, oldest first. At the end, ask again with the same cursor to follow a step that goes on."""
    place = number({"position": position}, "position")
    if place not in {step.position for step in run.steps}:
        raise NotFound
    rows = queries.output(db, run, place, after=cursor.read_id(cursor_) or 0, limit=cursor.PAGE + 1)
    shown, following = cursor.cut(rows, lambda row: (row.id,))
    return Page(items=[OutputShape.model_validate(row) for row in shown], next=following)


@router.post("/runs/{run_id}/cancel", response_model=RunShape)
def cancel(request: Request, db: Db, me: Me, run: Driven, key: Key = "") -> Response:
    """Ask a run to stop: at once while it is queued, else at its next safe place."""

    def make() -> RunShape:
        actions.cancel(db, run, by=me)
        return RunShape.model_validate(run)

    return once(request, db, me, key, None, make)


@router.post("/runs/{run_id}/confirm", response_model=RunShape)
def confirm(request: Request, db: Db, me: Me, run: Driven, key: Key = "") -> Response:
    """Start a run that a second person has approved. Only who asked for it."""

    def make() -> RunShape:
        actions.confirm(db, run, by=me)
        return RunShape.model_validate(run)

    return once(request, db, me, key, None, make)


@router.post("/runs/{run_id}/retry", response_model=PlanShape, status_code=202)
def retry(request: Request, db: Db, me: Me, run: Planned, key: Key = "") -> Response:
    """Preview the same goal anew, from what is there now."""

    def make() -> PlanShape:
        plan = actions.retry(db, run, by=me)
        db.refresh(plan)
        return PlanShape.model_validate(plan)

    return once(request, db, me, key, None, make, status=202)


@router.post("/runs/{run_id}/undo", response_model=PlanShape, status_code=202)
def undo(request: Request, db: Db, me: Me, run: Planned, key: Key = "") -> Response:
    """Preview the way back to what was there before a run."""

    def make() -> PlanShape:
        plan = actions.undo(db, run, by=me)
        db.refresh(plan)
        return PlanShape.model_validate(plan)

    return once(request, db, me, key, None, make, status=202)
