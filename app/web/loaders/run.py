"""How routes load plans and runs, and the target that a plan is asked for."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person, Reach
from app.catalog import queries as catalog
from app.catalog.models import Target
from app.runs import queries
from app.runs.models import OutputChunk, Plan, Run
from app.web.load import need, number


def target(db: Session, me: Person, permission: Permission, path: Mapping[str, Any]) -> Target:
    """Where something is to be planned, with its service."""
    found = catalog.get_target(db, number(path, "target_id"), reach=me.reach())
    need(me, permission, {found.service_id})
    return found


def plan(db: Session, me: Person, permission: Permission, path: Mapping[str, Any]) -> Plan:
    """One plan with its steps, service, target, release, incident and people."""
    found = queries.get_plan(db, number(path, "plan_id"), reach=me.reach())
    need(me, permission, {found.service_id})
    return found


def again(db: Session, run: Run) -> Run:
    """The run as it is by now, after a verb has changed it or refused to."""
    return queries.get_run(db, run.id, reach=Reach(everything=True, service_ids=frozenset()))


def tail(db: Session, run: Run, *, lines: int = 40) -> str:
    """The last lines that any step has said."""
    newest = select(OutputChunk.text).where(OutputChunk.run_id == run.id).order_by(OutputChunk.id.desc()).limit(lines)
    return "\n".join("".join(reversed(db.scalars(newest).all())).splitlines()[-lines:])


def whole_output(db: Session, run: Run) -> str:
    """All output, step by step."""
    return "".join(f"# Step {step.position}: {step.title}\n{_said(db, run, step.position)}\n" for step in run.steps)


def _said(db: Session, run: Run, position: int) -> str:
    text, last = "", 0
    while chunks := queries.output(db, run, position, after=last):
        text, last = text + "".join(chunk.text for chunk in chunks), chunks[-1].id
    return text


def run(db: Session, me: Person, permission: Permission, path: Mapping[str, Any]) -> Run:
    """One run with its steps, plan and people."""
    found = queries.get_run(db, number(path, "run_id"), reach=me.reach())
    need(me, permission, {found.service_id})
    return found
