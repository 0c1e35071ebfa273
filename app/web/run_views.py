"""What the pages of a run draw, worked out from its rows: the sentence, the steps, what cancel means now.

Pure functions: rows in, facts and words out. The run has its steps, its plan, the plan's steps and its people loaded.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core.clock import now
from app.executors.base import Part, Seen, Standing
from app.runs.models import PlanStep, Run, Step
from app.runs.states import STEP_OPEN, RunState, StepState
from app.verification.models import Verification
from app.web.filters import duration
from app.web.words import spoken

NOUNS = {
    "rollback": "rollback",
    "restart": "restart",
    "scale": "scaling",
    "scale_to_zero": "scaling to zero",
    "scale_back": "scaling back",
    "replace_broken_pods": "replacement of broken pods",
    "undo": "undo",
}
# the shape of the mark, and the word beside it
STEPS = {
    StepState.PENDING: ("wait", "Not started"),
    StepState.STARTED: ("run", "Running"),
    StepState.WAITING: ("wait", "Waiting"),
    StepState.UNKNOWN: ("warn", "Outcome unknown"),
    StepState.SUCCEEDED: ("ok", "Done"),
    StepState.FAILED: ("bad", "Failed"),
    StepState.SKIPPED: ("idle", "Skipped"),
}
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
VERDICTS = {
    "recovered": ("ok", "Recovered"),
    "partly": ("warn", "Partly recovered"),
    "not": ("bad", "Not recovered"),
    "worse": ("bad", "Worse than before"),
}
SLOW_START_S = 10  # a runner answers well within this; beyond it the page says that none has


@dataclass(frozen=True)
class StepView:
    """One line of the list of steps."""

    position: int
    title: str
    state: StepState
    mood: str  # ok | run | wait | warn | bad | idle: the mark's shape
    word: str
    sentence: str
    took: str  # "4 s", "01:01", "about 20 s"
    ticks_from: datetime | None  # the clock of the step that runs counts from here
    is_current: bool
    is_point_of_no_return: bool  # the dashed line stands above this step
    seen: Seen | None

    @property
    def counts(self) -> bool:
        """Whether there is a count to show as a bar."""
        return self.is_current and self.seen is not None and self.seen.done is not None and bool(self.seen.total)

    @property
    def parts(self) -> list[Part]:
        return self.seen.parts if self.seen else []


@dataclass(frozen=True)
class RunView:
    """A run as its card draws it."""

    noun: str  # "rollback"
    say: str  # the first sentence
    next: str  # what comes next, and whether anybody has to do something
    mood: str
    word: str
    version_now: str
    version_after: str
    target: str
    leads_to_good: bool
    expected: str  # "about 01:48"
    steps: list[StepView]
    cancel: str  # what cancel means now; "" where there is nothing to cancel
    has_succeeded: bool
    is_drifted: bool
    can_undo: bool
    can_retry: bool
    leftover: list[str]  # what an ended run left behind

    @property
    def current(self) -> StepView | None:
        return next((step for step in self.steps if step.is_current), None)


def of(run: Run, *, at: datetime | None = None) -> RunView:
    """The run as its card draws it, at this moment."""
    at = at or now()
    planned = {step.position: step for step in run.plan.steps}
    steps = [_step(step, planned.get(step.position), run, at) for step in run.steps]
    state, noun = RunState(run.state), NOUNS.get(run.plan.kind, "run")
    shown = _versions(run.plan.steps)
    is_approved = state is RunState.AWAITING_APPROVAL and run.approved_at is not None
    is_drifted = state is RunState.FAILED and any(step.seen and step.seen.standing is Standing.DRIFTED for step in steps)
    return RunView(
        noun=noun,
        say=_say(run, noun, steps, is_drifted, at),
        next=_next(run, steps, is_drifted, at),
        mood="ok" if is_approved else RUNS[state][0],
        word="Approved" if is_approved else RUNS[state][1],
        version_now=shown.get("version_now", ""),
        version_after=shown.get("version_after", ""),
        target=shown.get("target", ""),
        leads_to_good=run.plan.release is not None and run.plan.release.standing == "good",
        expected=f"about {duration(run.plan.expected_s)}" if run.plan.expected_s else "",
        steps=steps,
        cancel=_cancel(run, steps, planned),
        has_succeeded=state is RunState.SUCCEEDED,
        is_drifted=is_drifted,
        can_undo=run.is_over and any(step.state is StepState.SUCCEEDED for step in steps),
        can_retry=state in {RunState.FAILED, RunState.CANCELED, RunState.REJECTED, RunState.EXPIRED},
        leftover=_leftover(run, steps),
    )


def verdict(verification: Verification | None) -> tuple[str, str, str] | None:
    """Shape, word and sentence of what the checks say by now; None where nothing is watched."""
    if verification is None:
        return None
    if verification.state == "canceled":
        return "idle", "Stopped", verification.sentence
    shape, word = VERDICTS.get(verification.verdict or "", ("run", "Watching"))
    return shape, word, verification.sentence


def elapsed_s(run: Run, at: datetime) -> float:
    """Seconds since the first claim, or how long the run took."""
    if not run.started_at:
        return 0.0
    return ((run.ended_at or at) - run.started_at).total_seconds()


def _versions(steps: list[PlanStep]) -> dict[str, Any]:
    """What the plan shows of the first step that changes a version, else of its first step."""
    shown = [step.shown for step in steps]
    return next((body for body in shown if body.get("version_after")), shown[0] if shown else {})


def _step(step: Step, planned: PlanStep | None, run: Run, at: datetime) -> StepView:
    state = StepState(step.state)
    seen = Seen.model_validate(step.observed) if step.observed else None
    is_current = state in STEP_OPEN or state is StepState.WAITING
    took, ticks = "", None
    if step.intent_at and step.ended_at:
        took = spoken((step.ended_at - step.intent_at).total_seconds())
    elif step.intent_at and is_current and not run.is_over:
        took, ticks = duration((at - step.intent_at).total_seconds()), step.intent_at
    elif planned and planned.expected_s and not run.is_over:
        took = f"about {spoken(planned.expected_s)}"
    return StepView(
        position=step.position,
        title=step.title,
        state=state,
        mood=STEPS[state][0],
        word=STEPS[state][1],
        sentence=step.sentence or (seen.sentence if seen else ""),
        took=took,
        ticks_from=ticks,
        is_current=is_current,
        is_point_of_no_return=bool(planned and planned.is_point_of_no_return),
        seen=seen,
    )


def _stuck(steps: list[StepView]) -> list[Part]:
    """The parts of the open step that do not come up by themselves."""
    return [part for step in steps if step.is_current for part in step.parts if part.mood == "bad"]


def _say(run: Run, noun: str, steps: list[StepView], is_drifted: bool, at: datetime) -> str:
    """The first sentence: what happens, in words that hold without the rest of the page."""
    if is_drifted:
        return f"The {noun} stopped before it changed anything, because the target has moved."
    if run.is_over:
        return run.sentence or f"The {noun} ended: {RUNS[RunState(run.state)][1].lower()}."
    match RunState(run.state):
        case RunState.NEEDS_ATTENTION:
            return f"The {noun} needs you. {run.attention}"
        case RunState.RUNNING if run.cancel_requested_at:
            return f"The {noun} is being cancelled."
        case RunState.RUNNING:
            return f"The {noun} is running{_how(steps)}"
        case RunState.QUEUED if run.queued_at and (at - run.queued_at).total_seconds() > SLOW_START_S:
            return f"The {noun} has waited {spoken((at - run.queued_at).total_seconds())} for a runner. Nothing has changed yet."
        case RunState.QUEUED:
            return f"The {noun} starts in a moment."
        case RunState.DRAFT:
            return f"The {noun} starts as soon as run {run.starts_after_id} has stopped."
        case _ if run.approved_at:
            return f"The {noun} is approved and waits for {run.requested_by.name} to start it."
    return f"The {noun} waits for a second person. Nothing has changed yet."


def _how(steps: list[StepView]) -> str:
    """How it goes, from the last look at the step that runs: ". Two of three pods serve v1.2.3." """
    stuck, current = _stuck(steps), next((step for step in steps if step.is_current), None)
    if stuck:
        return f", but {len(stuck)} {'pod does' if len(stuck) == 1 else 'pods do'} not come up."
    if current and current.sentence:
        return ". " + current.sentence[0].upper() + current.sentence[1:].rstrip(".") + "."
    return "."


def _next(run: Run, steps: list[StepView], is_drifted: bool, at: datetime) -> str:
    match RunState(run.state):
        case RunState.RUNNING if run.cancel_requested_at:
            return "It stops as soon as the step that runs now allows it. Nothing to press here."
        case RunState.RUNNING if stuck := _stuck(steps):
            return f"{stuck[0].name}: {stuck[0].note or stuck[0].state}. The run keeps waiting; cancel it or mend the cause."
        case RunState.RUNNING:
            return _left(run, at)
        case RunState.NEEDS_ATTENTION:
            return "The target stays held, and nothing else happens, until somebody says what is true."
        case RunState.QUEUED if run.queued_at and (at - run.queued_at).total_seconds() > SLOW_START_S:
            return f"It starts by itself once a runner is back. “lastgood run {run.id} --here” starts it from a terminal."
        case RunState.QUEUED:
            return "A runner takes it within seconds. Nothing to press here."
        case RunState.DRAFT:
            return "Nothing has changed yet, and nothing to press here."
        case RunState.FAILED if is_drifted:
            return "Make a new plan: it shows what runs now and what would change."
    return ""


def _left(run: Run, at: datetime) -> str:
    if not run.plan.expected_s:
        return "No run like it is on record, so there is no estimate. Nothing to press here."
    left = run.plan.expected_s - elapsed_s(run, at)
    if left <= 0:
        return f"It takes longer than usual (about {spoken(run.plan.expected_s)}). Nothing to press here."
    return f"About {spoken(left)} left, nothing to press here."


def _cancel(run: Run, steps: list[StepView], planned: dict[int, PlanStep]) -> str:
    """What cancel would mean at this moment."""
    state = RunState(run.state)
    if state is RunState.AWAITING_APPROVAL:
        return "Withdrawing the request changes nothing on the target."
    if state in {RunState.QUEUED, RunState.DRAFT}:
        return "Cancel now and nothing will have changed."
    if state is not RunState.RUNNING or run.cancel_requested_at:
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


def _leftover(run: Run, steps: list[StepView]) -> list[str]:
    """What an unfinished run left on the target, step by step."""
    if not run.is_over or RunState(run.state) is RunState.SUCCEEDED:
        return []
    touched = [step for step in steps if step.state not in {StepState.PENDING, StepState.SKIPPED}]
    if not any(step.state in {StepState.SUCCEEDED, StepState.UNKNOWN} for step in touched):
        return []
    return [f"{step.title}: {step.sentence or step.word.lower()}" for step in touched]
