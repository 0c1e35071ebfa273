"""How a run ends: its row is closed for good, its targets are free, and whoever waited for them goes on."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policy import SYSTEM, Person
from app.catalog import looks, releases
from app.catalog.models import Release, Target
from app.core import queue
from app.core.database import db_now
from app.runs import history, locks
from app.runs.models import Plan, Run
from app.runs.states import RunState

TASK = "runs.execute"


def end(session: Session, run: Run, state: RunState, sentence: str, *, by: Person = SYSTEM) -> None:
    """Close the run. The caller holds its row locked."""
    moment = db_now(session)
    run.state, run.ended_at, run.sentence = state, moment, sentence
    run.lease_owner = run.lease_until = run.wake_at = None
    session.flush()
    locks.release(session, run)
    plan = session.get_one(Plan, run.plan_id)
    if run.started_at:
        # whatever it did or did not do: the pages show what is there now
        looks.ask(session, "target.observe", f"target-{plan.target_id}", {})
    line = f"ended run {run.id} ({plan.title}) as {state}: {sentence}"
    history.happened(session, run, state, sentence, line=line, by=by)
    _go_on(session, run)


def queue_up(session: Session, run: Run) -> None:
    """Let runners have it: the targets are held from here on. Conflict where another run holds one."""
    locks.take(session, run, locks.targets_of(session.get_one(Plan, run.plan_id)))
    run.state, run.queued_at, run.expires_at = RunState.QUEUED, db_now(session), None
    session.flush()
    queue.ring(session, TASK, run.id)


def note_release(session: Session, run: Run) -> None:
    """What a successful rollback led to is what runs now, and it is known who put it there."""
    plan = session.get_one(Plan, run.plan_id)
    if plan.kind == "rollback" and plan.release_id and plan.request.get("mode") != "branch_only":
        target, release = session.get_one(Target, plan.target_id), session.get_one(Release, plan.release_id)
        releases.deployed(session, target, release, by=f"run-{run.id}")


def _go_on(session: Session, ended: Run) -> None:
    """Queue the run that was asked to start after this one."""
    query = (
        select(Run)
        .where(Run.starts_after_id == ended.id, Run.state == RunState.DRAFT)
        .order_by(Run.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if follower := session.scalar(query):
        queue_up(session, follower)
        sentence = f"Run {ended.id} has ended, so this one is queued."
        history.happened(session, follower, "queued", sentence)
