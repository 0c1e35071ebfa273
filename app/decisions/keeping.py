"""Keep what is assessed fresh: readings come in by themselves, and a clock runs out by itself."""

from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.policy import SYSTEM
from app.core.database import db_now
from app.decisions import actions, assessing, queries
from app.decisions.models import Decision, Deliberation
from app.incidents import timeline
from app.incidents.models import Incident
from app.incidents.states import PHASES

EVERY = timedelta(seconds=5)  # more often than readings come in would say nothing new
AT_ONCE = 5
UNDECIDED = tuple(str(state) for state in PHASES[:3])  # later states are watched by a verification


def keep_fresh(session: Session) -> None:
    """Look again at the incidents that nobody has recovered yet, a few at a time. Any number of processes may do so at once.

    The incident's row is held while its facts are judged; who finds it held leaves it to the holder.
    """
    due = (
        select(Incident)
        .outerjoin(Deliberation, Deliberation.incident_id == Incident.id)
        .where(Incident.state.in_(UNDECIDED), func.coalesce(Deliberation.looked_at, Incident.declared_at) < func.now() - EVERY)
        .order_by(Deliberation.looked_at.nulls_first(), Incident.id)
        .limit(AT_ONCE)
        .with_for_update(of=Incident, skip_locked=True)
    )
    for incident in session.scalars(due).all():
        actions.begin(session, incident, by=SYSTEM)
        assessing.refresh(session, incident)
        _lapse(session, incident)
        session.execute(update(Deliberation).where(Deliberation.incident_id == incident.id).values(looked_at=func.clock_timestamp()))


def _lapse(session: Session, incident: Incident) -> None:
    """Say once that the time to decide is over."""
    session.execute(insert(Deliberation).values(incident_id=incident.id).on_conflict_do_nothing())
    row = session.get_one(Deliberation, incident.id)
    until, _ = queries.decide_by(session, incident)
    moment = db_now(session)
    if row.lapsed_at or moment < until or session.scalar(select(Decision.id).where(Decision.incident_id == incident.id).limit(1)):
        return
    row.lapsed_at = moment
    session.flush()
    timeline.record(
        session, incident, "notes that the time to decide is over and nothing is decided", kind="system", by=SYSTEM, is_system=True
    )
