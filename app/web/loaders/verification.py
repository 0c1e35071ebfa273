"""A verification, as far as the reader may know of its service."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.verification import queries
from app.verification.models import Verification
from app.web.load import need, number


def verification(db: Session, me: Person, permission: Permission, path: Mapping[str, Any]) -> Verification:
    """The verification with its checks, service, incident and run."""
    found = queries.get(db, number(path, "verification_id"), reach=me.reach())
    need(me, permission, {found.service_id})
    return found
