"""Drills, as far as the reader may see their service; scripts and the facts of a drill, for those who may lead one."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.drills import queries
from app.drills.models import Drill, Inject
from app.web.load import need, number

Told = tuple[Drill, Inject]


def drill(db: Session, me: Person, permission: Permission, path: Mapping[str, Any]) -> Drill:
    """The drill with its facts, service, target and incident."""
    found = queries.get(db, number(path, "drill_id"), reach=me.reach())
    need(me, permission, {found.service_id})
    return found


def inject(db: Session, me: Person, permission: Permission, path: Mapping[str, Any]) -> Told:
    """A fact of a drill, after its drill."""
    found = drill(db, me, permission, path)
    return found, queries.get_inject(found, number(path, "inject_id"))


def script(db: Session, me: Person, permission: Permission, path: Mapping[str, Any]) -> queries.Script:
    """The script with its newest version."""
    need(me, permission)
    return queries.get_script(db, number(path, "script_id"))
