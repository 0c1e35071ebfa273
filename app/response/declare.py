"""Declare an incident, with everything that an incident begins with."""

from typing import Any

from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.checklists import actions as checklists
from app.decisions import actions as decisions
from app.drills import following as drills
from app.incidents import actions as incidents
from app.incidents.models import Incident
from app.notifications import drafting, paging


def declare(session: Session, *, title: str, form_nonce: str, by: Person, **told: Any) -> Incident:
    """Declare it as `incidents.actions.declare` does, and begin what hangs on it. The same form sent twice gives the same incident."""
    incident = incidents.declare(session, title=title, form_nonce=form_nonce, by=by, **told)
    decisions.begin(session, incident, by=by)
    checklists.attach(session, incident, by=by)
    drafting.declared(session, incident, by=by)
    drills.declared(session, incident)
    paging.begin(session, incident, by=by)
    return incident
