"""What the API answers, field by field. Times are ISO 8601 in UTC; durations are seconds; shares are 0 to 100."""

from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Item = TypeVar("Item")


class Shape(BaseModel):
    """Parent of every answer: read from a row's attributes."""

    model_config = ConfigDict(from_attributes=True)


class Page(BaseModel, Generic[Item]):
    """One page of a list. `next` is the cursor of the page after it; null at the end."""

    items: list[Item]
    next: str | None = None


class Named(Shape):
    id: int
    name: str


class ServiceName(Named):
    slug: str


class TouchedShape(Shape):
    """A service that the incident touches, and the release under suspicion."""

    service: ServiceName
    suspect_release_id: int | None


class RoleShape(Shape):
    id: int = Field(description="Of this holding; a hand-over may name it.")
    role: str
    user: Named
    since: datetime
    briefing: str


class PastRoleShape(RoleShape):
    until: datetime


class RolesShape(Shape):
    """Who holds the roles of an incident, who held them, and who can."""

    held: list[RoleShape]
    past: list[PastRoleShape] = Field(description="The fifty that ended last, the last one first.")
    people: list[Named] = Field(description="Who can be handed a role.")


class IncidentShape(Shape):
    id: int
    ref: str
    title: str
    severity: str
    trouble: str = Field(description="critical_bug, degradation, data_corruption, vulnerability, high_error_rate; empty: nobody has said")
    state: str
    impact: str
    affected_percent: float | None
    began_at: datetime | None
    declared_at: datetime
    state_since: datetime
    resolved_at: datetime | None
    is_drill: bool
    is_restricted: bool
    duplicate_of_id: int | None
    entries: int
    services: list[TouchedShape]
    roles: list[RoleShape]


class EntryShape(Shape):
    id: int
    incident_id: int
    at: datetime
    recorded_at: datetime
    kind: str
    is_system: bool
    actor_name: str
    body: str
    refs: dict[str, Any]
    version: int
    replaces_id: int | None


class PlanStepShape(Shape):
    position: int
    action: str
    action_class: str
    title: str
    is_destructive: bool
    is_point_of_no_return: bool
    is_cancellable: bool
    expected_s: float | None
    shown: dict[str, Any]


class PlanShape(Shape):
    id: int
    kind: str
    title: str
    state: str = Field(description="resolving, ready or failed")
    digest: str | None = Field(description="What a confirmation names; null until the plan is ready.")
    problem: str
    is_destructive: bool
    is_blocked: bool
    service_id: int
    target_id: int
    incident_id: int | None
    release_id: int | None
    expected_s: float | None
    contract: dict[str, Any]
    created_at: datetime
    resolved_at: datetime | None


class PlanDetail(PlanShape):
    steps: list[PlanStepShape]


class StepShape(Shape):
    position: int
    action: str
    title: str
    state: str
    attempts: int
    sentence: str
    observed: dict[str, Any] | None
    intent_at: datetime | None
    ended_at: datetime | None


class OutputShape(Shape):
    """Some lines of what a step said, as they were stored."""

    at: datetime
    text: str


class EventShape(Shape):
    """Something that happened to a run."""

    at: datetime
    position: int | None = Field(description="Of the step, where it is about one.")
    kind: str
    sentence: str


class RunShape(Shape):
    id: int
    plan_id: int
    plan_digest: str
    incident_id: int | None
    service_id: int
    state: str = Field(
        description="draft, awaiting_approval, queued, running, needs_attention, succeeded, failed, canceled, rejected or expired"
    )
    sentence: str
    attention: str = Field(description="Why a person is asked; empty unless the state is needs_attention.")
    needs_approval: bool
    approved_at: datetime | None
    expires_at: datetime | None
    created_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None


class WatchedCheckShape(Shape):
    position: int
    kind: str
    name: str
    required: bool
    outcome: str
    value: float | None
    limit: float | None
    sentence: str
    holding_since: datetime | None


class VerificationShape(Shape):
    id: int
    service_id: int
    incident_id: int | None
    run_id: int | None
    state: str
    verdict: str | None = Field(description="recovered, partly, not or worse; null while it watches.")
    sentence: str
    began_at: datetime
    ended_at: datetime | None
    deadline_at: datetime


class VerificationDetail(VerificationShape):
    contract: dict[str, Any] = Field(description="What was agreed on: the checks with their limits, and for how long they must hold.")
    checks: list[WatchedCheckShape]


class SampleShape(Shape):
    """One reading of a check that is watched."""

    at: datetime
    outcome: str = Field(description="pass, fail, inconclusive, or early: it still looked back at what was before.")
    value: float | None
    sentence: str
    is_history: bool = Field(description="Whether it is from before the run.")


class WatchedSamples(BaseModel):
    position: int
    samples: list[SampleShape] = Field(description="Oldest first.")


class ApprovalShape(Shape):
    """A second person's word on one exact plan."""

    approver: Named
    verdict: str = Field(description="approved or rejected")
    reason: str
    plan_digest: str
    at: datetime


class RunDetail(RunShape):
    steps: list[StepShape]
    approvals: list[ApprovalShape] = Field(default_factory=list, description="Who said what about it, the first one first.")
    plan: PlanShape
    verification: VerificationShape | None = Field(None, description="What watches whether it worked; null until it has begun.")
