"""When each service, and each way of recovering it, was last practised: in an incident marked as a drill that was seen through."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.policy import Reach
from app.catalog import queries as catalog
from app.catalog.models import Service, Target
from app.core.clock import now
from app.core.settings import settings
from app.incidents.models import Incident, IncidentService
from app.incidents.states import State
from app.runs.models import Plan, Run

DONE = (State.RESOLVED, State.REVIEWED)


@dataclass(frozen=True)
class Practised:
    """`at`: when the last drill of the service was resolved; None: never. `ways`: the last run that succeeded in a drill, by its kind."""

    service: Service
    at: datetime | None = None
    ways: dict[str, datetime] = field(default_factory=dict)

    @property
    def is_stale(self) -> bool:
        """Longer ago than LASTGOOD_DRILL_STALE_DAYS. A service that is younger than that has time left."""
        return (self.at or self.service.created_at) < now() - timedelta(days=settings().drill_stale_days)


def of(session: Session, services: Iterable[Service]) -> list[Practised]:
    """How each of these services stands, in their order. Two queries for all."""
    services = list(services)
    ids = [one.id for one in services]
    drilled = (Incident.is_drill, Incident.state.in_(DONE))
    last = (
        select(IncidentService.service_id, func.max(Incident.resolved_at))
        .join(Incident, Incident.id == IncidentService.incident_id)
        .where(IncidentService.service_id.in_(ids), *drilled)
        .group_by(IncidentService.service_id)
    )
    ended = {row[0]: row[1] for row in session.execute(last)}
    ran = (
        select(Run.service_id, Plan.kind, func.max(Run.ended_at))
        .join(Plan, Plan.id == Run.plan_id)
        .join(Incident, Incident.id == Run.incident_id)
        .where(Run.service_id.in_(ids), Run.state == "succeeded", Incident.is_drill)
        .group_by(Run.service_id, Plan.kind)
        .order_by(Plan.kind)
    )
    ways: dict[int, dict[str, datetime]] = {}
    for service_id, kind, at in session.execute(ran):
        if at:
            ways.setdefault(service_id, {})[kind] = at
    return [Practised(one, ended.get(one.id), ways.get(one.id, {})) for one in services]


def stale(session: Session, *, reach: Reach) -> Sequence[Practised]:
    """Services that can be recovered from here and were not practised for too long, the longest ago first."""
    there = catalog.services(session, reach=reach)
    held = select(Target.service_id).where(Target.archived_at.is_(None), Target.service_id.in_([one.id for one in there])).distinct()
    able = set(session.scalars(held))
    found = [one for one in of(session, [service for service in there if service.id in able]) if one.is_stale]
    return sorted(found, key=lambda one: one.at or one.service.created_at)
