"""Severities and states of an incident, and the moves between states."""

from enum import StrEnum


class Severity(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


# what a tired person reads beside the choice
MEANING = {
    Severity.CRITICAL: "The main thing does not work for most users, or data is at risk",
    Severity.HIGH: "Something important fails for many users",
    Severity.MEDIUM: "Something fails for some users, or there is a way around it",
    Severity.LOW: "Hardly noticed, and it does not get worse",
}


class Trouble(StrEnum):
    """What kind of trouble it is; an empty text where nobody has said."""

    CRITICAL_BUG = "critical_bug"
    DEGRADATION = "degradation"
    DATA_CORRUPTION = "data_corruption"
    VULNERABILITY = "vulnerability"
    HIGH_ERROR_RATE = "high_error_rate"


TROUBLE_NAMES = {
    "": "Not said yet",
    Trouble.CRITICAL_BUG: "Critical bug",
    Trouble.DEGRADATION: "Degradation",
    Trouble.DATA_CORRUPTION: "Data corruption",
    Trouble.VULNERABILITY: "Vulnerability",
    Trouble.HIGH_ERROR_RATE: "High error rate",
}


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


def is_command(old: State, new: State) -> bool:
    """Whether the move ends the incident or takes up an ended one: that is the commander's word."""
    return old in OVER or new in OVER


def needs_reason(old: State, new: State) -> bool:
    """Backwards, and out of an ending, a person says why."""
    if new in {State.CANCELLED, State.DUPLICATE} or old in {State.CANCELLED, State.DUPLICATE}:
        return True
    return PHASES.index(new) < PHASES.index(old)
