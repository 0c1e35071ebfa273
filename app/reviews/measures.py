"""Preventive measures that are known to help, offered ready-made: one tap makes an action item of one.

Each is written as work that somebody can finish, with the service and the release of the incident put in where they are known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.reviews.models import ActionItem, Priority, Work
from app.reviews.record import Record


@dataclass(frozen=True)
class Measure:
    """One offer. `days` is how long it usually may take: the due date that is filled in."""

    key: str
    kind: Work
    title: str
    detail: str
    days: int
    priority: Priority = Priority.MEDIUM

    def due_on(self, today: date) -> date:
        return today + timedelta(days=self.days)


def offered(record: Record, items: Sequence[ActionItem]) -> list[Measure]:
    """What is not written down yet."""
    taken = {item.title for item in items}
    return [measure for measure in _all(record) if measure.title not in taken]


def _all(record: Record) -> list[Measure]:
    service = record.incident.services[0].service.name if record.incident.services else "the service"
    suspect = record.suspects[0] if record.suspects else None
    version = f"{suspect.release.version} of {suspect.service.name}" if suspect else "the change that failed"
    return [
        Measure("fix", Work.FIX, f"Correct {version} and release it again", "The cause is repaired, not avoided.", 7, Priority.HIGH),
        Measure(
            "test",
            Work.TEST,
            f"A test that fails with {version} and passes without its fault",
            "It runs before every release of the service.",
            7,
            Priority.HIGH,
        ),
        Measure(
            "smoke", Work.TEST, f"A smoke check of what users could not do, on {service}", "The verification after a run uses it too.", 14
        ),
        Measure(
            "alert",
            Work.MONITORING,
            f"An alert that would have seen it on {service}",
            "Earlier than people did, with a link that declares.",
            14,
        ),
        Measure("figure", Work.MONITORING, f"A metric check of {service} for what failed", "With a limit, so that it counts as proof.", 14),
        Measure(
            "list", Work.CHECKLIST, "A line in the deployment checklist that would have caught it", "Bound to evidence where it can be.", 14
        ),
        Measure(
            "matrix",
            Work.CHECKLIST,
            "A rule in the decision matrix for what took long to decide",
            "So that the next decision is faster.",
            30,
        ),
        Measure(
            "staging", Work.STAGING, f"The same data and clients in staging as in production, for {service}", "As far as they mattered.", 30
        ),
        Measure(
            "gradual",
            Work.STAGING,
            f"Releases of {service} go to a few users first",
            "And stop by themselves when the error rate rises.",
            60,
        ),
        Measure("drill", Work.TRAINING, f"A drill of this rollback of {service}", "With the people who would do it at night.", 30),
        Measure("walk", Work.TRAINING, "A walk through this report with the teams that deploy", "Half an hour.", 14, Priority.LOW),
    ]
