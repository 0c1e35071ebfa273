"""What the list of steps of a run draws, worked out from its rows."""

from dataclasses import dataclass
from datetime import datetime

from app.executors.base import Part, Seen, Standing
from app.runs.models import PlanStep, Run, Step
from app.runs.states import STEP_OPEN, StepState
from app.web.filters import duration
from app.web.words import spoken

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
    def is_drifted(self) -> bool:
        return self.seen is not None and self.seen.standing is Standing.DRIFTED

    @property
    def counts(self) -> bool:
        """Whether there is a count to show as a bar."""
        return self.is_current and self.seen is not None and self.seen.done is not None and bool(self.seen.total)

    @property
    def parts(self) -> list[Part]:
        return self.seen.parts if self.seen else []


def of(step: Step, planned: PlanStep | None, run: Run, at: datetime) -> StepView:
    """One step as the list draws it, at this moment."""
    state = StepState(step.state)
    seen = Seen.model_validate(step.observed) if step.observed else None
    is_current = state in STEP_OPEN or state is StepState.WAITING
    took, ticks = "", None
    if step.intent_at and step.ended_at:
        took = spoken((step.ended_at - step.intent_at).total_seconds())
    elif step.intent_at and is_current and not run.is_over:
        took, ticks = duration((at - step.intent_at).total_seconds()), step.intent_at
    elif planned and planned.expected_s and run.plan.expected_from.get("runs") and not run.is_over:
        took = f"about {spoken(planned.expected_s)}"
    return StepView(
        position=step.position,
        title=step.title,
        state=state,
        mood=STEPS[state][0],
        word=STEPS[state][1],
        sentence=_said(step, seen, run),
        took=took,
        ticks_from=ticks,
        is_current=is_current,
        is_point_of_no_return=bool(planned and planned.is_point_of_no_return),
        seen=seen,
    )


def _said(step: Step, seen: Seen | None, run: Run) -> str:
    """What was last said of the step, unless the run's own first sentence says it already."""
    said = step.sentence if step.sentence != run.attention else ""
    return said or (seen.sentence if seen and seen.sentence != run.attention else "")
