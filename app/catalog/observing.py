"""Observation: the runner looks at a target and at its service's checks, and writes down what it saw.

Decision: read what to look at, commit; look, as long as it takes; then write. No transaction is open while the world is
asked, so a cluster that hangs holds no row. What the console saw is dated by the moment at which the look began.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, joinedload

from app.catalog import credentials, looks, queries, readings, releases, sightings
from app.catalog.models import Check, Look, Rollout, Service, Target
from app.catalog.sightings import Seen
from app.catalog.targets import parse
from app.core import live
from app.core.clock import now
from app.core.database import Json, transaction
from app.core.errors import Refused
from app.core.settings import settings
from app.executors.base import Body, Context, StepFailed, Unreachable
from app.executors.checks.reading import read
from app.executors.checks.readings import Reading

Checks = Mapping[int, tuple[Check, Body]]  # by id, each with what opens its door

_AT_ONCE = 4  # checks of one service that are read side by side


@dataclass(frozen=True)
class Question:
    """Everything that a look needs, read from the database beforehand."""

    target: Target
    service: Service
    opened: Body
    problem: str  # why the credentials could not be opened
    allowed: frozenset[tuple[str, int]]
    checks: Checks  # empty where another target of the service brings the readings
    expected: Body


def observe(subject: str, params: Json) -> Json:  # noqa: ARG001 - every handler of a look is called so
    """Look at "target-3". The answer names what runs, or why it cannot be seen."""
    at = now()
    with transaction() as session:
        question = _ask(session, int(subject.rpartition("-")[2]))
    seen, problem = _look(question)
    # what was just seen to run is what every replica should answer with: what the rows say may be a release behind
    expected = expectation(question.target, seen.running.version, seen.running.facts) if seen else question.expected
    taken = _read(question.checks, question.allowed, opened=question.opened, expected=expected)
    with transaction() as session:
        return _write(session, question, seen, problem, taken, at=at)


def _ask(session: Session, target_id: int) -> Question:
    target = session.scalar(
        select(Target)
        .where(Target.id == target_id, Target.archived_at.is_(None))
        .options(joinedload(Target.service), joinedload(Target.cluster))
    )
    if target is None:
        raise Refused("This target was removed in the meantime. Nothing was looked at.")
    opened, problem = _opened(session, target)
    # the checks belong to the service: one of its targets brings their readings, so that none is read twice
    reads = queries.targets_of(session, target.service)[:1] == [target]
    checks = queries.checks_of(session, target.service) if reads else []
    running = releases.current(session, target)
    return Question(
        target=target,
        service=target.service,
        opened=opened,
        problem=problem,
        allowed=credentials.allowed_addresses(session),
        checks={check.id: (check, credentials.open_check(session, check)) for check in checks},
        expected=expectation(target, running.release.version, running.release.facts) if running else expectation(target, "", {}),
    )


def observe_service(subject: str, params: Json) -> Json:  # noqa: ARG001
    """Read the checks of "service-3", which has no target that would bring their readings."""
    at = now()
    with transaction() as session:
        service = session.get(Service, int(subject.rpartition("-")[2]))
        if service is None or service.archived_at or queries.targets_of(session, service):
            return {"stale": True}
        checks = {check.id: (check, credentials.open_check(session, check)) for check in queries.checks_of(session, service)}
        allowed = credentials.allowed_addresses(session)
    taken = _read(checks, allowed, opened={}, expected={})
    with transaction() as session:
        if taken:
            readings.take(session, service, taken, at=at)
    return {"read": len(taken)}


def ask_for_services(session: Session) -> int:
    """Ask for a look at each service that has checks and no target, once in `observe_every_s`. How many were asked for."""
    recent = func.clock_timestamp() - timedelta(seconds=settings().observe_every_s)
    asked = select(Look.subject).where(Look.kind == "service.observe", Look.created_at > recent)
    due = select(Service.id).where(
        Service.archived_at.is_(None),
        exists().where(Check.service_id == Service.id, Check.archived_at.is_(None)),
        ~exists().where(Target.service_id == Service.id, Target.archived_at.is_(None)),
        func.concat("service-", Service.id).not_in(asked),
    )
    services = list(session.scalars(due.limit(looks.BATCH)))
    for service_id in services:
        looks.ask(session, "service.observe", f"service-{service_id}", {})
    return len(services)


def expectation(target: Target, version: str, facts: Json) -> Body:
    """What the version check compares with: what should run, and where."""
    expected: Body = {"version": version, "image_ids": facts.get("image_ids", [])}
    if target.kind == "kubernetes":
        expected["target"] = {name: target.config[name] for name in ("namespace", "kind", "name")}
    return expected


def context(subject: str, opened: Body, allowed: frozenset[tuple[str, int]]) -> Context:
    """What a look may lean on."""
    folder = settings().state_dir / "work" / subject  # a plan of the target leans on the same folder, and finds the clone
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Context(operation=f"look-{subject}", credentials=opened, allowed=allowed, folder=folder)


def _opened(session: Session, target: Target) -> tuple[Body, str]:
    try:
        return credentials.open_for(session, target), ""
    except Refused as error:
        return {}, error.sentence


def _look(question: Question) -> tuple[Seen | None, str]:
    """What the target shows, or why it cannot be seen."""
    if question.problem:
        return None, question.problem
    target = question.target
    try:
        return sightings.of_target(parse(target.kind, target.config), context(f"target-{target.id}", question.opened, question.allowed)), ""
    except (Unreachable, StepFailed) as error:
        return None, error.sentence


def _read(checks: Checks, allowed: frozenset[tuple[str, int]], *, opened: Body, expected: Body) -> dict[int, Reading]:
    """Every check of the service, side by side: a slow one delays no other."""

    def one(entry: tuple[Check, Body]) -> Reading:
        check, proof = entry
        ctx = context(f"check-{check.id}", opened | proof, allowed)
        return read(check.kind, check.config, ctx, expected=expected, earlier=check.earlier)

    if not checks:
        return {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(checks, pool.map(one, checks.values()), strict=True))


def _write(session: Session, question: Question, seen: Seen | None, problem: str, taken: dict[int, Reading], *, at: datetime) -> Json:
    target = session.scalar(select(Target).where(Target.id == question.target.id).with_for_update(key_share=True))
    # 1. the target was pointed elsewhere while we looked: what we saw is not what runs there
    # 2. another look began after ours and was faster: it knows better
    if target is None or target.archived_at or target.config != question.target.config or (target.observed_at and target.observed_at > at):
        return {"stale": True}
    changed = problem != target.observe_problem
    target.observed_at, target.observe_problem = at, problem
    answer: Json = {"problem": problem}
    if seen:
        changed = changed or seen.facts != target.seen
        rollout = _record(session, target, seen, at=at)
        if seen.facts.get("settled") and rollout.release.digest == seen.running.digest:
            rollout.release.facts = seen.running.facts
        target.seen = seen.facts
        answer |= {"running": seen.running.version, "release_id": rollout.release_id}
    else:
        target.seen = target.seen | {"settled": False}
    if changed:
        live.tell(session, "services", f"service-{target.service_id}")
    session.flush()
    if taken:
        readings.take(session, question.service, taken, at=at)
    return answer


def _record(session: Session, target: Target, seen: Seen, *, at: datetime) -> Rollout:
    """Note what runs. A tip that has not moved since the last look says nothing new: a run may have deployed another commit since."""
    running = releases.current(session, target)
    if running and seen.facts.get("by_tip") and seen.facts["tip"] == target.seen.get("tip"):
        return running
    return releases.record(session, target, running=seen.running, remembered=seen.remembered, at=at)
