"""Rows of plans and runs."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import User
from app.catalog.models import Release, Service, Target
from app.core.database import Base, Json
from app.incidents.models import Incident
from app.runs.states import RUN_ACTIVE, RUN_ENDED, STEP_OPEN, PlanState, RunState, StepState


def _listed(values: Any) -> str:
    return ", ".join(f"'{value}'" for value in sorted(values))


class Plan(Base):
    """What a run would do, resolved against the live system before anyone confirms. Frozen once it is ready.

    kind     rollback | restart | scale | scale_to_zero | scale_back | replace_broken_pods | undo
    request  what was asked: {"release_id": 7, "replicas": 3, "undoes_run_id": 12, "mode": "commit", …}
    digest   sha256 over the pins of all steps: what a person confirms and what is executed
    contract what counts as recovered: {"soak_s", "checks": [...]}, editable until the start
    """

    __tablename__ = "plans"
    __table_args__ = (
        CheckConstraint(f"state IN ({_listed(PlanState)})", name="state"),
        CheckConstraint("(state = 'ready') = (digest IS NOT NULL)", name="digest"),
        CheckConstraint("state <> 'failed' OR problem <> ''", name="problem"),
        Index("ix_plans_resolved", "resolved_at", postgresql_where=text("resolved_at IS NOT NULL")),  # which became ready just now
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str]
    service_id: Mapped[int] = mapped_column(ForeignKey("services.id"), index=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("targets.id"), index=True)
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id"), index=True)
    release_id: Mapped[int | None] = mapped_column(ForeignKey("releases.id"))  # where it leads to
    undoes_run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id", use_alter=True))
    retry_of_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id", use_alter=True))
    request: Mapped[Json]
    state: Mapped[str] = mapped_column(server_default="resolving")
    digest: Mapped[str | None]
    title: Mapped[str] = mapped_column(server_default="")
    is_destructive: Mapped[bool] = mapped_column(server_default=text("false"))
    is_blocked: Mapped[bool] = mapped_column(server_default=text("false"))  # a warning says that it cannot work
    expected_s: Mapped[float | None]
    expected_from: Mapped[Json] = mapped_column(server_default=text("'{}'"))  # {"runs": [durations]} or {"guess": true}
    contract: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    problem: Mapped[str] = mapped_column(server_default="")
    made_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    resolved_at: Mapped[datetime | None]
    steps: Mapped[list["PlanStep"]] = relationship(lazy="raise", order_by="PlanStep.position")
    service: Mapped[Service] = relationship(lazy="raise")
    target: Mapped[Target] = relationship(lazy="raise")
    release: Mapped[Release | None] = relationship(lazy="raise")
    incident: Mapped[Incident | None] = relationship(lazy="raise")
    made_by: Mapped[User] = relationship(lazy="raise")


class PlanStep(Base):
    """One resolved step. `shown` is the masked projection that pages draw (executors.base.Resolved without the body)."""

    __tablename__ = "plan_steps"

    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    action: Mapped[str]  # "kubernetes.rollback"
    action_class: Mapped[str]  # A | B | C
    is_destructive: Mapped[bool] = mapped_column(server_default=text("false"))
    is_point_of_no_return: Mapped[bool] = mapped_column(server_default=text("false"))
    is_cancellable: Mapped[bool] = mapped_column(server_default=text("true"))
    title: Mapped[str]
    body: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)  # sealed: it can hold secrets
    pin: Mapped[str]  # sha256 of the step's pin
    shown: Mapped[Json]
    effect_deadline_s: Mapped[float]  # the effect has landed this long after the intent, or never will
    step_deadline_s: Mapped[float]  # the step is done this long after the intent, or a person is asked
    expected_s: Mapped[float | None]


class Run(Base):
    """One execution of one plan."""

    __tablename__ = "runs"
    __table_args__ = (
        CheckConstraint(f"state IN ({_listed(RunState)})", name="state"),
        CheckConstraint("(state = 'running') = (lease_owner IS NOT NULL AND lease_until IS NOT NULL)", name="lease"),
        CheckConstraint(f"(state IN ({_listed(RUN_ENDED)})) = (ended_at IS NOT NULL)", name="ended"),
        CheckConstraint("state <> 'needs_attention' OR attention <> ''", name="attention"),
        CheckConstraint(
            "NOT needs_approval OR approved_at IS NOT NULL OR break_glass_reason IS NOT NULL "
            "OR state IN ('draft', 'awaiting_approval', 'rejected', 'expired', 'canceled')",
            name="approved",
        ),
        Index(
            "ix_runs_open",
            "id",
            postgresql_where=text("state IN ('queued', 'running', 'needs_attention', 'awaiting_approval')"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id"), unique=True)  # a retry is a new plan and a new run
    plan_digest: Mapped[str]
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id"), index=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("services.id"), index=True)
    state: Mapped[str] = mapped_column(server_default="draft")
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    requested_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    queued_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    sentence: Mapped[str] = mapped_column(server_default="")  # how it ended, or what it does now
    needs_approval: Mapped[bool] = mapped_column(server_default=text("false"))
    approved_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]  # of a request for approval
    break_glass_reason: Mapped[str | None]
    cancel_requested_at: Mapped[datetime | None]
    cancel_requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    attention: Mapped[str] = mapped_column(server_default="")  # why a person is asked, in one sentence
    fence: Mapped[int] = mapped_column(server_default="0")
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    rung_at: Mapped[datetime | None]
    wake_at: Mapped[datetime | None]  # a queued run whose step waits for somebody is left alone until then
    takeovers: Mapped[int] = mapped_column(server_default="0")  # how often a runner fell silent in the middle of it
    starts_after_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"), index=True)  # a draft that is queued when that run ends
    plan: Mapped[Plan] = relationship(lazy="raise", foreign_keys=[plan_id])
    steps: Mapped[list["Step"]] = relationship(lazy="raise", order_by="Step.position")
    requested_by: Mapped[User] = relationship(lazy="raise", foreign_keys=[requested_by_id])
    service: Mapped[Service] = relationship(lazy="raise")
    incident: Mapped[Incident | None] = relationship(lazy="raise")

    @property
    def is_active(self) -> bool:
        return RunState(self.state) in RUN_ACTIVE

    @property
    def is_over(self) -> bool:
        return RunState(self.state) in RUN_ENDED


class Step(Base):
    """One step of a run: what was intended, what was seen, how it ended."""

    __tablename__ = "steps"
    __table_args__ = (
        CheckConstraint(f"state IN ({_listed(StepState)})", name="state"),
        CheckConstraint("state IN ('pending', 'skipped') OR intent_at IS NOT NULL", name="intent"),
        CheckConstraint("state <> 'succeeded' OR observed IS NOT NULL", name="proof"),
        Index("uq_steps_one_open", "run_id", unique=True, postgresql_where=text(f"state IN ({_listed(STEP_OPEN)})")),
    )

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    action: Mapped[str]
    title: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="pending")
    fence: Mapped[int] = mapped_column(server_default="0")  # of the worker that last moved it
    attempts: Mapped[int] = mapped_column(server_default="0")
    intent_at: Mapped[datetime | None]
    effect_deadline_at: Mapped[datetime | None]  # the effect has landed by then, or never will
    step_deadline_at: Mapped[datetime | None]
    before: Mapped[Json | None]  # what was seen before the effect (masked)
    answer: Mapped[Json | None]  # what the target answered (masked)
    observed: Mapped[Json | None]  # the last look: executors.base.Seen, as JSON (masked)
    sentence: Mapped[str] = mapped_column(server_default="")
    ended_at: Mapped[datetime | None]


class RunLock(Base):
    """A target held by a run. The row goes when the run ends; the index lets a target be held once."""

    __tablename__ = "run_locks"

    target_id: Mapped[int] = mapped_column(ForeignKey("targets.id"), primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), index=True)
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class RunEvent(Base):
    """What happened to a run, in order. Append-only; written by the same transaction as the change itself."""

    __tablename__ = "run_events"
    __table_args__ = (Index("ix_run_events_run", "run_id", "id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    position: Mapped[int | None]  # of the step, where it is about one
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    fence: Mapped[int]
    kind: Mapped[str]  # "claimed", "intent", "applied", "observed", "adopted", "redo", …
    sentence: Mapped[str]
    detail: Mapped[Json] = mapped_column(server_default=text("'{}'"))


class OutputChunk(Base):
    """Lines of output of one step, redacted before they are stored. Append-only, never truncated."""

    __tablename__ = "output_chunks"
    __table_args__ = (UniqueConstraint("run_id", "position", "seq"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    position: Mapped[int]
    seq: Mapped[int]  # counts from 0 within the step
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    text: Mapped[str]
    lines: Mapped[int]


class Approval(Base):
    """A second person's word on one exact plan."""

    __tablename__ = "approvals"
    __table_args__ = (
        UniqueConstraint("run_id", "approver_id"),
        CheckConstraint("verdict IN ('approved', 'rejected')", name="verdict"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    plan_digest: Mapped[str]
    approver_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    verdict: Mapped[str]
    reason: Mapped[str] = mapped_column(server_default="")
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    approver: Mapped[User] = relationship(lazy="raise")


class Resolution(Base):
    """A person's answer to "what is true of this step?", with the reason and what was seen then."""

    __tablename__ = "resolutions"
    __table_args__ = (CheckConstraint("answer IN ('happened', 'did_not_happen', 'skip', 'end')", name="answer"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), index=True)
    position: Mapped[int | None]
    answer: Mapped[str]
    reason: Mapped[str]
    evidence: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Worker(Base):
    """A process that says it is alive: the footer and the doctor read it."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(primary_key=True)  # "runner-run-host-4711"
    role: Mapped[str]  # run | look | notify | beat
    build: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    seen_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
