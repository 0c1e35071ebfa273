"""How routes load people, and links that stand for somebody."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.accounts import queries
from app.accounts.models import User
from app.accounts.policy import Permission, Person
from app.web.load import need, number


def person(db: Session, me: Person, permission: Permission, path: Mapping[str, Any]) -> User:
    """A person with their grants: for administrators, who know everybody."""
    need(me, permission)
    return queries.get_user(db, number(path, "person_id"))
