"""What only reads status pages. Whoever may see one of the services behind a page may see the page; so may everybody who reads anything,
where no service stands behind it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, exists, func, or_, select, true
from sqlalchemy.orm import Session, joinedload

from app.accounts.policy import Reach
from app.core.errors import NotFound
from app.incidents.models import Incident
from app.statuspage.models import Component, ComponentGroup, Impact, Maintenance, PublicIncident, PublicReview, PublicUpdate, StatusPage
from app.statuspage.states import WORK_OVER

Row = TypeVar("Row")


def visible(reach: Reach) -> ColumnElement[bool]:
    """The condition that lets a person of this console see a page."""
    if reach.everything:
        return true()
    mapped = select(Component.id).where(Component.page_id == StatusPage.id, Component.service_id.is_not(None)).correlate(StatusPage)
    within = exists(mapped.where(Component.service_id.in_(reach.service_ids)))
    return or_(within, ~exists(mapped)) if reach else StatusPage.id.is_(None)


def pages(session: Session, *, reach: Reach) -> list[StatusPage]:
    """Every page within reach, by name."""
    query = select(StatusPage).where(StatusPage.archived_at.is_(None), visible(reach)).order_by(StatusPage.name, StatusPage.id)
    return list(session.scalars(query))


def get(session: Session, page_id: int, *, reach: Reach) -> StatusPage:
    """One page. NotFound where there is none, or the reader may not know of it."""
    page = session.scalar(select(StatusPage).where(StatusPage.id == page_id, StatusPage.archived_at.is_(None), visible(reach)))
    return _found(page)


def by_slug(session: Session, slug: str, *, private: bool | None = None) -> StatusPage:
    """The page at a public address. NotFound where there is none of that kind."""
    query = select(StatusPage).where(StatusPage.slug == slug, StatusPage.archived_at.is_(None))
    if private is not None:
        query = query.where(StatusPage.is_private.is_(private))
    return _found(None if "\0" in slug else session.scalar(query))


def service_ids(session: Session, page: StatusPage) -> frozenset[int]:
    """The services that stand behind the page."""
    query = select(Component.service_id).where(Component.page_id == page.id, Component.service_id.is_not(None))
    return frozenset(one for one in session.scalars(query) if one is not None)


def groups(session: Session, page: StatusPage) -> list[ComponentGroup]:
    query = select(ComponentGroup).where(ComponentGroup.page_id == page.id).order_by(ComponentGroup.position, ComponentGroup.id)
    return list(session.scalars(query))


def components(session: Session, page: StatusPage) -> list[Component]:
    """The parts that the page shows, in order, each with its service."""
    query = select(Component).where(Component.page_id == page.id, Component.archived_at.is_(None))
    return list(session.scalars(query.order_by(Component.position, Component.id).options(joinedload(Component.service))))


def get_component(session: Session, page: StatusPage, component_id: int) -> Component:
    query = select(Component).where(Component.id == component_id, Component.page_id == page.id, Component.archived_at.is_(None))
    return _found(session.scalar(query))


def get_group(session: Session, page: StatusPage, group_id: int) -> ComponentGroup:
    return _found(session.scalar(select(ComponentGroup).where(ComponentGroup.id == group_id, ComponentGroup.page_id == page.id)))


def active(session: Session, page: StatusPage) -> list[PublicIncident]:
    """What the public is being told about right now, the one that began last first."""
    query = select(PublicIncident).where(
        PublicIncident.page_id == page.id, PublicIncident.resolved_at.is_(None), PublicIncident.withdrawn_at.is_(None)
    )
    return list(session.scalars(query.order_by(PublicIncident.began_at.desc(), PublicIncident.id.desc())))


def past(session: Session, page: StatusPage, *, limit: int) -> list[PublicIncident]:
    """What is over, the newest first."""
    query = select(PublicIncident).where(
        PublicIncident.page_id == page.id, PublicIncident.resolved_at.is_not(None), PublicIncident.withdrawn_at.is_(None)
    )
    return list(session.scalars(query.order_by(PublicIncident.began_at.desc(), PublicIncident.id.desc()).limit(limit)))


def get_published(session: Session, page: StatusPage, ref: str) -> PublicIncident:
    """A published incident by the name that the public knows."""
    query = select(PublicIncident).where(
        PublicIncident.page_id == page.id, PublicIncident.ref == ref, PublicIncident.withdrawn_at.is_(None)
    )
    return _found(None if "\0" in ref else session.scalar(query))


def of_incident(session: Session, incident: Incident, page: StatusPage | None = None) -> list[PublicIncident]:
    """What was published about an incident of ours: on one page, or on each."""
    query = select(PublicIncident).where(PublicIncident.incident_id == incident.id, PublicIncident.withdrawn_at.is_(None))
    return list(session.scalars(query.where(PublicIncident.page_id == page.id) if page else query.order_by(PublicIncident.id)))


def updates(session: Session, subject: PublicIncident | Maintenance) -> list[PublicUpdate]:
    """What was published about it, the newest first."""
    column = PublicUpdate.public_incident_id if isinstance(subject, PublicIncident) else PublicUpdate.maintenance_id
    return list(session.scalars(select(PublicUpdate).where(column == subject.id).order_by(PublicUpdate.number.desc())))


def updates_of(session: Session, subjects: Collection[PublicIncident] | Collection[Maintenance]) -> dict[int, list[PublicUpdate]]:
    """The same for many of one kind, by their id."""
    found: dict[int, list[PublicUpdate]] = {subject.id: [] for subject in subjects}
    if not found:
        return found
    is_incident = isinstance(next(iter(subjects)), PublicIncident)
    column = PublicUpdate.public_incident_id if is_incident else PublicUpdate.maintenance_id
    for update in session.scalars(select(PublicUpdate).where(column.in_(found)).order_by(PublicUpdate.number.desc())):
        found[(update.public_incident_id if is_incident else update.maintenance_id) or 0].append(update)
    return found


def get_update(session: Session, page: StatusPage, ref: str, number: int) -> PublicUpdate:
    """One update of a published incident."""
    one = get_published(session, page, ref)
    return _found(session.scalar(select(PublicUpdate).where(PublicUpdate.public_incident_id == one.id, PublicUpdate.number == number)))


def open_impacts(session: Session, subject: PublicIncident | Maintenance) -> dict[int, Impact]:
    """Where it is felt now, by component."""
    column = Impact.public_incident_id if isinstance(subject, PublicIncident) else Impact.maintenance_id
    return {one.component_id: one for one in session.scalars(select(Impact).where(column == subject.id, Impact.ended_at.is_(None)))}


def impacts(session: Session, page: StatusPage, *, since: datetime) -> list[Impact]:
    """Every stretch on the page that reaches behind `since`, without those of what was taken down."""
    taken_down = select(PublicIncident.id).where(PublicIncident.page_id == page.id, PublicIncident.withdrawn_at.is_not(None))
    query = (
        select(Impact)
        .join(Component, Component.id == Impact.component_id)
        .where(Component.page_id == page.id, func.coalesce(Impact.ended_at, func.now()) >= since)
        .where(or_(Impact.public_incident_id.is_(None), Impact.public_incident_id.not_in(taken_down)))
        .order_by(Impact.began_at, Impact.id)
    )
    return list(session.scalars(query))


def maintenances(session: Session, page: StatusPage, *, limit: int = 50) -> list[Maintenance]:
    """Planned work, the latest first."""
    query = select(Maintenance).where(Maintenance.page_id == page.id).order_by(Maintenance.starts_at.desc(), Maintenance.id.desc())
    return list(session.scalars(query.limit(limit)))


def ahead(session: Session, page: StatusPage) -> list[Maintenance]:
    """Planned work that is not over, the next first."""
    query = select(Maintenance).where(Maintenance.page_id == page.id, Maintenance.state.not_in(sorted(WORK_OVER)))
    return list(session.scalars(query.order_by(Maintenance.starts_at, Maintenance.id)))


def get_maintenance(session: Session, page: StatusPage, ref: str) -> Maintenance:
    query = select(Maintenance).where(Maintenance.page_id == page.id, Maintenance.ref == ref)
    return _found(None if "\0" in ref else session.scalar(query))


def reviews(session: Session, page: StatusPage, *, limit: int = 50) -> list[PublicReview]:
    """Published reviews, the newest first."""
    query = select(PublicReview).where(PublicReview.page_id == page.id).order_by(PublicReview.at.desc(), PublicReview.id.desc())
    return list(session.scalars(query.limit(limit)))


def get_review(session: Session, page: StatusPage, ref: str) -> PublicReview:
    query = select(PublicReview).where(PublicReview.page_id == page.id, PublicReview.ref == ref)
    return _found(None if "\0" in ref else session.scalar(query))


@dataclass(frozen=True)
class Wanted:
    """A page as the notifier looks at it: what ought to stand in its folder."""

    id: int
    slug: str
    revision: int
    is_public: bool

    @classmethod
    def of(cls, page: StatusPage) -> "Wanted":
        return cls(page.id, page.slug, page.revision, not page.is_private and page.archived_at is None)


def wanted(session: Session) -> list[Wanted]:
    """Every page that there ever was, with the revision that ought to stand in its folder. A handful of rows."""
    return [Wanted.of(page) for page in session.scalars(select(StatusPage).order_by(StatusPage.id))]


def _found(row: Row | None) -> Row:
    if row is None:
        raise NotFound
    return row
