"""What a person is shown and asked where a run cannot know by itself what is true of a step."""

from dataclasses import dataclass
from typing import Any

from app.executors.base import Seen
from app.runs.models import Run, Step
from app.runs.states import STEP_OPEN, StepState
from app.web.filters import utc


@dataclass(frozen=True)
class Answer:
    """One choice: what it says, and what the run does then."""

    value: str
    title: str
    words: str


@dataclass(frozen=True)
class Question:
    """The step in doubt, what is known of it, and what can be answered."""

    position: int | None
    title: str
    known: list[tuple[str, str]]
    answers: list[Answer]


def of(run: Run) -> Question:
    """The question that a run in need of attention asks."""
    doubted = next((step for step in run.steps if StepState(step.state) in STEP_OPEN), None)
    step = doubted or next((step for step in run.steps if StepState(step.state) is StepState.PENDING), None)
    end = Answer("end", "End the run here", "It is closed as failed, with your reason. What the target shows now stays as it is.")
    if step is None:
        return Question(None, "How does it end?", [], [end])
    skip = Answer("skip", "Skip it", "The step is left out, and the run goes on with the next one.")
    if doubted is None:
        again = Answer("did_not_happen", "Go on with it", "The run looks at the target again and does the step if it still fits.")
        return Question(step.position, f"How does it go on with “{step.title}”?", _known(step), [again, skip, end])
    happened = Answer("happened", "It happened", "The target shows what was wanted. The run goes on with the next step.")
    did_not = Answer("did_not_happen", "It did not happen", "The target shows what was there before. The run does the step again.")
    return Question(step.position, f"Did “{step.title}” happen?", _known(step), [happened, did_not, skip, end])


def _known(step: Step) -> list[tuple[str, str]]:
    seen = Seen.model_validate(step.observed) if step.observed else None
    lines = [
        ("Sent", _sent(step)),
        ("Before", Seen.model_validate(step.before).sentence if step.before else ""),
        ("The target answered", _spelled(step.answer) if step.answer else "nothing that arrived here" if step.intent_at else ""),
        ("Seen since", seen.sentence if seen else "nothing yet"),
    ]
    return [(label, value) for label, value in lines if value]


def _sent(step: Step) -> str:
    if step.intent_at is None:
        return ""
    return utc(step.intent_at) + (f", for the {step.attempts}. time" if step.attempts > 1 else "")


def _spelled(body: dict[str, Any] | None) -> str:
    """A small JSON object as words: "version v1.2.4, generation 17"."""
    flat = {key: value for key, value in (body or {}).items() if isinstance(value, str | int | float) and not isinstance(value, bool)}
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in flat.items())
