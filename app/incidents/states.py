"""Severities and states of an incident, and the moves between states."""

from enum import StrEnum


class Severity(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class State(StrEnum):
    DETECTED = "detected"
    ASSESSED = "assessed"
    DECIDED = "decided"
    RECOVERING = "recovering"
    VERIFYING = "verifying"
    RESOLVED = "resolved"
    REVIEWED = "reviewed"
    CANCELLED = "cancelled"
    DUPLICATE = "duplicate"


PHASES = (
    State.DETECTED,
    State.ASSESSED,
    State.DECIDED,
    State.RECOVERING,
    State.VERIFYING,
    State.RESOLVED,
    State.REVIEWED,
)
OPEN = frozenset(PHASES[:5])
OVER = frozenset({State.RESOLVED, State.REVIEWED, State.CANCELLED, State.DUPLICATE})


def needs_reason(old: State, new: State) -> bool:
    """Backwards, and out of an ending, a person says why."""
    if new in {State.CANCELLED, State.DUPLICATE} or old in {State.CANCELLED, State.DUPLICATE}:
        return True
    return PHASES.index(new) < PHASES.index(old)
