"""What only reads the catalog. Whatever a person is shown is limited by their reach; pieces of a service they hold are not asked again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import ColumnElement, and_, func, select, true
from sqlalchemy.orm import Session, contains_eager, joinedload

from app.accounts.policy import Reach
from app.catalog.models import AllowedAddress, Check, Cluster, Contact, Link, Release, Rollout, Service, Target
from app.core.errors import NotFound

Row = TypeVar("Row")
Ordered = TypeVar("Ordered", Contact, Link)


@dataclass(frozen=True)
class Changed:
    """A release that went out lately: "login runs v1.2.4 since 12 min, it replaced v1.2.3"."""

    service: Service
    target: Target
    rollout: Rollout
    release: Release
    replaced: Release | None


def within(reach: Reach) -> ColumnElement[bool]:
    """The condition that lets a reader see a service."""
    return true() if reach.everything else Service.id.in_(reach.service_ids)


def get_service(session: Session, slug: str, *, reach: Reach, ever: bool = False) -> Service:
    """One service by its slug. NotFound where there is none, it is archived (unless `ever`), or the reader may not know of it."""
    query = select(Service).where(Service.slug == slug, _there(ever, Service), within(reach))
    return _found(None if "\0" in slug else session.scalar(query))


def services(session: Session, *, reach: Reach) -> list[Service]:
    """Every service within reach, the most important tier first."""
    query = select(Service).where(Service.archived_at.is_(None), within(reach)).order_by(Service.tier, Service.name, Service.id)
    return list(session.scalars(query))


def targets_of(session: Session, service: Service) -> list[Target]:
    """Where the service runs, production first, each with its cluster."""
    return targets_on_services(session, [service])


def targets_on_services(session: Session, services: Iterable[Service]) -> list[Target]:
    """Where these services run; of each, production first."""
    query = (
        select(Target)
        .where(Target.service_id.in_([service.id for service in services]), Target.archived_at.is_(None))
        .options(joinedload(Target.cluster), joinedload(Target.service))
        .order_by(Target.environment != "production", Target.environment, Target.id)
    )
    return list(session.scalars(query))


def get_target(session: Session, target_id: int, *, reach: Reach, ever: bool = False) -> Target:
    """One target with its service and cluster. NotFound where it is archived (unless `ever`), or the reader may not see the service."""
    query = (
        select(Target)
        .join(Target.service)
        .where(Target.id == target_id, _there(ever, Target, Service), within(reach))
        .options(contains_eager(Target.service), joinedload(Target.cluster))
    )
    return _found(session.scalar(query))


def get_release(session: Session, release_id: int, *, reach: Reach) -> Release:
    """One release with its target and service. NotFound where the reader may not see the service."""
    query = (
        select(Release)
        .join(Release.target)
        .join(Target.service)
        .where(Release.id == release_id, within(reach))
        .options(contains_eager(Release.target).contains_eager(Target.service))
    )
    return _found(session.scalar(query))


def get_check(session: Session, check_id: int, *, reach: Reach, ever: bool = False) -> Check:
    """One check with its service. NotFound where it is archived (unless `ever`), or the reader may not see the service."""
    query = (
        select(Check)
        .join(Check.service)
        .where(Check.id == check_id, _there(ever, Check, Service), within(reach))
        .options(contains_eager(Check.service))
    )
    return _found(session.scalar(query))


def checks_of(session: Session, service: Service) -> list[Check]:
    return checks_on_services(session, [service])


def checks_on_services(session: Session, services: Iterable[Service]) -> list[Check]:
    """The checks of these services; of each, in the order in which they were added."""
    query = (
        select(Check)
        .where(Check.service_id.in_([service.id for service in services]), Check.archived_at.is_(None))
        .order_by(Check.position, Check.id)
    )
    return list(session.scalars(query))


def contacts_of(session: Session, service: Service) -> list[Contact]:
    """Whom to call, in the order in which to call them."""
    return _in_order(session, service, Contact)


def company_contacts(session: Session) -> list[Contact]:
    """Whom to call in any incident, in order."""
    return list(session.scalars(select(Contact).where(Contact.service_id.is_(None)).order_by(Contact.position, Contact.id)))


def links_of(session: Session, service: Service) -> list[Link]:
    return _in_order(session, service, Link)


def clusters(session: Session) -> list[Cluster]:
    return list(session.scalars(select(Cluster).where(Cluster.archived_at.is_(None)).order_by(Cluster.name)))


def get_cluster(session: Session, cluster_id: int) -> Cluster:
    return _found(session.scalar(select(Cluster).where(Cluster.id == cluster_id, Cluster.archived_at.is_(None))))


def targets_on(session: Session, cluster: Cluster) -> list[Target]:
    """Every target that lives on this cluster, with its service."""
    query = (
        select(Target)
        .where(Target.cluster_id == cluster.id, Target.archived_at.is_(None))
        .options(joinedload(Target.service))
        .order_by(Target.id)
    )
    return list(session.scalars(query))


def addresses(session: Session) -> list[AllowedAddress]:
    """The private addresses that administrators let the console call."""
    return list(session.scalars(select(AllowedAddress).order_by(AllowedAddress.host, AllowedAddress.port)))


def running_on(session: Session, targets: Iterable[Target]) -> dict[int, Rollout]:
    """What runs on each of these targets now, by target id; one query for all."""
    query = (
        select(Rollout)
        .where(Rollout.target_id.in_([target.id for target in targets]), Rollout.ended_at.is_(None))
        .options(joinedload(Rollout.release), joinedload(Rollout.replaced))
    )
    return {rollout.target_id: rollout for rollout in session.scalars(query)}


def recent_changes(session: Session, *, reach: Reach, hours: int = 24) -> list[Changed]:
    """What runs since less than `hours`, newest first: the first suspects of a new incident."""
    query = (
        select(Rollout, Target)
        .join(Target, Target.id == Rollout.target_id)
        .join(Target.service)
        .where(Rollout.ended_at.is_(None), Rollout.began_at > func.now() - timedelta(hours=hours), Rollout.replaced_id.is_not(None))
        .where(Target.archived_at.is_(None), Service.archived_at.is_(None), within(reach))
        .options(joinedload(Rollout.release), joinedload(Rollout.replaced), contains_eager(Target.service))
        .order_by(Rollout.began_at.desc(), Rollout.id.desc())
    )
    return [Changed(target.service, target, rollout, rollout.release, rollout.replaced) for rollout, target in session.execute(query)]


def _in_order(session: Session, service: Service, model: type[Ordered]) -> list[Ordered]:
    query = select(model).where(model.service_id == service.id).order_by(model.position, model.id)
    return list(session.scalars(query))


def _there(ever: bool, *models: type[Service | Target | Check]) -> ColumnElement[bool]:
    """The condition that leaves out what is archived; with `ever`, none."""
    return true() if ever else and_(*(model.archived_at.is_(None) for model in models))


def _found(row: Row | None) -> Row:
    if row is None:
        raise NotFound
    return row
