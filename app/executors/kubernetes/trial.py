"""The server's own dry run of a change: what it would make of it, or why it would not say."""

from dataclasses import dataclass, field
from typing import Any

from app.executors.base import Body, Caution
from app.executors.kubernetes import objects
from app.executors.kubernetes.problems import Answered, sentence


@dataclass(frozen=True)
class Trial:
    """`result` is the object as it would be; None where there was no dry run."""

    sentence: str
    result: Body | None = None
    cautions: list[Caution] = field(default_factory=list)

    @classmethod
    def of(cls, answer: Any, live: Body) -> "Trial":
        """Read the answer to a dry run of a change to `live`."""
        if isinstance(answer, dict):
            return cls(_accepted(answer, live), result=answer)
        if not isinstance(answer, Answered):
            return cls._without("The API server did not answer in time.")
        why = sentence(answer, "it")
        if answer.is_missing_right:
            return cls(f"No dry run: {why} The comparison here is our own.")  # the right itself is named among the cautions
        if answer.is_webhook_down:
            return cls(f"No dry run: {why} The comparison here is our own.", cautions=[Caution(code="webhook-down", sentence=why)])
        if answer.refuses_dry_run or answer.status >= 500 or answer.is_busy:
            return cls._without(why)
        # the real change would be refused in the same words
        return cls(f"The API server refuses this change. {why}", cautions=[Caution(code="refused", sentence=why, blocking=True)])

    @classmethod
    def _without(cls, why: str) -> "Trial":
        open_question = f"Whether the cluster would take this change could not be tried out. {why}"
        return cls(
            f"No dry run: {why} The comparison here is our own.",
            cautions=[Caution(code="no-dry-run", sentence=open_question, unknown=True)],
        )


def _accepted(answer: Body, live: Body) -> str:
    # a change that changes nothing keeps the generation: the one test of "already there" that holds for all kinds
    if answer["metadata"].get("generation") == live["metadata"].get("generation"):
        return "The API server's dry run changes nothing: it is like this already."
    if objects.uid(answer) != objects.uid(live):
        return "The API server accepted a dry run, of an object that was created again meanwhile."
    return "The API server accepted a dry run of exactly this change."
