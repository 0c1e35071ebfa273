"""Reviews and action items, as far as the reader may know of their incident."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.incidents import queries as incidents
from app.reviews import items, queries
from app.reviews.models import ActionItem, Review
from app.web.load import need, number


def review(db: Session, me: Person, permission: Permission, path: Mapping[str, Any]) -> Review:
    """One review with its sections, author and incident; NotFound out of reach of its incident."""
    found = queries.get(db, number(path, "review_id"), reach=me.reach())
    need(me, permission, incidents.service_ids(db, found.incident))
    return found


def action(db: Session, me: Person, permission: Permission, path: Mapping[str, Any]) -> ActionItem:
    """One action item with its owner and incident."""
    found = items.get(db, number(path, "action_id"), reach=me.reach())
    need(me, permission, incidents.service_ids(db, found.incident))
    return found
