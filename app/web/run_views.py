"""What the pages of a run draw, worked out from its rows: the sentence, the steps, what cancel means now.

Pure functions: rows in, facts and words out. The run has its steps, its plan, the plan's steps and its people loaded.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core.clock import now
from app.runs.models import PlanStep, Run
from app.runs.states import RunState, StepState
from app.verification.models import Verification
from app.web import run_words, step_views
from app.web.filters import duration
from app.web.step_views import StepView

NOUNS = {
    "rollback": "rollback",
    "restart": "restart",
    "scale": "scaling",
    "scale_to_zero": "scaling to zero",
    "scale_back": "scaling back",
    "replace_broken_pods": "replacement of broken pods",
    "undo": "undo",
}
VERDICTS = {
    "recovered": ("ok", "Recovered"),
    "partly": ("warn", "Partly recovered"),
    "not": ("bad", "Not recovered"),
    "worse": ("bad", "Worse than before"),
}


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

    @property
    def current(self) -> StepView | None:
        """The step that runs or waits at this moment."""
        return next((step for step in self.steps if step.is_current), None)


def of(run: Run, *, at: datetime | None = None) -> RunView:
    """The run as its card draws it, at this moment."""
    at = at or now()
    planned = {step.position: step for step in run.plan.steps}
    steps = [step_views.of(step, planned.get(step.position), run, at) for step in run.steps]
    state, noun = RunState(run.state), NOUNS.get(run.plan.kind, "run")
    shown = _versions(run.plan.steps)
    is_approved = state is RunState.AWAITING_APPROVAL and run.approved_at is not None
    touched = any(step.state is StepState.SUCCEEDED for step in steps)
    mood, word = run_words.mark(run, at)
    is_drifted = not touched and state is RunState.FAILED and any(step.is_drifted for step in steps)
    return RunView(
        noun=noun,
        say=run_words.say(run, noun, steps, is_drifted, at),
        next=run_words.following(run, steps, is_drifted, at),
        mood="ok" if is_approved else mood,
        word="Approved" if is_approved else word,
        version_now=shown.get("version_now", ""),
        version_after=shown.get("version_after", ""),
        target=shown.get("target", ""),
        leads_to_good=run.plan.release is not None and run.plan.release.standing == "good",
        expected=f"about {duration(run_words.usual_s(run))}" if run_words.usual_s(run) else "",
        steps=steps,
        cancel=run_words.cancel(run, steps, planned),
        has_succeeded=state is RunState.SUCCEEDED,
        is_drifted=is_drifted,
        can_undo=run.is_over and touched,
        can_retry=state in {RunState.FAILED, RunState.CANCELED, RunState.REJECTED, RunState.EXPIRED},
    )


def verdict(verification: Verification | None) -> tuple[str, str, str] | None:
    """Shape, word and sentence of what the checks say by now; None where nothing is watched."""
    if verification is None:
        return None
    if verification.state == "canceled":
        return "idle", "Stopped", verification.sentence
    shape, word = VERDICTS.get(verification.verdict or "", ("run", "Watching"))
    return shape, word, verification.sentence


def _versions(steps: list[PlanStep]) -> dict[str, Any]:
    """What the plan shows of the first step that changes a version, else of its first step."""
    shown = [step.shown for step in steps]
    return next((body for body in shown if body.get("version_after")), shown[0] if shown else {})
