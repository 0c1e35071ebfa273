"""Declare an incident, with everything that an incident begins with."""

from typing import Any

from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.incidents import actions as incidents
from app.incidents.models import Incident


def declare(session: Session, *, title: str, form_nonce: str, by: Person, **told: Any) -> Incident:
    """Declare it as `incidents.actions.declare` does, and begin what hangs on it. The same form sent twice gives the same incident."""
    return incidents.declare(session, title=title, form_nonce=form_nonce, by=by, **told)
