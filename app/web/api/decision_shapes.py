"""What the API answers about a decision, field by field."""

from datetime import datetime
from typing import Any

from pydantic import Field

from app.decisions.assessing import Picture
from app.decisions.facts import Fact
from app.decisions.models import Assessment
from app.web.api.shapes import Shape

Value = float | bool | str | None


class MeasuredShape(Shape):
    """What the machine says of a fact that a person overruled."""

    value: Value
    said: str
    at: datetime | None


class FactShape(Shape):
    key: str
    name: str
    value: Value = Field(description="A number, true or false, or one of the fact's choices; null is unknown.")
    unit: str
    said: str = Field(description="Where it comes from, or why it is unknown.")
    source: str = Field(description="check, catalog, history, incident, person or none")
    at: datetime | None
    by: str
    measured: MeasuredShape | None = None


class VerdictShape(Shape):
    """A rule, and what became of it."""

    id: str
    side: str = Field(description="rollback or fix_forward")
    text: str
    fact: str
    holds: bool | None = Field(description="Whether it applies; null where its fact is unknown.")


class WayShape(Shape):
    """Where a rollback would lead."""

    service: str
    target_id: int
    running: str
    release_id: int | None = Field(description="Null where nothing to go back to is known.")
    version: str
    proven: bool
    why: str
    durations: list[float] = Field(description="Seconds of earlier rollbacks of this target, newest first.")


class DecisionShape(Shape):
    id: int
    choice: str = Field(description="rollback or fix_forward")
    rationale: str
    against_reason: str = Field(description="Set where it goes against the recommendation.")
    by_name: str
    decided_at: datetime
    assessment_id: int
    replaces_id: int | None


class AssessmentShape(Shape):
    """An assessment as it was kept."""

    id: int
    at: datetime
    cause: str = Field(description="declared, fact, reading, rules or decision")
    by_name: str
    recommendation: str = Field(description="rollback, fix_forward, ask (weigh the loss of data) or open (no rule applies)")
    sentence: str
    rules_version: int
    facts: list[FactShape]
    rules: list[VerdictShape]
    way: WayShape | None


class DeskShape(Shape):
    """How the decision of an incident stands at this moment."""

    recommendation: str = Field(description="rollback, fix_forward, ask (weigh the loss of data) or open (no rule applies)")
    sentence: str
    facts: list[FactShape]
    rules: list[VerdictShape]
    rules_version: int
    way: WayShape | None
    costs: dict[str, list[str]] = Field(description="What each choice costs, by choice.")
    decide_by: datetime
    decision: DecisionShape | None


class AnswerShape(Shape):
    user_name: str
    answer: str = Field(description="none, objects, or empty while it waits")
    reason: str
    answered_at: datetime | None


class QuestionShape(Shape):
    """ "Strong objection?", with everybody's answer."""

    id: int
    choice: str
    asked_by_name: str
    asked_at: datetime
    closed_at: datetime | None
    answers: list[AnswerShape]


class ReportShape(Shape):
    id: int
    count: int
    body: str
    url: str
    by_name: str
    at: datetime


class RuleSetShape(Shape):
    """One version of the decision matrix."""

    version: int
    rules: list[dict[str, Any]] = Field(description='Each: {"id", "side", "text", "fact", "is", "value"}.')
    decide_within: dict[str, int] = Field(description="Minutes from declaring to deciding, by severity.")
    note: str
    by_name: str
    at: datetime


def fact_shape(fact: Fact, unit: str) -> FactShape:
    measured = MeasuredShape.model_validate(fact.measured) if fact.measured else None
    told = {"value": fact.value, "said": fact.said, "source": fact.source, "at": fact.at, "by": fact.by}
    return FactShape(key=fact.key, name=fact.name, unit=unit, measured=measured, **told)


def of_picture(picture: Picture, units: dict[str, str]) -> dict[str, Any]:
    """What an assessment says, live or kept."""
    return {
        "recommendation": picture.weighed.recommendation,
        "sentence": picture.weighed.sentence,
        "facts": [fact_shape(fact, units[key]) for key, fact in picture.facts.items()],
        "rules": [
            VerdictShape(id=one.rule.id, side=one.rule.side, text=one.rule.text, fact=one.rule.fact, holds=one.holds)
            for one in picture.verdicts
        ],
        "rules_version": picture.rule_set.version,
        "way": WayShape.model_validate(picture.way) if picture.way else None,
    }


def assessment_shape(row: Assessment, picture: Picture, units: dict[str, str]) -> AssessmentShape:
    return AssessmentShape(id=row.id, at=row.at, cause=row.cause, by_name=row.by_name, **of_picture(picture, units))
