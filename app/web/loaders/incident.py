"""An incident, as far as the reader may know of it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.incidents import queries
from app.incidents.models import Incident
from app.web.load import need, number


def incident(db: Session, me: Person, permission: Permission, path: Mapping[str, Any]) -> Incident:
    """The incident with its services and roles; NotFound out of reach, Forbidden where the permission does not reach its services."""
    found = queries.shown(db, queries.get(db, number(path, "incident_id"), reach=me.reach()))
    need(me, permission, frozenset(touched.service_id for touched in found.services))
    return found
