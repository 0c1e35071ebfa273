"""States of plans, runs and steps, and who may move what. The database holds the same maps (migration 0005)."""

from enum import StrEnum


class PlanState(StrEnum):
    RESOLVING = "resolving"
    READY = "ready"
    FAILED = "failed"


class RunState(StrEnum):
    DRAFT = "draft"
    AWAITING_APPROVAL = "awaiting_approval"
    QUEUED = "queued"
    RUNNING = "running"
    NEEDS_ATTENTION = "needs_attention"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"


class StepState(StrEnum):
    PENDING = "pending"
    STARTED = "started"
    WAITING = "waiting"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


R, S = RunState, StepState

RUN_MOVES: dict[RunState, frozenset[RunState]] = {
    R.DRAFT: frozenset({R.AWAITING_APPROVAL, R.QUEUED, R.CANCELED, R.EXPIRED}),
    # an approval opens the confirm button; the requester's confirmation queues the run
    R.AWAITING_APPROVAL: frozenset({R.QUEUED, R.REJECTED, R.EXPIRED, R.CANCELED}),
    R.QUEUED: frozenset({R.RUNNING, R.CANCELED}),
    R.RUNNING: frozenset({R.QUEUED, R.SUCCEEDED, R.FAILED, R.CANCELED, R.NEEDS_ATTENTION}),
    R.NEEDS_ATTENTION: frozenset({R.QUEUED, R.FAILED, R.CANCELED}),
}
STEP_MOVES: dict[StepState, frozenset[StepState]] = {
    S.PENDING: frozenset({S.STARTED, S.SKIPPED}),
    S.STARTED: frozenset({S.SUCCEEDED, S.FAILED, S.UNKNOWN, S.WAITING}),
    S.WAITING: frozenset({S.STARTED, S.SUCCEEDED, S.FAILED, S.UNKNOWN, S.SKIPPED}),
    S.UNKNOWN: frozenset({S.STARTED, S.SUCCEEDED, S.FAILED, S.PENDING, S.SKIPPED}),
    S.FAILED: frozenset(),
}

RUN_ENDED = frozenset({R.SUCCEEDED, R.FAILED, R.CANCELED, R.REJECTED, R.EXPIRED})
RUN_ACTIVE = frozenset({R.QUEUED, R.RUNNING, R.NEEDS_ATTENTION})  # these hold their targets
STEP_OPEN = frozenset({S.STARTED, S.UNKNOWN})
