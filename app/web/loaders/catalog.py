"""Load what the catalog holds, with the reader's own rights."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.catalog import queries
from app.catalog.models import AllowedAddress, Check, Cluster, Release, Service, Target
from app.core.errors import NotFound
from app.web.load import need, number

Path = Mapping[str, Any]


def service(db: Session, me: Person, permission: Permission, path: Path) -> Service:
    """The service whose slug stands in the address."""
    found = queries.get_service(db, str(path["slug"]), reach=me.reach())
    need(me, permission, {found.id})
    return found


def target(db: Session, me: Person, permission: Permission, path: Path) -> Target:
    """A target, with its service and cluster."""
    found = queries.get_target(db, number(path, "target_id"), reach=me.reach())
    need(me, permission, {found.service_id})
    return found


def release(db: Session, me: Person, permission: Permission, path: Path) -> Release:
    """A release, with its target and service."""
    found = queries.get_release(db, number(path, "release_id"), reach=me.reach())
    need(me, permission, {found.target.service_id})
    return found


def check(db: Session, me: Person, permission: Permission, path: Path) -> Check:
    """A check, with its service."""
    found = queries.get_check(db, number(path, "check_id"), reach=me.reach())
    need(me, permission, {found.service_id})
    return found


def cluster(db: Session, me: Person, permission: Permission, path: Path) -> Cluster:
    """A cluster: for administrators, since targets of every service may live there."""
    need(me, permission)
    return queries.get_cluster(db, number(path, "cluster_id"))


def address(db: Session, me: Person, permission: Permission, path: Path) -> AllowedAddress:
    """An address that the console may call inside the private network."""
    need(me, permission)
    found = db.get(AllowedAddress, number(path, "address_id"))
    if found is None:
        raise NotFound
    return found


def service_ever(db: Session, me: Person, permission: Permission, path: Path) -> Service:
    """A service, archived ones too: where a script sends an archiving again, it gets the first answer again."""
    found = queries.get_service(db, str(path["slug"]), reach=me.reach(), ever=True)
    need(me, permission, {found.id})
    return found


def target_ever(db: Session, me: Person, permission: Permission, path: Path) -> Target:
    """A target, archived ones too."""
    found = queries.get_target(db, number(path, "target_id"), reach=me.reach(), ever=True)
    need(me, permission, {found.service_id})
    return found


def check_ever(db: Session, me: Person, permission: Permission, path: Path) -> Check:
    """A check, archived ones too."""
    found = queries.get_check(db, number(path, "check_id"), reach=me.reach(), ever=True)
    need(me, permission, {found.service_id})
    return found
