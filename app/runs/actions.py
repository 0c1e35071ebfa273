"""What people do with a run: ask for it, confirm it, cancel it, try it again, take it back."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.accounts.policy import Person
from app.catalog.models import Release, Service, Target
from app.core.database import db_now
from app.core.errors import Conflict, Refused
from app.core.settings import settings
from app.incidents.models import Incident
from app.runs import ending, history, locks, plans
from app.runs.models import Plan, PlanStep, Run, Step
from app.runs.states import RUN_ENDED, PlanState, RunState, StepState


def request(session: Session, plan: Plan, *, digest: str, nonce: str, by: Person) -> Run:
    """Turn a plan into a run: queued, or waiting for a second person where the plan is destructive.

    The same nonce gives the same run. Refused where the plan is not ready or cannot work; Conflict where it was resolved
    anew, was started before, or another run holds the target.
    """
    run, made = _make(session, plan, digest=digest, nonce=nonce, by=by)
    if not made:
        return run
    if plan.is_destructive:
        _ask_for_approval(session, run, plan, by=by)
    else:
        ending.queue_up(session, run)
        history.happened(session, run, "requested", f"{by.name} started it.", line=f"started run {run.id}: {plan.title}", by=by)
    return run


def cancel_and_start(session: Session, busy_run: Run, plan: Plan, *, digest: str, nonce: str, by: Person) -> Run:
    """Cancel the run that holds the target, and start this plan as soon as it has ended.

    Where that takes a moment (its open step is finished first), the new run stays a draft until then and is queued in the
    transaction that ends the other one, so that nobody slips in between.
    """
    if RunState(busy_run.state) not in RUN_ENDED:
        cancel(session, busy_run, by=by)
    if RunState(busy_run.state) in RUN_ENDED or plan.is_destructive:
        return request(session, plan, digest=digest, nonce=nonce, by=by)
    run, made = _make(session, plan, digest=digest, nonce=nonce, by=by)
    if made:
        run.starts_after_id = busy_run.id
        run.expires_at = db_now(session) + timedelta(seconds=settings().approval_ttl_s)
        sentence = f"Starts when run {busy_run.id} has ended."
        history.happened(session, run, "requested", sentence, line=f"asked for run {run.id} after run {busy_run.id}: {plan.title}", by=by)
    return run


def confirm(session: Session, run: Run, *, by: Person) -> None:
    """Start an approved run. Only the person who asked for it; Conflict where another run holds the target by now."""
    locks.lock(session, run)
    if RunState(run.state) is not RunState.AWAITING_APPROVAL:
        raise Refused(f"Run {run.id} is {_spoken(run)}, so there is nothing to confirm.")
    if run.requested_by_id != by.id:
        raise Refused(f"{_name(session, run.requested_by_id)} asked for run {run.id} and starts it. Nothing was changed.")
    if run.approved_at is None:
        raise Refused(f"Nobody has approved run {run.id} yet. It waits until {run.expires_at:%H:%M} UTC.")
    if run.expires_at and db_now(session) > run.expires_at:
        raise Refused(f"The approval of run {run.id} has expired, since the system may have moved since. Make a new plan.")
    ending.queue_up(session, run)
    history.happened(session, run, "confirmed", f"{by.name} started it.", line=f"started run {run.id} as approved", by=by)


def cancel(session: Session, run: Run, *, by: Person) -> None:
    """Stop a run: at once where no runner has it, else between its steps, and inside one that can be stopped.

    Asking twice is the same as asking once. Refused for a run that has ended or that needs a person's answer first.
    """
    locks.lock(session, run)
    state = RunState(run.state)
    if state in RUN_ENDED:
        raise Refused(f"Run {run.id} has already {_spoken(run)}. Nothing was changed.")
    if state is RunState.NEEDS_ATTENTION:
        raise Refused(f"Run {run.id} cannot be canceled before its open question is answered: {run.attention}")
    if state is not RunState.RUNNING:
        _leave(session, run)
        ending.end(session, run, RunState.CANCELED, _left_behind(session, run, by), by=by)
    elif run.cancel_requested_at is None:
        run.cancel_requested_at, run.cancel_requested_by_id = db_now(session), by.id or None
        sentence = f"{by.name} asked to cancel. It stops as soon as the step that is open has a known outcome."
        history.happened(session, run, "cancel", sentence, line=f"asked to cancel run {run.id}", by=by)


def retry(session: Session, run: Run, *, by: Person) -> Plan:
    """A fresh plan for the same goal, from what is there now. Refused while the run goes on, and after a success."""
    if RunState(run.state) not in RUN_ENDED - {RunState.SUCCEEDED}:
        raise Refused(f"Run {run.id} is {_spoken(run)}, so there is nothing to try again.")
    plan = session.get_one(Plan, run.plan_id)
    undoes = session.get(Run, plan.undoes_run_id) if plan.undoes_run_id else None
    return _again(session, run, plan, kind=plan.kind, undoes=undoes, retry_of=run, by=by)


def undo(session: Session, run: Run, *, by: Person) -> Plan:
    """A plan back to what was there before the run. Refused while it goes on, and where no step of it took effect."""
    if RunState(run.state) not in RUN_ENDED:
        raise Refused(f"Run {run.id} is {_spoken(run)}. It can be taken back when it has ended.")
    done = select(Step.position).where(Step.run_id == run.id, Step.state == StepState.SUCCEEDED)
    if session.scalar(done.limit(1)) is None:
        raise Refused(f"No step of run {run.id} took effect, so there is nothing to take back.")
    return _again(session, run, session.get_one(Plan, run.plan_id), kind="undo", undoes=run, retry_of=None, by=by)


def _again(session: Session, run: Run, plan: Plan, *, kind: str, undoes: Run | None, retry_of: Run | None, by: Person) -> Plan:
    return plans.ask(
        session,
        kind=kind,
        service=session.get_one(Service, plan.service_id),
        target=session.get_one(Target, plan.target_id),
        release=session.get(Release, plan.release_id) if plan.release_id and kind != "undo" else None,
        incident=session.get(Incident, run.incident_id) if run.incident_id else None,
        undoes=undoes,
        retry_of=retry_of,
        request=plan.request if kind != "undo" else {},
        contract=plan.contract,
        by=by,
    )


def _make(session: Session, plan: Plan, *, digest: str, nonce: str, by: Person) -> tuple[Run, bool]:
    """The run of this plan as a draft, and whether it is new.

    Two submits at once: the second waits for the plan's row and then finds the first one's run.
    """
    locks.lock(session, plan)
    earlier = session.scalar(select(Run).where((Run.idempotency_key == nonce) | (Run.plan_id == plan.id)))
    if earlier and earlier.plan_id == plan.id and earlier.idempotency_key == nonce:
        return earlier, False
    if earlier:
        who = _name(session, earlier.requested_by_id)
        raise Conflict(f"{who} has already started this plan as run {earlier.id}. Nothing more was started.", link=f"/runs/{earlier.id}")
    _check(session, plan, digest)
    run = Run(
        plan_id=plan.id,
        plan_digest=plan.digest,
        incident_id=plan.incident_id,
        service_id=plan.service_id,
        idempotency_key=nonce,
        requested_by_id=by.id,
        needs_approval=plan.is_destructive,
        state=RunState.DRAFT,
        fence=0,
    )
    session.add(run)
    session.flush()
    planned = session.scalars(select(PlanStep).where(PlanStep.plan_id == plan.id).order_by(PlanStep.position))
    session.add_all(Step(run_id=run.id, position=step.position, action=step.action, title=step.title) for step in planned)
    session.flush()
    history.tell_plan(session, plan)
    return run, True


def _check(session: Session, plan: Plan, digest: str) -> None:
    if PlanState(plan.state) is PlanState.RESOLVING:
        raise Refused("The plan is not resolved yet, so nothing was started. It appears here in a moment.")
    if PlanState(plan.state) is PlanState.FAILED:
        raise Refused(f"This plan could not be made, so nothing was started: {plan.problem}")
    if plan.digest != digest:
        raise Conflict("The plan is another one than the page showed, so nothing was started. Look at it again.", link=f"/plans/{plan.id}")
    if plan.is_blocked:
        raise Refused(f"This plan cannot work, so nothing was started: {_obstacle(session, plan)}")


def _obstacle(session: Session, plan: Plan) -> str:
    shown = session.scalars(select(PlanStep.shown).where(PlanStep.plan_id == plan.id).order_by(PlanStep.position))
    warnings = (warning for step in shown for warning in step.get("warnings", []))
    return next((str(warning["sentence"]) for warning in warnings if warning.get("blocking")), "its warnings say why.")


def _ask_for_approval(session: Session, run: Run, plan: Plan, *, by: Person) -> None:
    run.state = RunState.AWAITING_APPROVAL
    run.expires_at = db_now(session) + timedelta(seconds=settings().approval_ttl_s)
    sentence = f"{by.name} asks a second person to approve it until {run.expires_at:%H:%M} UTC."
    history.happened(session, run, "approval_asked", sentence, line=f"asked for approval of run {run.id}: {plan.title}", by=by)


def _leave(session: Session, run: Run) -> None:
    """A step that waits for somebody outside is not waited for any more; what it did stays done."""
    for step in session.scalars(select(Step).where(Step.run_id == run.id, Step.state == StepState.WAITING)):
        step.state, step.ended_at = StepState.SKIPPED, db_now(session)
        step.sentence = f"Not waited for any longer. Last seen: {step.sentence}" if step.sentence else "Not waited for any longer."
    session.flush()


def _left_behind(session: Session, run: Run, by: Person) -> str:
    done = list(session.scalars(select(Step.title).where(Step.run_id == run.id, Step.state == StepState.SUCCEEDED).order_by(Step.position)))
    begun = session.scalars(select(Step.title).where(Step.run_id == run.id, Step.state == StepState.SKIPPED, Step.intent_at.is_not(None)))
    if middle := begun.first():
        left = f"{by.name} canceled it in the middle of {middle!r}: what that had begun is not taken back."
        return f"{left} What was done before stays done: {'; '.join(done)}." if done else left
    if not done:
        return f"{by.name} canceled it before it began. Nothing was changed."
    return f"{by.name} canceled it. What was done stays done: {'; '.join(done)}."


def _name(session: Session, user_id: int) -> str:
    return session.get_one(User, user_id).name


def _spoken(run: Run) -> str:
    return run.state.replace("_", " ")
