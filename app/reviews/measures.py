"""Preventive measures that are known to help, offered ready-made: one tap makes an action item of one.

Each is written as work that somebody can finish, with the service and the release of the incident put in where they are known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from app.reviews.models import ActionItem, Priority, Work
from app.reviews.record import Record


@dataclass(frozen=True)
class Measure:
    """One offer. `{service}` and `{version}` of its title are put in when it is offered; `days` sets the due date that is filled in."""

    key: str
    kind: Work
    title: str
    detail: str
    days: int
    priority: Priority = Priority.MEDIUM

    def due_on(self, today: date) -> date:
        return today + timedelta(days=self.days)


HIGH, LOW = Priority.HIGH, Priority.LOW
KNOWN = (
    Measure("fix", Work.FIX, "Correct {version} and release it again", "The cause is repaired, not avoided.", 7, HIGH),
    Measure("test", Work.TEST, "A test that fails with {version} and passes without its fault", "It runs before every release.", 7, HIGH),
    Measure("smoke", Work.TEST, "A smoke check of what users could not do, on {service}", "The verification after a run uses it too.", 14),
    Measure("alert", Work.MONITORING, "An alert that would have seen it on {service}", "Earlier than people did.", 14),
    Measure("figure", Work.MONITORING, "A metric check of {service} for what failed", "With a limit, so that it counts as proof.", 14),
    Measure(
        "list", Work.CHECKLIST, "A line in the deployment checklist that would have caught it", "Bound to evidence where it can be.", 14
    ),
    Measure("matrix", Work.CHECKLIST, "A rule in the decision matrix for what took long to decide", "The next decision is faster.", 30),
    Measure("staging", Work.STAGING, "The data and clients of production in staging, for {service}", "As far as they mattered.", 30),
    Measure("gradual", Work.STAGING, "Releases of {service} go to a few users first", "They stop when the error rate rises.", 60),
    Measure("drill", Work.TRAINING, "A drill of this rollback of {service}", "With the people who would do it at night.", 30),
    Measure("walk", Work.TRAINING, "A walk through this report with the teams that deploy", "Half an hour.", 14, LOW),
)


def offered(record: Record, items: Sequence[ActionItem]) -> list[Measure]:
    """What is not written down yet, with the names of this incident in it."""
    taken = {item.title for item in items}
    service = record.incident.services[0].service.name if record.incident.services else "the service"
    suspect = record.suspects[0] if record.suspects else None
    version = f"{suspect.release.version} of {suspect.service.name}" if suspect else "the change that failed"
    named = [replace(one, title=one.title.format(service=service, version=version)[:200]) for one in KNOWN]
    return [one for one in named if one.title not in taken]
