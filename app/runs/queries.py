"""What only reads plans and runs. Each query that a page uses takes the reader's reach."""

from sqlalchemy import ColumnElement, Select, extract, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload, selectinload

from app.accounts.policy import Reach
from app.catalog.models import Target
from app.core.errors import NotFound
from app.incidents.models import Incident
from app.runs.models import Approval, OutputChunk, Plan, Run, RunEvent, RunLock, Step
from app.runs.states import RUN_ENDED, RunState

_EVERYTHING = (
    selectinload(Run.steps),
    joinedload(Run.plan).selectinload(Plan.steps),
    joinedload(Run.plan).joinedload(Plan.target),
    joinedload(Run.plan).joinedload(Plan.release),
    joinedload(Run.requested_by),
    joinedload(Run.service),
    joinedload(Run.incident),
)


def _within(reach: Reach, service_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    return true() if reach.everything else service_id.in_(reach.service_ids)


def get_plan(session: Session, plan_id: int, *, reach: Reach) -> Plan:
    """One plan with its steps, service, target, release, incident and maker. NotFound outside of the reader's reach."""
    query = (
        select(Plan)
        .where(Plan.id == plan_id, _within(reach, Plan.service_id))
        .options(
            selectinload(Plan.steps),
            joinedload(Plan.service),
            joinedload(Plan.target),
            joinedload(Plan.release),
            joinedload(Plan.incident),
            joinedload(Plan.made_by),
        )
    )
    if plan := session.scalar(query):
        return plan
    raise NotFound


def get_run(session: Session, run_id: int, *, reach: Reach) -> Run:
    """One run with its steps, plan, people, service and incident. NotFound outside of the reader's reach."""
    query = select(Run).where(Run.id == run_id, _within(reach, Run.service_id)).options(*_EVERYTHING)
    if run := session.scalar(query):
        return run
    raise NotFound


def run_of_plan(session: Session, plan: Plan) -> Run | None:
    """The run that this plan became, if it did."""
    return session.scalar(select(Run).where(Run.plan_id == plan.id))


def runs_of(session: Session, incident: Incident, *, limit: int = 50) -> list[Run]:
    """The runs of an incident, newest first, with everything that a card draws."""
    return _listed(session, select(Run).where(Run.incident_id == incident.id).limit(limit))


def active_runs(session: Session, *, reach: Reach, limit: int = 50) -> list[Run]:
    """Every run that has not ended and that somebody waits for, newest first."""
    open_states = sorted(set(RunState) - RUN_ENDED)
    return _listed(session, select(Run).where(Run.state.in_(open_states), _within(reach, Run.service_id)).limit(limit))


def newest_runs(session: Session, *, reach: Reach, before: int | None = None, limit: int = 50) -> list[Run]:
    """A page of all runs, newest first. `before` is the id of the last one of the page above."""
    query = select(Run).where(_within(reach, Run.service_id)).limit(limit)
    return _listed(session, query.where(Run.id < before) if before else query)


def _listed(session: Session, query: Select[Run]) -> list[Run]:
    return list(session.scalars(query.order_by(Run.id.desc()).options(*_EVERYTHING)))


def busy(session: Session, target: Target) -> Run | None:
    """The run that holds a target."""
    query = select(Run).join(RunLock, RunLock.run_id == Run.id).where(RunLock.target_id == target.id)
    return session.scalar(query.options(*_EVERYTHING))


def approvals_of(session: Session, run: Run) -> list[Approval]:
    """Who said what about a run, oldest first."""
    query = select(Approval).where(Approval.run_id == run.id).order_by(Approval.id).options(joinedload(Approval.approver))
    return list(session.scalars(query))


def output(session: Session, run: Run, position: int, *, after: int = 0, limit: int = 500) -> list[OutputChunk]:
    """Chunks of a step's output, oldest first. `after` is the id of the last chunk that the reader has."""
    query = select(OutputChunk).where(OutputChunk.run_id == run.id, OutputChunk.position == position, OutputChunk.id > after)
    return list(session.scalars(query.order_by(OutputChunk.seq).limit(limit)))


def events(session: Session, run: Run) -> list[RunEvent]:
    """What happened to a run, in order."""
    return list(session.scalars(select(RunEvent).where(RunEvent.run_id == run.id).order_by(RunEvent.id)))


def usual_duration(session: Session, target: Target, kind: str, *, last: int = 10) -> list[float]:
    """How long the newest successful runs of this kind took on this target, in seconds, newest first."""
    seconds = extract("epoch", Run.ended_at - Run.started_at)
    query = (
        select(seconds)
        .join(Plan, Run.plan_id == Plan.id)
        .where(Plan.target_id == target.id, Plan.kind == kind, Run.state == RunState.SUCCEEDED)
        .order_by(Run.id.desc())
        .limit(last)
    )
    return [round(float(value), 3) for value in session.scalars(query)]


def steps_of(session: Session, run: Run) -> list[Step]:
    """The steps of a run, as they are now."""
    query = select(Step).where(Step.run_id == run.id).order_by(Step.position).execution_options(populate_existing=True)
    return list(session.scalars(query))
