"""The phases that a list belongs to, beside the states of an incident."""

from enum import StrEnum

from app.incidents.states import State


class ListPhase(StrEnum):
    ASSESSMENT = "assessment"
    BEFORE = "before"
    DURING = "during"
    VERIFICATION = "verification"
    AFTER = "after"
    DEPLOYMENT = "deployment"


NAMES = {
    ListPhase.ASSESSMENT: "Immediate assessment",
    ListPhase.BEFORE: "Before the rollback",
    ListPhase.DURING: "During the rollback",
    ListPhase.VERIFICATION: "Verification",
    ListPhase.AFTER: "After",
    ListPhase.DEPLOYMENT: "Deployment, begun by hand",
}
ORDER = {phase: place for place, phase in enumerate(ListPhase)}
# The assessment ends with the decision, so it stays in sight until there is one.
PRESENT = {
    State.DETECTED: ListPhase.ASSESSMENT,
    State.ASSESSED: ListPhase.ASSESSMENT,
    State.DECIDED: ListPhase.BEFORE,
    State.RECOVERING: ListPhase.DURING,
    State.VERIFYING: ListPhase.VERIFICATION,
    State.RESOLVED: ListPhase.AFTER,
    State.REVIEWED: ListPhase.AFTER,
}
# When the due times of a list begin to count.
BEGINS = {
    ListPhase.ASSESSMENT: State.DETECTED,
    ListPhase.BEFORE: State.DECIDED,
    ListPhase.DURING: State.RECOVERING,
    ListPhase.VERIFICATION: State.VERIFYING,
    ListPhase.AFTER: State.RESOLVED,
}
