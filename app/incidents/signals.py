"""Signs of an incident that nobody has declared yet: services whose checks fail now, and what went out on them before."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, exists, func, select, true
from sqlalchemy.orm import Session, aliased

from app.accounts.policy import Reach
from app.catalog import queries as catalog
from app.catalog import readings
from app.catalog.models import Check, CheckReading, Service
from app.catalog.queries import Changed
from app.incidents.models import Incident, IncidentService
from app.incidents.states import OPEN

FRESH = timedelta(minutes=5)  # an older reading says nothing about now


@dataclass(frozen=True)
class Failing:
    """A check that fails, and its last hour, oldest first."""

    check: Check
    reading: CheckReading
    hour: list[CheckReading]

    @property
    def since(self) -> datetime:
        """The first of the readings that have failed in a row, as far as the last hour tells."""
        began = self.reading.at
        for reading in reversed(self.hour):
            if reading.outcome == "pass":
                break
            began = reading.at
        return began


@dataclass(frozen=True)
class Trouble:
    """A service whose checks fail, numbers first, and the newest release that went out on it lately."""

    service: Service
    failing: list[Failing]
    change: Changed | None

    @property
    def since(self) -> datetime:
        return min(failing.since for failing in self.failing)

    @property
    def follows(self) -> bool:
        """Whether it began after the newest release had gone out: then that release is the first suspect."""
        return self.change is not None and self.since >= self.change.rollout.began_at - timedelta(minutes=1)


def undeclared(session: Session, *, reach: Reach, changes: list[Changed], limit: int = 5) -> list[Trouble]:
    """Services with a required check that fails now and no open incident, the longest first. `changes` are the recent ones."""
    found: dict[int, list[tuple[Service, Check, CheckReading]]] = {}
    for service, check, reading in session.execute(_failing(reach)):
        found.setdefault(service.id, []).append((service, check, reading))
    kept = list(found.values())[:limit]
    hours = readings.series(session, [check for rows in kept for _, check, _ in rows])
    newest = {change.service.id: change for change in reversed(changes)}
    signs = [
        Trouble(
            service=rows[0][0],
            failing=[Failing(check, reading, hours[check.id]) for _, check, reading in rows],
            change=newest.get(rows[0][0].id),
        )
        for rows in kept
    ]
    return sorted(signs, key=lambda sign: sign.since)


def _failing(reach: Reach) -> Select[Service, Check, CheckReading]:
    """Each check's newest reading by one step into its index, not by sorting two days of them."""
    last = select(CheckReading).where(CheckReading.check_id == Check.id).order_by(CheckReading.at.desc()).limit(1).lateral()
    reading = aliased(CheckReading, last)
    declared = select(Incident.id).join(IncidentService, IncidentService.incident_id == Incident.id)
    declared = declared.where(IncidentService.service_id == Check.service_id, Incident.state.in_(sorted(OPEN)))
    return (
        select(Service, Check, reading)
        .select_from(Check)
        .join(Service, Service.id == Check.service_id)
        .join(last, true())
        .where(Check.archived_at.is_(None), Check.required, Service.archived_at.is_(None), catalog.within(reach))
        .where(reading.outcome == "fail", reading.at > func.now() - FRESH, ~exists(declared))
        .order_by(Service.tier, Service.id, Check.kind != "metric", Check.position, Check.id)
    )
