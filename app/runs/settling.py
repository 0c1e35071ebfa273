"""A person's answer where the machine cannot know: did the step happen, and how does the run go on?"""

from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.core import queue
from app.core.database import Json, db_now
from app.core.errors import Forbidden, Refused
from app.executors.base import Seen, Standing
from app.runs import ending, history, locks
from app.runs.approvals import require_step_up
from app.runs.models import Resolution, Run, Step
from app.runs.states import RunState, StepState

ANSWERS = {
    "happened": "says that it happened",
    "did_not_happen": "says that it did not happen",
    "skip": "skips it",
    "end": "ends the run",
}


def settle(session: Session, run: Run, *, position: int | None, answer: str, reason: str, by: Person) -> None:
    """Answer for the open step (`position`), with the reason.

    "happened" and "skip" go on with the next step, "did_not_happen" does the step again, "end" closes the run as failed.
    Refused unless the run asks for an answer.
    """
    if not by.may(Permission.SETTLE, {run.service_id}):
        raise Forbidden("Answering for a step takes a commander of this service. Ask one.")
    locks.lock(session, run)
    if RunState(run.state) is not RunState.NEEDS_ATTENTION:
        raise Refused(f"Run {run.id} is {run.state.replace('_', ' ')} and asks nothing.")
    reason = reason.strip()
    if answer not in ANSWERS:
        raise Refused("Choose what is true of the step.", field="answer")
    if not reason:
        raise Refused("Say what you saw on the target. The run waits until then.", field="reason")
    require_step_up(session, by)
    step = session.get(Step, (run.id, position), populate_existing=True) if position is not None else None
    if step is None and answer != "end":
        raise Refused("Choose the step that you answer for.", field="position")
    evidence = (step.observed if step else None) or {}
    session.add(Resolution(run_id=run.id, position=position, answer=answer, reason=reason, evidence=evidence, by_id=by.id))
    if answer == "end":
        ending.end(session, run, RunState.FAILED, f"{by.name} ended it: {reason}", by=by)
    elif step is not None:
        _answer(session, run, step, answer, reason, by)


def _answer(session: Session, run: Run, step: Step, answer: str, reason: str, by: Person) -> None:
    state = StepState(step.state)
    if state not in {StepState.UNKNOWN, StepState.PENDING}:
        raise Refused(f"Step {step.position} is {state}; it asks nothing.", field="position")
    if answer == "happened" and state is StepState.PENDING:
        raise Refused(f"Step {step.position} was never begun. Skip it, if what it wants is there already.", field="answer")
    if answer == "did_not_happen":
        step.state = StepState.PENDING
    else:
        step.state = StepState.SUCCEEDED if answer == "happened" else StepState.SKIPPED
        step.ended_at, step.sentence = db_now(session), f"{by.name}: {reason}"
    if answer == "happened":
        step.observed = _proof(step.observed, by, reason)
    run.state, run.attention, run.queued_at = RunState.QUEUED, "", db_now(session)
    session.flush()
    queue.ring(session, ending.TASK, run.id)
    sentence = f"{by.name} {ANSWERS[answer]}: {reason}"
    line = f"answered for step {step.position} of run {run.id} ({step.title}): {ANSWERS[answer].replace('says that ', '')}. {reason}"
    history.happened(session, run, "settled", sentence, position=step.position, line=line, by=by, answer=answer)


def _proof(observed: Json | None, by: Person, reason: str) -> Json:
    """What was last seen, and whose word it is that it happened."""
    seen = Seen.model_validate(observed) if observed else Seen(standing=Standing.DONE)
    evidence = {**seen.evidence, "settled_by": by.name, "reason": reason}
    return seen.model_copy(update={"standing": Standing.DONE, "sentence": f"{by.name}: {reason}", "evidence": evidence}).model_dump(
        mode="json"
    )
