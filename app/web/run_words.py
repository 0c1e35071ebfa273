"""What a run says of itself: the first sentence, what comes next, and what cancel would mean at this moment."""

from datetime import datetime

from app.executors.base import Part
from app.runs import leases
from app.runs.models import PlanStep, Run
from app.runs.states import RunState, StepState
from app.web.step_views import StepView
from app.web.words import spoken

# the shape of the mark, and the word beside it
RUNS = {
    RunState.DRAFT: ("wait", "Waits for another run"),
    RunState.AWAITING_APPROVAL: ("wait", "Waits for approval"),
    RunState.QUEUED: ("wait", "Queued"),
    RunState.RUNNING: ("run", "Running"),
    RunState.NEEDS_ATTENTION: ("warn", "Needs attention"),
    RunState.SUCCEEDED: ("ok", "Succeeded"),
    RunState.FAILED: ("bad", "Failed"),
    RunState.CANCELED: ("idle", "Cancelled"),
    RunState.REJECTED: ("bad", "Rejected"),
    RunState.EXPIRED: ("idle", "Expired"),
}
_BY_HAND = "“lastgood run {run} --here”"
SLOW_START_S = 10  # a runner answers well within this; beyond it the page says that none has


def mark(run: Run, at: datetime) -> tuple[str, str]:
    """The shape and the word of its state: nothing turns while nobody can say that it still goes on."""
    if silent_s(run, at) or quiet_s(run, at):
        return "warn", "Not heard from"
    return RUNS[RunState(run.state)]


def _elapsed_s(run: Run, at: datetime) -> float:
    """Seconds since the first claim, or how long the run took."""
    if not run.started_at:
        return 0.0
    return ((run.ended_at or at) - run.started_at).total_seconds()


def _stuck(steps: list[StepView]) -> list[Part]:
    """The parts of the open step that do not come up by themselves."""
    return [part for step in steps if step.is_current for part in step.parts if part.mood == "bad"]


def say(run: Run, noun: str, steps: list[StepView], is_drifted: bool, at: datetime) -> str:
    """The first sentence: what happens, in words that hold without the rest of the page."""
    if is_drifted:
        return f"The {noun} stopped before it changed anything, because the target has moved."
    said = _sentence(run.sentence)
    match RunState(run.state):
        case RunState.SUCCEEDED:
            return f"The {noun} is done. {said}".rstrip()
        case RunState.FAILED:
            return f"The {noun} failed. {said}".rstrip()
        case RunState.CANCELED | RunState.REJECTED | RunState.EXPIRED as ended:
            return said or f"The {noun} was {RUNS[ended][1].lower()}."
        case RunState.NEEDS_ATTENTION:
            return f"The {noun} needs you. {_sentence(run.attention)}"
        case RunState.RUNNING if silent_s(run, at):
            return f"The {noun} is in nobody's hands: the runner that had it has been silent for {spoken(silent_s(run, at))}."
        case RunState.RUNNING if quiet_s(run, at):
            return f"The {noun} was running when its runner was last heard, {spoken(quiet_s(run, at))} ago."
        case RunState.RUNNING if run.cancel_requested_at:
            return f"The {noun} is being cancelled."
        case RunState.RUNNING:
            return f"The {noun} is running{_how(steps)}"
        case RunState.QUEUED:
            return _say_queued(run, noun, steps, at)
        case RunState.DRAFT:
            return f"The {noun} starts as soon as run {run.starts_after_id} has stopped."
        case _ if run.approved_at:
            return f"The {noun} is approved and waits for {run.requested_by.name} to start it."
    return f"The {noun} waits for a second person. Nothing has changed yet."


def _say_queued(run: Run, noun: str, steps: list[StepView], at: datetime) -> str:
    """Queued is: not begun, or given back in the middle of it; and either in a moment, or because no runner answers."""
    if waiting := next((step for step in steps if step.state is StepState.WAITING), None):
        return f"The {noun} waits. {_sentence(waiting.sentence)}".rstrip()
    has_begun = any(step.state is not StepState.PENDING for step in steps)
    if _slow(run, at):
        so_far = "What was done stays done." if has_begun else "Nothing has changed yet."
        return f"The {noun} has waited {spoken(_queued_s(run, at))} for a runner. {so_far}"
    return f"The {noun} {'goes on' if has_begun else 'starts'} in a moment."


def _queued_s(run: Run, at: datetime) -> float:
    return (at - run.queued_at).total_seconds() if run.queued_at else 0.0


def silent_s(run: Run, at: datetime) -> float:
    """Since when nobody was heard of a running run that is in nobody's hands: its lease is over and not taken by another; else 0."""
    return _unheard_s(run, at) if run.lease_until and at > run.lease_until else 0.0


def quiet_s(run: Run, at: datetime) -> float:
    """Since when the runner that still has it was not heard, where that is longer than a few heartbeats; else 0."""
    unheard = _unheard_s(run, at)
    return unheard if run.lease_until and at <= run.lease_until and unheard > leases.QUIET.total_seconds() else 0.0


def _unheard_s(run: Run, at: datetime) -> float:
    heard = leases.heard_at(run) if RunState(run.state) is RunState.RUNNING else None
    return (at - heard).total_seconds() if heard else 0.0


def _slow(run: Run, at: datetime) -> bool:
    return run.wake_at is None and _queued_s(run, at) > SLOW_START_S


def _sentence(words: str) -> str:
    """With a full stop. The first word keeps its case: it may be a version or the name of a thing."""
    words = words.strip()
    return words + ("" if words.endswith((".", "?", "…")) else ".") if words else ""


def _how(steps: list[StepView]) -> str:
    """How it goes, from the last look at the step that runs: ". Two of three pods serve v1.2.3." """
    stuck, current = _stuck(steps), next((step for step in steps if step.is_current or _is_kept_waiting(step)), None)
    if stuck:
        return f", but {len(stuck)} {'pod does' if len(stuck) == 1 else 'pods do'} not come up."
    if current and current.sentence:
        return f". {_sentence(current.sentence)}"
    return "."


def _is_kept_waiting(step: StepView) -> bool:
    """Whether a step was not begun because its target does not answer."""
    return step.state is StepState.PENDING and bool(step.sentence)


def following(run: Run, steps: list[StepView], is_drifted: bool, at: datetime) -> str:
    """What comes next, and whether anybody has to do something for it."""
    match RunState(run.state):
        case RunState.RUNNING if silent_s(run, at):
            by_hand = _BY_HAND.format(run=run.id)
            return f"Another runner goes on by itself and looks at the target first. {by_hand} takes it over from a terminal."
        case RunState.RUNNING if quiet_s(run, at) and run.lease_until:
            left = spoken((run.lease_until - at).total_seconds())
            return f"Should it stay silent, another runner takes over in {left} and looks at the target first. Nothing to press here."
        case RunState.RUNNING if run.cancel_requested_at:
            return "It stops as soon as the step that runs now allows it. Nothing to press here."
        case RunState.RUNNING if stuck := _stuck(steps):
            return f"{stuck[0].name}: {stuck[0].note or stuck[0].state}. The run keeps waiting; cancel it or mend the cause."
        case RunState.RUNNING:
            return _left(run, at)
        case RunState.NEEDS_ATTENTION:
            return "The target stays held, and nothing else happens, until somebody says what is true."
        case RunState.QUEUED if run.wake_at:
            return "It is looked at again by itself, and sooner when there is news. Waiting can be cancelled."
        case RunState.QUEUED if _slow(run, at):
            return f"It starts by itself once a runner is back. {_BY_HAND.format(run=run.id)} starts it from a terminal."
        case RunState.QUEUED:
            return "A runner takes it within seconds. Nothing to press here."
        case RunState.DRAFT:
            return "Nothing has changed yet, and nothing to press here."
        case RunState.FAILED if is_drifted:
            return "Make a new plan: it shows what runs now and what would change."
    return ""


def usual_s(run: Run) -> float:
    """The usual duration by our own history, nought without one: a guess is not worth a promise."""
    return run.plan.expected_s if run.plan.expected_s and run.plan.expected_from.get("runs") else 0.0


def _left(run: Run, at: datetime) -> str:
    if not usual_s(run):
        return "No run like it is on record, so there is no estimate. Nothing to press here."
    left = usual_s(run) - _elapsed_s(run, at)
    if left <= 0:
        return f"It takes longer than usual (about {spoken(usual_s(run))}). Nothing to press here."
    return f"About {spoken(left)} left, nothing to press here."


def cancel(run: Run, steps: list[StepView], planned: dict[int, PlanStep]) -> str:
    """What cancel would mean at this moment."""
    state = RunState(run.state)
    if state is RunState.AWAITING_APPROVAL:
        return "Withdrawing the request changes nothing on the target."
    has_begun = any(step.state is not StepState.PENDING for step in steps)
    if state in {RunState.QUEUED, RunState.DRAFT} and not has_begun:
        return "Cancel now and nothing will have changed."
    if state not in {RunState.QUEUED, RunState.RUNNING} or run.cancel_requested_at:
        return ""
    current = next((step for step in steps if step.is_current), None)
    passed = any(step.is_point_of_no_return and step.state is not StepState.PENDING for step in steps)
    if passed:
        return "The point of no return has passed. Cancel stops before the next step and takes nothing back."
    if current and current.position in planned and not planned[current.position].is_cancellable:
        return "This step cannot be interrupted: cancel takes effect after it."
    if any(step.state is StepState.SUCCEEDED for step in steps):
        return "Cancel stops here and takes nothing back. Undo then returns to what ran before."
    return "Cancel stops as soon as the target has answered, and says what it left."
