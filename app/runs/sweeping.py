"""What time alone changes: requests that expire, plans that nobody resolved, runs that nobody rang for."""

from datetime import timedelta

from sqlalchemy import Text, cast, exists, func, select
from sqlalchemy.orm import Session

from app.catalog import looks
from app.catalog.models import Look
from app.core.database import db_now
from app.runs import ending, history, leases
from app.runs.models import Plan, Run
from app.runs.states import PlanState, RunState

FORGOTTEN = timedelta(seconds=30)
BATCH = 50


def sweep(session: Session) -> list[int]:
    """Expire and give up what is due; the ids of the runs to ring for. Any number of processes may do so at once."""
    _expire(session)
    _give_up_plans(session)
    return _ring_for(session)


def _ring_for(session: Session) -> list[int]:
    """The runs that wait for a runner or that one has left. Their pages say for how long, so they are told as well, and
    so are those of runs whose runner is not heard for longer than it should be."""
    silent = leases.sweep(session)
    for run in session.scalars(select(Run).where(Run.id.in_([*silent, *leases.quiet(session)]))):
        history.tell(session, run)
    return silent


def _expire(session: Session) -> None:
    """Requests for approval, and drafts that wait for another run, which nobody answered in time."""
    due = (
        select(Run)
        .where(Run.state.in_([RunState.AWAITING_APPROVAL, RunState.DRAFT]), Run.expires_at < func.clock_timestamp())
        .order_by(Run.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True, key_share=True)
    )
    for run in session.scalars(due).all():
        what = (
            "Nobody started it in time"
            if run.approved_at
            else "Nobody approved it in time"
            if run.needs_approval
            else "Its turn did not come"
        )
        ending.end(session, run, RunState.EXPIRED, f"{what}, and the system may have moved since. Nothing was changed. Make a new plan.")


def _give_up_plans(session: Session) -> None:
    """A plan whose look was given up, since it stopped its runners."""
    open_look = exists().where(
        Look.kind == "plan.resolve", Look.subject == func.concat("plan-", cast(Plan.id, Text)), Look.ended_at.is_(None)
    )
    due = (
        select(Plan)
        .where(Plan.state == PlanState.RESOLVING, Plan.created_at < func.clock_timestamp() - FORGOTTEN, ~open_look)
        .limit(BATCH)
        .with_for_update(skip_locked=True, key_share=True)
    )
    for plan in session.scalars(due).all():
        plan.state, plan.problem, plan.resolved_at = PlanState.FAILED, looks.GIVEN_UP, db_now(session)
        session.flush()
        history.tell_plan(session, plan)
