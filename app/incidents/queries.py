"""What only reads incidents. Every query takes the reader's reach, so that lists, exports and fragments cannot differ."""

import re
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import ColumnElement, Select, exists, func, or_, select, tuple_
from sqlalchemy.orm import Session, aliased, selectinload

from app.accounts.models import Grant, User
from app.accounts.policy import TABLE, Permission, Person, Reach, Role
from app.core.errors import NotFound
from app.incidents.models import Incident, IncidentService, Phase, RoleHolder, TimelineEntry
from app.incidents.states import OPEN, OVER, Severity

RESPONDERS = frozenset(role for role in Role if Permission.RESPOND in TABLE[role])
SHOWN = (
    selectinload(Incident.services).joinedload(IncidentService.service),
    selectinload(Incident.services).joinedload(IncidentService.suspect_release),
    selectinload(Incident.roles).joinedload(RoleHolder.user),
)


@dataclass(frozen=True)
class Filters:
    """What a list of incidents is narrowed to. `state` is one state, "open" or "over"; empty and None mean all."""

    words: str = ""
    state: str = ""
    severity: str = ""
    service_id: int | None = None
    drills: bool | None = None

    @property
    def is_empty(self) -> bool:
        return self == Filters()


def visible(reach: Reach) -> ColumnElement[bool]:
    """The condition that lets a reader see an incident: one of its services is within reach, or it has none and is not restricted."""
    link = select(IncidentService.incident_id).where(IncidentService.incident_id == Incident.id).correlate(Incident)
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


def shown(session: Session, incident: Incident) -> Incident:
    """The same incident as it stands now, with the services and the people of its roles, as pages need it."""
    query = select(Incident).where(Incident.id == incident.id).options(*SHOWN).execution_options(populate_existing=True)
    return session.scalars(query).one()


def service_ids(session: Session, incident: Incident) -> frozenset[int]:
    return frozenset(session.scalars(select(IncidentService.service_id).where(IncidentService.incident_id == incident.id)))


def may(session: Session, incident: Incident, permission: Permission, *, by: Person) -> bool:
    """Whether the person may do this to the incident: the permission reaches one of its services, or it has none."""
    return by.may(permission, service_ids(session, incident))


def people(session: Session, incident: Incident, *, limit: int = 200) -> list[User]:
    """Who can hold a role of the incident: active people whose grants let them respond to it, by name."""
    ids = service_ids(session, incident)
    reaches = or_(Grant.service_id.is_(None), Grant.service_id.in_(ids)) if ids else Grant.id.is_not(None)
    able = exists().where(Grant.user_id == User.id, Grant.role.in_(sorted(RESPONDERS)), reaches)
    return list(session.scalars(select(User).where(User.state == "active", able).order_by(User.name, User.id).limit(limit)))


def phases(session: Session, incident: Incident) -> list[Phase]:
    """The stretches of its states, oldest first."""
    return list(session.scalars(select(Phase).where(Phase.incident_id == incident.id).order_by(Phase.id)))


def open_incidents(session: Session, *, reach: Reach, limit: int = 100) -> list[Incident]:
    """What is going on, newest first."""
    query = select(Incident).where(Incident.state.in_(sorted(OPEN)), visible(reach)).order_by(Incident.id.desc()).limit(limit)
    return list(session.scalars(query))


def worst_open(session: Session, *, reach: Reach, limit: int = 20) -> list[Incident]:
    """What is going on, the worst first and of those the newest, with services and roles.

    It walks the index one severity after another and stops at the limit, so thousands of open ones cost as much as twenty.
    """

    def walk(severity: Severity) -> Select[Incident]:
        query: Select[Incident] = select(Incident).where(Incident.state.in_(sorted(OPEN)), Incident.severity == severity, visible(reach))
        return query.order_by(Incident.id.desc()).limit(limit).options(*SHOWN)

    return list(islice((incident for severity in Severity for incident in session.scalars(walk(severity))), limit))


def count_open(session: Session, *, reach: Reach, limit: int = 100) -> int:
    """How many are open, counted no further than the limit."""
    some = select(Incident.id).where(Incident.state.in_(sorted(OPEN)), visible(reach)).limit(limit).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def recently_ended(session: Session, *, reach: Reach, limit: int = 5) -> list[Incident]:
    """What ended last, newest end first."""
    query = select(Incident).where(Incident.resolved_at.is_not(None), visible(reach))
    return list(session.scalars(query.order_by(Incident.resolved_at.desc(), Incident.id.desc()).limit(limit)))


def find(session: Session, filters: Filters, *, reach: Reach, before: int | None = None, limit: int = 50) -> list[Incident]:
    """A page of the list, newest first, with services and roles. `before` is the id of the last one of the page above."""
    query = select(Incident).where(visible(reach), *_narrowed(filters)).options(*SHOWN).order_by(Incident.id.desc()).limit(limit)
    return list(session.scalars(query.where(Incident.id < before) if before else query))


def standing() -> Select[TimelineEntry]:
    """Timeline lines in the version that stands.

    "No newer one" is asked line by line on purpose: as NOT EXISTS the planner may join the whole timeline for one page of it.
    """
    newer = aliased(TimelineEntry)
    query: Select[TimelineEntry] = select(TimelineEntry)
    return query.where(select(newer.id).where(newer.replaces_id == TimelineEntry.id).scalar_subquery().is_(None))


def newest_entries(
    session: Session, incident: Incident, *, before: tuple[datetime, int] | None = None, limit: int = 100
) -> list[TimelineEntry]:
    """A page of the timeline, newest first, each note in its newest version. `before` is (at, id) of the last line of the page above."""
    query = standing().where(TimelineEntry.incident_id == incident.id)
    query = query.order_by(TimelineEntry.at.desc(), TimelineEntry.id.desc()).limit(limit)
    if before:
        query = query.where(tuple_(TimelineEntry.at, TimelineEntry.id) < before)
    return list(session.scalars(query))


def _narrowed(filters: Filters) -> list[ColumnElement[bool]]:
    states = {"open": OPEN, "over": OVER}.get(filters.state, {filters.state})
    return [
        condition
        for wanted, condition in (
            (filters.words.strip(), _matching(filters.words)),
            (filters.state, Incident.state.in_(sorted(states))),
            (filters.severity, Incident.severity == filters.severity),
            (filters.drills is not None, Incident.is_drill.is_(bool(filters.drills))),
            (
                filters.service_id,
                exists().where(IncidentService.incident_id == Incident.id, IncidentService.service_id == filters.service_id),
            ),
        )
        if wanted
    ]


def _matching(words: str) -> ColumnElement[bool]:
    """ "INC-42", "#42" and "42" find that incident too; else every word begins one of the title."""
    parts = re.findall(r"\w+", words.lower())
    by_title = func.to_tsvector("simple", Incident.title).bool_op("@@")(
        func.to_tsquery("simple", " & ".join(f"{part}:*" for part in parts))
    )
    number = re.fullmatch(r"\s*(?:inc-|#)?(\d{1,9})\s*", words.lower())
    return or_(Incident.id == int(number[1]), by_title) if number else by_title
