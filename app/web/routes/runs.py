"""Runs: watch, cancel, approve, settle, undo, retry."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import PlainTextResponse, Response

from app.accounts import sign_ins
from app.accounts.policy import P, Person
from app.core.errors import Refused
from app.core.settings import settings
from app.runs import actions, approvals, queries, settling
from app.runs.models import Run
from app.verification import queries as verifications
from app.web import cookies, plan_views, run_views, settle_views
from app.web.deps import Db, Fields, Me, Sent
from app.web.forms import redrawn
from app.web.guard import may
from app.web.landing import landing
from app.web.loaders import run as load
from app.web.render import back, environment, page, piece, piece_or_back

PAGE = 50

router = APIRouter()
Watched = Annotated[Run, may(P.READ, load.run)]
Driven = Annotated[Run, may(P.EXECUTE, load.run)]
Planned = Annotated[Run, may(P.PLAN, load.run)]
Judged = Annotated[Run, may(P.APPROVE, load.run)]

# whichever page includes runs/_card.html gives it the row alone
environment().filters["run_view"] = run_views.of


@router.get("/runs")
def index(request: Request, db: Db, me: Annotated[Person, may(P.READ)], before: int | None = None) -> Response:
    """What is going on, then what has ended, the newest first."""
    active = queries.active_runs(db, reach=me.reach()) if before is None else []
    newest = queries.newest_runs(db, reach=me.reach(), before=before, limit=PAGE)
    ended = [run for run in newest if run.is_over]
    older = newest[-1].id if len(newest) == PAGE else None
    return page(request, "runs/index.html", active=active, ended=ended, older=older)


@router.get("/runs/{run_id}")
def show(request: Request, db: Db, run: Watched) -> Response:
    return page(request, "runs/show.html", **_shown(db, run))


@router.get("/runs/{run_id}/piece")
def show_piece(request: Request, db: Db, run: Watched) -> Response:
    return piece(request, "runs/_run.html", **_shown(db, run))


@router.get("/runs/{run_id}/card")
def card(request: Request, run: Watched) -> Response:
    return piece(request, "runs/_card.html", run=run)


@router.get("/runs/{run_id}/events")
def events(request: Request, db: Db, run: Watched) -> Response:
    return piece(request, "runs/_events.html", run=run, events=queries.events(db, run))


@router.get("/runs/{run_id}/output/tail")
def tail(request: Request, db: Db, run: Watched) -> Response:
    return piece(request, "runs/_output.html", run=run, tail=load.tail(db, run))


@router.get("/runs/{run_id}/output")
def output(db: Db, run: Watched) -> Response:
    """Everything that the steps have said, as a text file."""
    headers = {"Content-Disposition": f'attachment; filename="run-{run.id}.txt"'}
    return PlainTextResponse(load.whole_output(db, run), headers=headers)


@router.post("/runs/{run_id}/cancel")
def cancel(request: Request, db: Db, run: Driven, me: Me) -> Response:
    with landing(f"/runs/{run.id}"):
        actions.cancel(db, run, by=me)
    return piece_or_back(request, "runs/_progress.html", f"/runs/{run.id}", run=load.again(db, run))


@router.post("/runs/{run_id}/confirm")
def confirm(db: Db, run: Driven, me: Me) -> Response:
    """Start what was approved."""
    with landing(f"/runs/{run.id}"):
        actions.confirm(db, run, by=me)
    return back(f"/runs/{run.id}")


@router.post("/runs/{run_id}/approve")
def approve(request: Request, db: Db, run: Judged, me: Me, sent: Sent) -> Response:
    with _redrawn(request, db, run, sent):
        _step_up(request, db, sent, by=me)
        approvals.approve(db, run, digest=sent.text("digest"), reason=sent.text("reason"), by=me)
    return back(f"/runs/{run.id}")


@router.post("/runs/{run_id}/reject")
def reject(request: Request, db: Db, run: Judged, me: Me, sent: Sent) -> Response:
    with _redrawn(request, db, run, sent):
        _step_up(request, db, sent, by=me)
        approvals.reject(db, run, digest=sent.text("digest"), reason=sent.text("reason"), by=me)
    return back(f"/runs/{run.id}")


@router.post("/runs/{run_id}/break-glass")
def break_glass(request: Request, db: Db, run: Annotated[Run, may(P.BREAK_GLASS, load.run)], me: Me, sent: Sent) -> Response:
    with _redrawn(request, db, run, sent):
        _step_up(request, db, sent, by=me)
        approvals.break_glass(db, run, reason=sent.text("reason"), by=me)
    return back(f"/runs/{run.id}")


@router.post("/runs/{run_id}/settle")
def settle(request: Request, db: Db, run: Annotated[Run, may(P.SETTLE, load.run)], me: Me, sent: Sent) -> Response:
    """Say what is true of the step that nobody could observe."""
    with _redrawn(request, db, run, sent):
        _step_up(request, db, sent, by=me)
        position = sent.whole("position")
        settling.settle(db, run, position=position, answer=sent.text("answer"), reason=sent.text("reason"), by=me)
    return back(f"/runs/{run.id}")


@router.post("/runs/{run_id}/undo")
def undo(db: Db, run: Planned, me: Me) -> Response:
    """A new plan, back to what was recorded before the run."""
    with landing(f"/runs/{run.id}"):
        plan = actions.undo(db, run, by=me)
    return back(f"/plans/{plan.id}")


@router.post("/runs/{run_id}/retry")
def retry(db: Db, run: Planned, me: Me) -> Response:
    """A new plan with the same goal, from what is there now."""
    with landing(f"/runs/{run.id}"):
        plan = actions.retry(db, run, by=me)
    return back(f"/plans/{plan.id}")


def _shown(db: Session, run: Run) -> dict[str, Any]:
    """Everything that the page of a run draws."""
    verification = verifications.of_run(db, run)
    return {
        "run": run,
        "planned": plan_views.of(run.plan, run.service),
        "question": settle_views.of(run),
        "approvals": queries.approvals_of(db, run),
        "verification": verification,
        "verdict": run_views.verdict(verification),
        "events": queries.events(db, run),
        "tail": load.tail(db, run),
        "glass_allowed": settings().allow_break_glass,
        "address": f"{settings().base_url}/runs/{run.id}",
    }


def _step_up(request: Request, db: Session, sent: Fields, *, by: Person) -> None:
    """The password again, where it was typed; the verb itself refuses where that is too long ago."""
    if password := sent.get("password", ""):
        cookies.sign_in(request, sign_ins.step_up(db, password=password, by=by))


@contextmanager
def _redrawn(request: Request, db: Session, run: Run, sent: Fields) -> Iterator[None]:
    """Draw the page again where a form is refused, from the row as it is by then."""
    try:
        with db.begin_nested():
            yield
    except Refused:
        with redrawn(request, "runs/show.html", sent, **_shown(db, load.again(db, run))):
            raise
