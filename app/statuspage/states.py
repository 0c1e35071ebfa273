"""What the public reads: how a component stands, how far an incident is, how far planned work is."""

from enum import StrEnum


class Standing(StrEnum):
    """How one component stands, the best first."""

    WORKING = "working"
    MAINTENANCE = "maintenance"
    DEGRADED = "degraded"
    PARTIAL = "partial"
    OUTAGE = "outage"


STANDING_WORDS = {
    Standing.WORKING: "Working",
    Standing.MAINTENANCE: "Planned work",
    Standing.DEGRADED: "Slow or limited",
    Standing.PARTIAL: "Partial outage",
    Standing.OUTAGE: "Not working",
}
# The share of a stretch that counts as not available, as large public pages count it: a partial outage at 30 %, slowness not at all.
LOST = {Standing.OUTAGE: 1.0, Standing.PARTIAL: 0.3}


class Progress(StrEnum):
    """How far an incident is, in the words of its readers."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    RECOVERING = "recovering"
    MONITORING = "monitoring"
    RESOLVED = "resolved"


# the answer to "Do you know about it?"
KNOWN = {
    Progress.INVESTIGATING: "Yes, we look for the cause",
    Progress.IDENTIFIED: "Yes, cause found",
    Progress.RECOVERING: "Yes, we are putting it right",
    Progress.MONITORING: "Yes, it works again and we watch it",
    Progress.RESOLVED: "Yes, it is over",
}


class Work(StrEnum):
    """How far planned work is."""

    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    VERIFYING = "verifying"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


WORK_WORDS = {
    Work.SCHEDULED: "Planned",
    Work.IN_PROGRESS: "In progress",
    Work.VERIFYING: "Being checked",
    Work.COMPLETED: "Done",
    Work.CANCELLED: "Called off",
}
WORK_OVER = frozenset({Work.COMPLETED, Work.CANCELLED})
WORK_MOVES = {
    Work.SCHEDULED: frozenset({Work.IN_PROGRESS, Work.CANCELLED}),
    Work.IN_PROGRESS: frozenset({Work.VERIFYING, Work.COMPLETED, Work.CANCELLED}),
    Work.VERIFYING: frozenset({Work.IN_PROGRESS, Work.COMPLETED}),
    Work.COMPLETED: frozenset(),
    Work.CANCELLED: frozenset(),
}


def worst(standings: list[Standing]) -> Standing:
    """The worst of several; working where there is none."""
    order = list(Standing)
    return max(standings, key=order.index, default=Standing.WORKING)
