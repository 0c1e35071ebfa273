"""Rounds: every few seconds all checks of a verification are read once, and the rules are applied.

A round is leased like a run: one statement claims it, raises the fence and takes a lease by the database's time; what it
found is written only under that fence. Killed anywhere, nothing is lost but this one round: the lease runs out, the next
worker claims, and the fence refuses whatever the old one still wants to write. No transaction is open while checks are read.
"""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, selectinload

from app.accounts.policy import SYSTEM
from app.audit import actions as audit
from app.catalog import credentials, observing
from app.catalog.models import Check, Service, Target
from app.core import live
from app.core.database import Json, db_now, transaction
from app.core.errors import Refused
from app.core.settings import settings
from app.executors.base import Body, Context
from app.executors.checks.reading import read
from app.executors.checks.readings import Reading
from app.incidents import timeline
from app.incidents.models import Incident
from app.verification import groundwork, judging
from app.verification.actions import tell
from app.verification.contracts import window_of
from app.verification.groundwork import Ground, Remembered, Stretch
from app.verification.models import Sample, Verification, WatchedCheck

log = logging.getLogger(__name__)
_AT_ONCE = 4  # checks that are read side by side
_TRIED = 50  # verifications that one sweep names
FOUND = {
    "recovered": "proved that {service} has recovered",
    "partly": "found {service} partly recovered",
    "not": "found {service} not recovered",
    "worse": "found {service} worse than before",
}
T = TypeVar("T")


class _Lost(Exception):
    """The lease went to another worker, or a person stopped the watch: nothing more is written."""


@dataclass(frozen=True)
class Question:
    """Everything that the reading of one check needs, taken from the database beforehand."""

    check: Json
    ctx: Context
    expected: Body
    earlier: Json
    baseline: float | None
    own: Remembered
    problem: str = ""  # why its credential could not be opened


@dataclass(frozen=True)
class Round:
    """A claimed round. `over` is set in the first one, which looks at the past too."""

    verification_id: int
    fence: int
    at: datetime
    questions: Mapping[int, Question]
    over: Stretch | None


def due(session: Session) -> list[int]:
    """The verifications whose next round is due and that nobody holds, the longest overdue first."""
    moment = func.clock_timestamp()
    query = (
        select(Verification.id)
        .where(Verification.state == "watching", Verification.next_round_at <= moment)
        .where(or_(Verification.lease_until.is_(None), Verification.lease_until < moment))
        .order_by(Verification.next_round_at)
        .limit(_TRIED)
    )
    return list(session.scalars(query))


def advance(verification_id: int, *, at: datetime | None = None) -> None:
    """One round, if it is due. Called twice or by two workers: one of them does it. `at` stands in for the time of day."""
    with transaction() as session:
        claimed = _claim(session, verification_id, at)
    if claimed is None:
        return
    try:
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix=f"verification-{verification_id}") as pool:
            grounds = _grounds(pool, claimed)
            readings = _each(pool, claimed, lambda position, question: _read(question, grounds.get(position)))
    except _Lost:
        log.info("verification %s: the round went to somebody else", verification_id)
        return
    with transaction() as session:
        _write(session, claimed, grounds, readings)


def _claim(session: Session, verification_id: int, at: datetime | None) -> Round | None:
    moment = at or db_now(session)
    verification = session.scalar(
        update(Verification)
        .where(Verification.id == verification_id, Verification.state == "watching", Verification.next_round_at <= moment)
        .where(or_(Verification.lease_until.is_(None), Verification.lease_until < moment))
        .values(fence=Verification.fence + 1, lease_until=moment + settings().lease)
        .returning(Verification)
        .options(selectinload(Verification.checks))
        .execution_options(populate_existing=True)
    )
    if verification is None:
        return None
    over = groundwork.stretch(session, verification) if verification.rounds == 0 else None
    return Round(verification.id, verification.fence, moment, _questions(session, verification, over), over)


def _questions(session: Session, verification: Verification, over: Stretch | None) -> dict[int, Question]:
    allowed = credentials.allowed_addresses(session)
    expected, opened, problem = _expected(session, verification)
    return {
        watched.position: _question(
            session, verification, watched, over, Context(f"verification-{verification.id}", opened, allowed), expected, problem
        )
        for watched in verification.checks
    }


def _question(
    session: Session, verification: Verification, watched: WatchedCheck, over: Stretch | None, ctx: Context, expected: Body, problem: str
) -> Question:
    agreed: Json = verification.contract["checks"][watched.position]
    check = session.get(Check, agreed["check_id"]) if agreed.get("check_id") else None
    own_problem = problem if watched.kind == "version" else ""
    try:
        proof = credentials.open_check(session, check) if check else {}
    except Refused as error:
        proof, own_problem = {}, error.sentence
    baseline = verification.baseline.get(watched.name)
    return Question(
        check=agreed,
        ctx=Context(ctx.operation, ctx.credentials | proof, ctx.allowed),
        expected=expected,
        earlier=watched.parts,
        baseline=baseline["value"] if baseline else None,
        own=groundwork.remembered(session, agreed.get("check_id"), over) if over else Remembered(),
        problem=own_problem,
    )


def _expected(session: Session, verification: Verification) -> tuple[Body, Body, str]:
    """What should run and where, what opens it, and why it could not be opened."""
    target = session.get(Target, verification.expected["target_id"]) if verification.expected.get("target_id") else None
    if target is None:
        return verification.expected, {}, ""
    expected = observing.expectation(target, verification.expected.get("version", ""), verification.expected)
    try:
        return expected, credentials.open_for(session, target), ""
    except Refused as error:
        return expected, {}, error.sentence


def _grounds(pool: ThreadPoolExecutor, claimed: Round) -> dict[int, Ground]:
    """What was there before, looked up in the first round only."""
    over = claimed.over
    if over is None:
        return {}
    return _each(pool, claimed, lambda _, question: groundwork.lay(question.check, question.ctx, over, question.own))


def _each(pool: ThreadPoolExecutor, claimed: Round, work: Callable[[int, Question], T]) -> dict[int, T]:
    """Do it for every check side by side, and hold the lease meanwhile. _Lost where it is not ours any more."""
    tasks: dict[int, Future[T]] = {position: pool.submit(work, position, question) for position, question in claimed.questions.items()}
    pending = set(tasks.values())
    while pending:
        _, pending = wait(pending, timeout=settings().lease_s / 3)
        if pending:
            _hold(claimed)
    return {position: task.result() for position, task in tasks.items()}


def _hold(claimed: Round) -> None:
    with transaction() as session:
        statement = (
            update(Verification)
            .where(Verification.id == claimed.verification_id, Verification.fence == claimed.fence, Verification.state == "watching")
            .values(lease_until=func.clock_timestamp() + settings().lease)
            .returning(Verification.id)
        )
        if session.scalar(statement) is None:
            raise _Lost


def _read(question: Question, ground: Ground | None) -> Reading:
    if question.problem:
        return Reading(outcome="inconclusive", sentence=question.problem, reason="config")
    fresh = ground.baseline if ground else None
    baseline = fresh["value"] if fresh else question.baseline
    check = question.check
    try:
        return read(check["kind"], check["config"], question.ctx, expected=question.expected, baseline=baseline, earlier=question.earlier)
    except Exception:
        # a fault of ours in one check must not keep the others from a verdict
        log.exception("%s: the check %s could not be read", question.ctx.operation, check["name"])
        return Reading(outcome="inconclusive", sentence="This check could not be read because of a fault in Lastgood; its log has it.")


def _write(session: Session, claimed: Round, grounds: Mapping[int, Ground], readings: Mapping[int, Reading]) -> None:
    """Samples, standings and, where the rules say so, the verdict: one transaction, under our fence or not at all."""
    verification = session.scalar(
        select(Verification)
        .where(Verification.id == claimed.verification_id, Verification.fence == claimed.fence, Verification.state == "watching")
        .options(selectinload(Verification.checks))
        .with_for_update(of=Verification)
    )
    if verification is None:
        return
    if grounds:
        verification.baseline = groundwork.baselines(verification.contract["checks"], grounds)
    for check in verification.checks:
        _keep_ground(session, check, grounds.get(check.position))
        _keep_reading(session, verification, check, readings[check.position], claimed.at)
    session.flush()
    verification.rounds += 1
    verification.lease_until = None
    verification.next_round_at = claimed.at + timedelta(seconds=verification.contract["every_s"])
    recent = {check.position: _recent(session, check) for check in verification.checks}
    verdict = judging.weigh(verification, verification.checks, recent, at=claimed.at)
    if verdict:
        _end(session, verification, verdict, at=claimed.at)
    else:
        verification.sentence = judging.outlook(verification, verification.checks, at=claimed.at)
    live.tell(session, f"verification-{verification.id}")


def _keep_ground(session: Session, check: WatchedCheck, ground: Ground | None) -> None:
    if ground is None:
        return
    check.before = ground.before
    facts = {"verification_id": check.verification_id, "position": check.position, "outcome": "early", "is_history": True}
    if rows := [{**facts, "at": at, "value": value} for at, value in ground.points]:
        session.execute(insert(Sample).on_conflict_do_nothing(), rows)


def _keep_reading(session: Session, verification: Verification, check: WatchedCheck, reading: Reading, at: datetime) -> None:
    window = window_of({"kind": check.kind, "config": check.config})
    counts_from = verification.began_at + timedelta(seconds=window)
    outcome = judging.note(check, reading, at=at, counts_from=counts_from, every_s=verification.contract["every_s"])
    facts = {"verification_id": verification.id, "position": check.position, "at": at}
    sample = insert(Sample).values(**facts, outcome=outcome, value=reading.value, sentence=reading.sentence)
    session.execute(sample.on_conflict_do_nothing())


def _recent(session: Session, check: WatchedCheck) -> list[float]:
    """The newest counted values, oldest first."""
    query = (
        select(Sample.value)
        .where(Sample.verification_id == check.verification_id, Sample.position == check.position)
        .where(Sample.outcome.in_(["pass", "fail"]), Sample.value.is_not(None), Sample.is_history.is_(False))
        .order_by(Sample.at.desc())
        .limit(judging.ENOUGH)
    )
    return [value for value in session.scalars(query) if value is not None][::-1]


def _end(session: Session, verification: Verification, verdict: judging.Verdict, *, at: datetime) -> None:
    verification.state, verification.verdict, verification.sentence = "done", verdict.word, verdict.sentence
    verification.ended_at = at
    session.flush()
    service = session.get_one(Service, verification.service_id)
    refs: dict[str, Any] = {"verification": verification.id} | ({"run": verification.run_id} if verification.run_id else {})
    if verification.incident_id:
        incident = session.get_one(Incident, verification.incident_id)
        line = f"{FOUND[verdict.word].format(service=service.name)}. {verdict.sentence}"
        timeline.record(session, incident, line, kind="verification", by=SYSTEM, **refs)
    detail = {"service": service.slug, "verdict": verdict.word, "sentence": verdict.sentence}
    audit.record(session, "verification.verdict", f"verification-{verification.id}", actor=SYSTEM.actor, actor_name=SYSTEM.name, **detail)
    tell(session, verification)
