"""A status page, as far as the reader may know of it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.statuspage import queries
from app.statuspage.models import StatusPage
from app.web.load import need, number


def page(db: Session, me: Person, permission: Permission, path: Mapping[str, Any]) -> StatusPage:
    """The page; NotFound out of reach, Forbidden where the permission reaches none of the services behind it."""
    found = queries.get(db, number(path, "page_id"), reach=me.reach())
    need(me, permission, queries.service_ids(db, found))
    return found
