"""A system that sends alerts: for administrators."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.notifications import integrations
from app.notifications.alerting_models import Integration
from app.web.load import need, number


def integration(db: Session, me: Person, permission: Permission, path: Mapping[str, Any]) -> Integration:
    """The integration; Forbidden before anything is looked up, since it belongs to no service."""
    need(me, permission)
    return integrations.get(db, number(path, "integration_id"))
