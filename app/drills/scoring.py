"""How a drill went, worked out from the record each time and never stored.

declare   from the signal to the incident's declaration
decide    from the declaration to the first decision
recover   from the declaration to when the checks of a verification that says "recovered" began to hold; where there was none, to when
          the incident was resolved
updates   how many updates went out by the time that was promised, of those that were promised and are past
items     how many items of the checklists are ticked or skipped

Declaring counts from the signal and the others from the declaration, as everywhere: a slow start is not counted twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.checklists import queries as checklists
from app.decisions.models import Decision
from app.drills.models import Drill
from app.incidents.models import Incident
from app.incidents.states import State
from app.notifications.models import Nag, Notice
from app.verification.models import Verification


@dataclass(frozen=True)
class Score:
    """Seconds, and counts of (reached, wanted); None where it did not happen (yet), or there was nothing to count."""

    declare: float | None = None
    decide: float | None = None
    recover: float | None = None
    updates: tuple[int, int] | None = None
    items: tuple[int, int] | None = None


def of(session: Session, drill: Drill) -> Score:
    """The score as the record has it now."""
    incident = session.get(Incident, drill.incident_id) if drill.incident_id else None
    if incident is None:
        return Score()
    declared = incident.declared_at
    first = select(func.min(Decision.decided_at)).where(Decision.incident_id == incident.id)
    return Score(
        declare=_between(drill.started_at, declared),
        decide=_between(declared, session.scalar(first)),
        recover=_between(declared, _recovered(session, incident)),
        updates=in_time(_sent(session, incident), _late(session, incident)),
        items=checklists.progress(session, [incident]).get(incident.id),
    )


def in_time(sent: Sequence[datetime], late: Sequence[datetime]) -> tuple[int, int] | None:
    """Updates that went out in time, of those promised: `sent` are the moments they went out at, `late` the promises that passed.

    The first update after a promise that had passed is the late one; a promise that nothing came after is missed.
    """
    after = {next((moment for moment in sorted(sent) if moment > promise), None) for promise in late}
    prompt = sum(moment not in after for moment in sent)
    return (prompt, prompt + len(late)) if prompt or late else None


def _recovered(session: Session, incident: Incident) -> datetime | None:
    moment = func.coalesce(Verification.holding_since, Verification.ended_at)
    held = select(func.min(moment)).where(Verification.incident_id == incident.id, Verification.verdict == "recovered")
    ended = incident.resolved_at if State(incident.state) in {State.RESOLVED, State.REVIEWED} else None
    return session.scalar(held) or ended


def _sent(session: Session, incident: Incident) -> list[datetime]:
    """When something went out; what went to several audiences at one moment counts once."""
    query = select(Notice.ended_at).where(Notice.incident_id == incident.id, Notice.state == "sent", Notice.ended_at.is_not(None))
    return sorted({moment for moment in session.scalars(query) if moment})


def _late(session: Session, incident: Incident) -> list[datetime]:
    """The promises that passed: each was followed by a reminder."""
    return list(session.scalars(select(Nag.due_at).where(Nag.incident_id == incident.id).distinct().order_by(Nag.due_at)))


def _between(begin: datetime, end: datetime | None) -> float | None:
    return max((end - begin).total_seconds(), 0.0) if end else None
