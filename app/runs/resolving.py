"""Resolve a plan: ask each of its actions what is there and what would be, pin it, and freeze the plan. Runner only.

No transaction is open while the world is read. A look that is answered twice resolves twice and writes once.
"""

import hashlib
import json
import logging
import statistics
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, undefer

from app.catalog import releases
from app.catalog.models import Release, Target
from app.core.database import AWAY, Json, db_now, transaction
from app.core.errors import Refused
from app.core.sealing import seal, unseal
from app.executors import registry
from app.executors.base import Action, Body, Context, Resolved, StepFailed, Unreachable
from app.runs import grounds, history, queries
from app.runs.models import Plan, PlanStep, Run, Step
from app.runs.recipes import Part, Wanted, parts, waited_for
from app.runs.states import PlanState, StepState

LONGEST_STEP = timedelta(minutes=10)
OUR_FAULT = "The plan could not be made because of a fault of the console itself. Nothing was changed; the runner's log says more"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Step:
    """An action and what it resolved to."""

    action: Action
    resolved: Resolved

    @property
    def pin(self) -> str:
        return _fingerprint(self.resolved.pin)


def _fingerprint(value: Any) -> str:
    """SHA-256 over a JSON value in its canonical form."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def resolve(subject: str, _params: Json) -> Json:
    """Answer the look "plan.resolve" on "plan-12": the plan becomes ready, or failed with its problem in one sentence."""
    plan_id = int(subject.removeprefix("plan-"))
    try:
        question = _ask(plan_id)
        pin(plan_id, _parts(question), question.ctx)
    except (Refused, StepFailed, Unreachable) as refusal:
        _fail(plan_id, refusal.sentence)
    except AWAY:
        raise  # the console's own database: the look is taken again
    except Exception as fault:
        log.exception("plan %s could not be made", plan_id)
        _fail(plan_id, f"{OUR_FAULT} ({type(fault).__name__}).")
    return {"plan_id": plan_id}


def pin(plan_id: int, steps: list[Part], ctx: Context) -> None:
    """Resolve these steps against the world and freeze the plan with what they resolved to."""
    _freeze(plan_id, [_resolved(step, ctx) for step in steps])


@dataclass(frozen=True)
class _Question:
    """What the rows say before the world is asked."""

    kind: str
    wanted: Wanted
    ctx: Context
    undone: list[tuple[str, str, Body]]  # of an undo: action, title and body of each step to take back, the last one first
    undoes_run_id: int | None


def _ask(plan_id: int) -> _Question:
    with transaction() as session:
        plan = session.scalar(
            select(Plan).where(Plan.id == plan_id).options(joinedload(Plan.target).joinedload(Target.cluster), joinedload(Plan.release))
        )
        if plan is None:
            raise Refused(f"There is no plan {plan_id}.")
        running = releases.current(session, plan.target)
        wanted = Wanted(
            target=plan.target,
            request=plan.request,
            release=_opened(plan.release) if plan.release and plan.kind == "rollback" else None,
            running=_named(running.release) if running else None,
        )
        ctx = grounds.context(session, plan.target, f"plan-{plan.id}")
        undone = _taken_back(session, plan.undoes_run_id) if plan.kind == "undo" and plan.undoes_run_id else []
        return _Question(plan.kind, wanted, ctx, undone, plan.undoes_run_id)


def _parts(question: _Question) -> list[Part]:
    if question.kind != "undo":
        return parts(question.kind, question.wanted)
    run_id = question.undoes_run_id
    if not question.undone:
        raise Refused(f"No step of run {run_id} took effect, so there is nothing to take back.")
    undos = [registry.action(name).undo(body, question.ctx) for name, _, body in question.undone]
    taken_back = [Part(undo.action, undo.params) for undo in undos if undo is not None]
    if not taken_back:
        title = question.undone[-1][1]
        raise Refused(f"Run {run_id} left nothing to return to ({title}). Choose a release on the service's page and roll back to that.")
    return waited_for(taken_back, question.wanted)


def _named(release: Release) -> Json:
    return {"version": release.version, "digest": release.digest}


def _opened(release: Release) -> Json:
    return {**_named(release), "template": releases.template(release)}


def _resolved(part: Part, ctx: Context) -> _Step:
    action = registry.action(part.action)
    return _Step(action, action.resolve(action.Params.model_validate(part.params), ctx))


def _taken_back(session: Session, run_id: int) -> list[tuple[str, str, Body]]:
    """The steps of a run that took effect, the last one first."""
    query = (
        select(PlanStep)
        .join(Run, Run.plan_id == PlanStep.plan_id)
        .join(Step, (Step.run_id == Run.id) & (Step.position == PlanStep.position))
        .where(Run.id == run_id, Step.state == StepState.SUCCEEDED)
        .order_by(PlanStep.position.desc())
        .options(undefer(PlanStep.body))
    )
    return [(step.action, step.title, unseal(step.body)) for step in session.scalars(query)]


def _freeze(plan_id: int, steps: list[_Step]) -> None:
    with transaction() as session:
        plan = session.scalars(select(Plan).where(Plan.id == plan_id).with_for_update(key_share=True)).one()
        if plan.state != PlanState.RESOLVING:
            return  # answered twice: the first answer is what people look at
        for position, step in enumerate(steps, start=1):
            session.add(_row(plan, position, step))
        plan.title = steps[0].resolved.title
        plan.is_destructive = any(step.action.destructive for step in steps)
        plan.is_blocked = any(warning.blocking for step in steps for warning in step.resolved.warnings)
        plan.expected_s, plan.expected_from = _expected(session, plan, steps)
        digest = _fingerprint([[step.action.name, step.pin] for step in steps])
        plan.state, plan.digest, plan.resolved_at = PlanState.READY, digest, db_now(session)
        session.flush()
        history.tell_plan(session, plan)


def _row(plan: Plan, position: int, step: _Step) -> PlanStep:
    action, resolved = step.action, step.resolved
    patience = max(LONGEST_STEP.total_seconds(), 10 * (resolved.expected_s or 0))
    return PlanStep(
        plan_id=plan.id,
        position=position,
        action=action.name,
        action_class=action.cls,
        is_destructive=action.destructive,
        is_point_of_no_return=action.point_of_no_return,
        is_cancellable=action.cancellable,
        title=resolved.title,
        body=seal(resolved.body),
        pin=step.pin,
        shown=resolved.model_dump(mode="json", exclude={"body", "pin"}),
        effect_deadline_s=resolved.effect_deadline_s,
        step_deadline_s=resolved.effect_deadline_s + patience,
        expected_s=resolved.expected_s,
    )


def _expected(session: Session, plan: Plan, steps: list[_Step]) -> tuple[float | None, Json]:
    """How long it will take: the median of our own history, else the actions' first guesses."""
    target = session.get_one(Target, plan.target_id)
    durations = queries.usual_duration(session, target, plan.kind)
    if durations:
        return statistics.median(durations), {"runs": durations}
    guesses = [step.resolved.expected_s for step in steps if step.resolved.expected_s is not None]
    return (sum(guesses), {"guess": True}) if guesses else (None, {})


def _fail(plan_id: int, problem: str) -> None:
    with transaction() as session:
        plan = session.scalars(select(Plan).where(Plan.id == plan_id).with_for_update(key_share=True)).one()
        if plan.state == PlanState.RESOLVING:
            plan.state, plan.problem, plan.resolved_at = PlanState.FAILED, problem, db_now(session)
            session.flush()
            history.tell_plan(session, plan)
