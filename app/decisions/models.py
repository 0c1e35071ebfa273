"""Rows of a decision."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.database import Base, Json


class RuleSet(Base):
    """One version of the decision matrix. Append-only: an edit is a new version, and old assessments keep theirs.

    rules           [{"id", "side", "text", "fact", "is", "value"}]: see `rules.Rule`
    decide_within   minutes from the declaration to the decision, by severity
    """

    __tablename__ = "rule_sets"
    __table_args__ = (CheckConstraint("version > 0", name="version"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    version: Mapped[int] = mapped_column(unique=True)
    rules: Mapped[list[Any]]
    decide_within: Mapped[Json]
    note: Mapped[str] = mapped_column(server_default="")  # why it was changed
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    by_name: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Deliberation(Base):
    """How far an incident's decision is: the clock, and when the facts were last looked at. One row an incident."""

    __tablename__ = "deliberations"

    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"), primary_key=True)
    decide_by: Mapped[datetime | None]  # set by a person; None: what the rule set says for the severity
    decide_by_set_by: Mapped[str] = mapped_column(server_default="")
    looked_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    lapsed_at: Mapped[datetime | None]  # when the timeline was told that the time is over


class StatedFact(Base):
    """What a person said of a fact. Append-only; the newest word on a fact counts. `withdrawn`: the measured value counts again."""

    __tablename__ = "stated_facts"
    __table_args__ = (Index("ix_stated_facts_newest", "incident_id", "key", text("id DESC")),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    key: Mapped[str]
    value: Mapped[Any] = mapped_column(JSONB(none_as_null=False), server_default=text("'null'"))  # JSON null: said to be unknown
    withdrawn: Mapped[bool] = mapped_column(server_default=text("false"))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    by_name: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Assessment(Base):
    """The facts at one moment, the rules that they fire, and what follows. Append-only; the newest one counts.

    facts         by key: {"value", "said", "source", "at", "by", "measured"}; see `evidence.Fact`. A value of null is unknown
    fired         [{"rule", "side", "holds"}] in the order of the rule set; holds is true, false, or null where a fact is unknown
    feasibility   where a rollback would lead, as `feasibility.Way` says it; null where nothing is known of a target
    cause         why it was made: declared | fact | reading | rules | decision
    """

    __tablename__ = "assessments"
    __table_args__ = (
        CheckConstraint("recommendation IN ('rollback', 'fix_forward', 'ask', 'open')", name="recommendation"),
        CheckConstraint("cause IN ('declared', 'fact', 'reading', 'rules', 'decision')", name="cause"),
        Index("ix_assessments_newest", "incident_id", text("id DESC")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    cause: Mapped[str]
    rule_set_id: Mapped[int] = mapped_column(ForeignKey("rule_sets.id"))
    facts: Mapped[Json]
    fired: Mapped[list[Any]]
    recommendation: Mapped[str]
    sentence: Mapped[str]
    feasibility: Mapped[Json | None]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    by_name: Mapped[str]
    rule_set: Mapped[RuleSet] = relationship(lazy="raise")


class Decision(Base):
    """What was decided, by whom, on which assessment. Append-only: a revision is a new row that `replaces_id` the one before it."""

    __tablename__ = "decisions"
    __table_args__ = (
        CheckConstraint("choice IN ('rollback', 'fix_forward')", name="choice"),
        # two people at once: the second one's row is refused, whichever of the two checks was overtaken
        Index("uq_decisions_first", "incident_id", unique=True, postgresql_where=text("replaces_id IS NULL")),
        Index("uq_decisions_replaces", "replaces_id", unique=True, postgresql_where=text("replaces_id IS NOT NULL")),
        Index("ix_decisions_newest", "incident_id", text("id DESC")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    assessment_id: Mapped[int] = mapped_column(ForeignKey("assessments.id"))
    choice: Mapped[str]
    rationale: Mapped[str] = mapped_column(server_default="")
    against_reason: Mapped[str] = mapped_column(server_default="")  # set where it goes against the recommendation
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    by_name: Mapped[str]
    decided_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("decisions.id"))
    assessment: Mapped[Assessment] = relationship(lazy="raise")


class ObjectionRound(Base):
    """ "Strong objection?", asked of everyone on the incident. One open round an incident; deciding closes it."""

    __tablename__ = "objection_rounds"
    __table_args__ = (
        CheckConstraint("choice IN ('rollback', 'fix_forward')", name="choice"),
        Index("uq_objection_rounds_open", "incident_id", unique=True, postgresql_where=text("closed_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"), index=True)
    choice: Mapped[str]
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    asked_by_name: Mapped[str]
    asked_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    closed_at: Mapped[datetime | None]
    answers: Mapped[list["ObjectionAnswer"]] = relationship(lazy="raise", order_by="ObjectionAnswer.user_name")


class ObjectionAnswer(Base):
    """What one person said in a round; an empty answer waits."""

    __tablename__ = "objection_answers"
    __table_args__ = (
        CheckConstraint("answer IN ('', 'none', 'objects')", name="answer"),
        CheckConstraint("(answer = '') = (answered_at IS NULL)", name="answered"),
    )

    round_id: Mapped[int] = mapped_column(ForeignKey("objection_rounds.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    user_name: Mapped[str]
    answer: Mapped[str] = mapped_column(server_default="")
    reason: Mapped[str] = mapped_column(server_default="")
    answered_at: Mapped[datetime | None]


class UserReport(Base):
    """What users say: counted, pasted or linked. Taken back by whoever wrote it down, never deleted."""

    __tablename__ = "user_reports"
    __table_args__ = (CheckConstraint("count BETWEEN 1 AND 1000000", name="count"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"), index=True)
    count: Mapped[int] = mapped_column(server_default="1")
    body: Mapped[str] = mapped_column(server_default="")
    url: Mapped[str] = mapped_column(server_default="")
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    by_name: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    withdrawn_at: Mapped[datetime | None]
    form_nonce: Mapped[str | None] = mapped_column(unique=True)  # a form sent twice carries the same one
