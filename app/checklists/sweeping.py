"""What changes without an action of ours: evidence that came or went, lists that fit by now, ticks that the timeline does not know."""

from datetime import timedelta

from sqlalchemy import Select, func, or_, select, union
from sqlalchemy.orm import Session

from app.accounts.policy import SYSTEM
from app.checklists import attaching, binding, telling
from app.checklists.models import Settlement
from app.incidents.models import Incident
from app.incidents.states import OPEN, State
from app.runs.models import Plan
from app.verification.models import Verification

LOCK = 4_004_001  # of the pass: one process at a time makes it, the others go on
_INCIDENTS = 50  # that one pass looks at
_RESOLVED = timedelta(days=14)  # how long the list "After" follows what happens
_JUST = timedelta(seconds=15)


def sweep(session: Session) -> None:
    """Make one pass, unless another process is at it."""
    if not session.scalar(select(func.pg_try_advisory_xact_lock(LOCK))):
        return
    for incident in session.scalars(changed().order_by(Incident.id).limit(_INCIDENTS)).all():
        with session.begin_nested():
            attaching.attach(session, incident, by=SYSTEM)
            binding.settle(session, incident)
    telling.tell(session)


def changed() -> Select[Incident]:
    """Incidents with lists whose timeline has lines that the bindings do not know, whose checks are watched, or that got a plan."""
    follows = or_(Incident.state.in_(sorted(OPEN)), (Incident.state == State.RESOLVED) & (Incident.resolved_at > func.now() - _RESOLVED))
    lines = select(Incident.id).join(Settlement).where(Settlement.entries != Incident.entries, follows)
    watched = select(Verification.incident_id).where(Verification.state == "watching", Verification.incident_id.is_not(None))
    planned = select(Plan.incident_id).where(Plan.resolved_at > func.now() - _JUST, Plan.incident_id.is_not(None))
    return select(Incident).join(Settlement).where(Incident.id.in_(union(lines, watched, planned)))
