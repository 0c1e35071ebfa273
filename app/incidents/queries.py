"""What only reads incidents. Every query takes the reader's reach, so that lists, exports and fragments cannot differ."""

from datetime import datetime

from sqlalchemy import ColumnElement, Select, exists, select, tuple_
from sqlalchemy.orm import Session, aliased

from app.accounts.policy import Reach
from app.core.errors import NotFound
from app.incidents.models import Incident, IncidentService, TimelineEntry
from app.incidents.states import OPEN


def visible(reach: Reach) -> ColumnElement[bool]:
    """The condition that lets a reader see an incident: one of its services is within reach, or it has none and is not restricted."""
    link = select(IncidentService.incident_id).where(IncidentService.incident_id == Incident.id)
    if reach.everything:
        return Incident.id.is_not(None)
    without = ~exists(link) & Incident.is_restricted.is_(False)
    return exists(link.where(IncidentService.service_id.in_(reach.service_ids))) | (without if reach else Incident.id.is_(None))


def get(session: Session, incident_id: int, *, reach: Reach) -> Incident:
    """One incident. NotFound where there is none, or the reader may not know of it."""
    incident = session.scalar(select(Incident).where(Incident.id == incident_id, visible(reach)))
    if incident is None:
        raise NotFound
    return incident


def open_incidents(session: Session, *, reach: Reach, limit: int = 100) -> list[Incident]:
    """What is going on, newest first."""
    query = select(Incident).where(Incident.state.in_(sorted(OPEN)), visible(reach)).order_by(Incident.id.desc()).limit(limit)
    return list(session.scalars(query))


def newest_entries(
    session: Session, incident: Incident, *, before: tuple[datetime, int] | None = None, limit: int = 100
) -> list[TimelineEntry]:
    """A page of the timeline, newest first, each note in its newest version. `before` is (at, id) of the last line of the page above."""
    newer = aliased(TimelineEntry)
    query: Select[TimelineEntry] = (
        select(TimelineEntry)
        .where(TimelineEntry.incident_id == incident.id, ~exists(select(newer.id).where(newer.replaces_id == TimelineEntry.id)))
        .order_by(TimelineEntry.at.desc(), TimelineEntry.id.desc())
        .limit(limit)
    )
    if before:
        query = query.where(tuple_(TimelineEntry.at, TimelineEntry.id) < before)
    return list(session.scalars(query))
