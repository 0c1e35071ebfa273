"""What a check answers."""

from typing import Any, Literal

from pydantic import BaseModel, Field

Outcome = Literal["pass", "fail", "inconclusive"]
Reason = Literal["", "no_data", "no_traffic", "too_little", "config", "unreachable", "not_yet"]


class Reading(BaseModel):
    """One look at one check.

    value, limit  in `unit` ("%", "ms", "/s"); None where the check counts nothing
    reason        why it is inconclusive, for those who must tell "no traffic" from "Prometheus is down"
    parts         per replica: {"pods": [...]}; and what a later reading needs to know: {"scrapes": [...]}
    """

    outcome: Outcome
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    sentence: str
    reason: Reason = ""
    parts: dict[str, Any] = Field(default_factory=dict)


class Unclear(Exception):
    """The check cannot be judged now. The text is for the user."""

    def __init__(self, sentence: str, reason: Reason) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.reason = reason
