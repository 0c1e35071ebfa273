"""Lists and items, as far as the reader may know of the incident or the service that they are of; templates, which everybody reads."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.checklists import queries
from app.checklists.models import Checklist, Item
from app.web.load import need, number


def checklist(db: Session, me: Person, permission: Permission, path: Mapping[str, Any]) -> Checklist:
    """The list with its items, and its incident or service."""
    found = queries.get(db, number(path, "checklist_id"), reach=me.reach())
    _need(db, me, permission, found)
    return found


def item(db: Session, me: Person, permission: Permission, path: Mapping[str, Any]) -> Item:
    """The item with its owner and its list."""
    found = queries.get_item(db, number(path, "item_id"), reach=me.reach())
    _need(db, me, permission, found.checklist)
    return found


def template(db: Session, me: Person, permission: Permission, path: Mapping[str, Any]) -> queries.Template:
    """The template with its newest version."""
    need(me, permission)
    return queries.get_template(db, number(path, "template_id"))


def _need(db: Session, me: Person, permission: Permission, found: Checklist) -> None:
    if not me.reach(permission).everything:  # else the services need not be asked for
        need(me, permission, queries.services_of(db, found))
