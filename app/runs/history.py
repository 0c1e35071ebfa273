"""Write down what happened to a run: its event, the incident's timeline, the audit log, and the names that pages listen to."""

from typing import Any

from sqlalchemy.orm import Session

from app.accounts.policy import SYSTEM, Person
from app.audit import actions as audit
from app.core import live
from app.incidents import timeline
from app.incidents.models import Incident
from app.runs.models import Plan, Run, RunEvent


def happened(
    session: Session,
    run: Run,
    kind: str,
    sentence: str,
    *,
    position: int | None = None,
    line: str = "",
    by: Person = SYSTEM,
    **detail: Any,
) -> None:
    """Add an event in the transaction of the change that it tells of, and tell the pages.

    `line`, where given, is how the incident's timeline says it, beginning with a verb; such an event is also audited as
    "run.<kind>". `detail` holds plain JSON values without secrets.
    """
    session.add(RunEvent(run_id=run.id, position=position, fence=run.fence, kind=kind, sentence=sentence, detail=detail))
    session.flush()
    if line:
        if run.incident_id:
            incident = session.get_one(Incident, run.incident_id)
            timeline.record(session, incident, line, kind="run", by=by, is_system=not by.id, run=run.id, plan=run.plan_id)
        actor = by.actor if by.id else "system"
        audit.record(session, f"run.{kind}", f"run-{run.id}", actor=actor, actor_name=by.name, sentence=sentence, **detail)
    tell(session, run)


def tell(session: Session, run: Run) -> None:
    """Announce that the run looks different now."""
    live.tell(session, f"run-{run.id}", f"service-{run.service_id}", "board", *([f"incident-{run.incident_id}"] if run.incident_id else []))


def tell_plan(session: Session, plan: Plan) -> None:
    """Announce that the plan looks different now."""
    live.tell(session, f"plan-{plan.id}")
