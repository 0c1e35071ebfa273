"""Somebody to call about an incident, as far as the reader may know of both."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.catalog.models import Contact
from app.incidents.models import Incident
from app.notifications import contacts_reached
from app.web.load import number
from app.web.loaders.incident import incident


def of_incident(db: Session, me: Person, permission: Permission, path: Mapping[str, Any]) -> tuple[Incident, Contact]:
    """The incident and one of its contacts."""
    found = incident(db, me, permission, path)
    return found, contacts_reached.get(db, found, number(path, "contact_id"), reach=me.reach())
