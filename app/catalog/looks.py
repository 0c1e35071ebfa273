"""Looks: what web asks of the world through the runner, as rows that are answered once and may be repeated at will."""

import time
from datetime import timedelta

from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.catalog.models import Look, Service, Target
from app.core import queue
from app.core.database import Json, transaction
from app.core.errors import Refused
from app.core.settings import settings

TASK = "looks.answer"
TRIES = 3  # a look that its runners left unanswered this often is given up
KEPT = timedelta(minutes=10)
RING_AGAIN = timedelta(seconds=2)
BATCH = 50
BACKGROUND = frozenset({"target.observe", "service.observe"})  # nobody sits before a page and waits for these
UNANSWERED = "The runner does not answer. Nothing was changed. See whether it runs (`lastgood doctor`), then try again."
GIVEN_UP = "The runner stopped in the middle of this look three times. Nothing was changed. Its log says why; then try again."

_now = func.clock_timestamp
_lease_is_over = and_(Look.state == "looking", Look.lease_until < _now())


def ask(session: Session, kind: str, subject: str, params: Json) -> Look:
    """Ask for a look, and ring for it. One that waits with the same kind and subject is returned instead of a second."""
    while True:
        # Two at once: the second waits for the first one's commit, inserts nothing and finds its row. If a runner claims
        # that row in between, nothing waits any more, and the second asks anew.
        # The index is named by a literal: once psycopg has prepared the statement, PostgreSQL finds none for a parameter.
        made = session.scalar(
            insert(Look)
            .values(kind=kind, subject=subject, params=params)
            .on_conflict_do_nothing(index_elements=["kind", "subject"], index_where=text("state = 'queued'"))
            .returning(Look.id)
        )
        waiting: Select[Look] = select(Look).where(Look.kind == kind, Look.subject == subject, Look.state == "queued")
        look = session.scalar(waiting)
        if look:
            if made:
                queue.ring(session, TASK, look.id)
            return look


def ask_and_wait(kind: str, subject: str, params: Json, *, timeout_s: float = 5.0) -> Json:
    """Ask in a transaction of its own and wait for the answer. Refused with the look's problem, or where nobody answers in time."""
    with transaction() as session:
        look_id = ask(session, kind, subject, params).id
    deadline, pause = time.monotonic() + timeout_s, 0.01
    while time.monotonic() < deadline:
        with transaction() as session:
            look = session.get_one(Look, look_id)
        if look.state == "done":
            return look.answer or {}
        if look.state == "failed":
            raise Refused(look.problem)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)
    raise Refused(UNANSWERED)


def due(session: Session, *, background: bool, limit: int = BATCH) -> list[int]:
    """The looks that could be taken now, the oldest first: those of the background, or those that a person waits for."""
    return list(session.scalars(select(Look.id).where(_open(background)).order_by(Look.id).limit(limit)))


def claim(session: Session, look_id: int, *, background: bool | None = None) -> Look | None:
    """Take a look that waits, or whose runner fell silent. None where somebody has it, it is answered, or it is of the other sort."""
    wanted = select(Look.id).where(Look.id == look_id, _open(background))
    return session.scalar(
        update(Look)
        .where(Look.id == wanted.with_for_update(skip_locked=True).scalar_subquery())
        .values(state="looking", fence=Look.fence + 1, lease_until=_now() + _lease())
        .returning(Look),
        execution_options={"populate_existing": True},
    )


def _open(background: bool | None) -> ColumnElement[bool]:
    is_open = or_(Look.state == "queued", _lease_is_over)
    if background is None:
        return is_open
    return and_(is_open, Look.kind.in_(BACKGROUND) if background else Look.kind.not_in(BACKGROUND))


def _lease() -> timedelta:
    """Long and without a heartbeat: a look that is answered twice does no harm."""
    return max(settings().lease * 2, timedelta(seconds=10))


def finish(session: Session, look: Look, answer: Json) -> bool:
    """Write the answer. False where somebody else has taken the look since; then nothing is written."""
    return _end(session, look, state="done", answer=answer)


def fail(session: Session, look: Look, problem: str) -> bool:
    """Write why there is no answer, in the sentence that its asker reads."""
    return _end(session, look, state="failed", problem=problem)


def _end(session: Session, look: Look, **values: object) -> bool:
    ended = session.scalar(
        update(Look)
        .where(Look.id == look.id, Look.state == "looking", Look.fence == look.fence)
        .values(ended_at=_now(), lease_until=None, **values)
        .returning(Look.id),
        execution_options={"synchronize_session": False},
    )
    return ended is not None


def sweep(session: Session) -> list[int]:
    """The looks that nobody rang for lately: their ids, to ring for. Gives up on those that stopped their runners, forgets old ones."""
    session.execute(
        update(Look)
        .where(_lease_is_over, Look.fence >= TRIES)
        .values(state="failed", problem=GIVEN_UP, ended_at=_now(), lease_until=None)
        .execution_options(synchronize_session=False)
    )
    session.execute(delete(Look).where(Look.ended_at < _now() - KEPT).execution_options(synchronize_session=False))
    silent = func.coalesce(Look.rung_at, Look.created_at) < _now() - RING_AGAIN
    due = select(Look.id).where(or_(Look.state == "queued", _lease_is_over), silent).order_by(Look.id).limit(BATCH)
    return list(
        session.scalars(
            update(Look)
            .where(Look.id.in_(due.with_for_update(skip_locked=True)))
            .values(rung_at=_now())
            .returning(Look.id)
            .execution_options(synchronize_session=False)
        )
    )


def ask_for_observations(session: Session) -> int:
    """Ask for a look at each target that has not been looked at for `observe_every_s`. How many were asked for."""
    recent = _now() - timedelta(seconds=settings().observe_every_s)
    asked = select(Look.subject).where(Look.kind == "target.observe", Look.created_at > recent)
    due = (
        select(Target.id)
        .join(Service)
        .where(Target.archived_at.is_(None), Service.archived_at.is_(None))
        .where(or_(Target.observed_at.is_(None), Target.observed_at < recent))
        .where(func.concat("target-", Target.id).not_in(asked))
        .order_by(Target.observed_at.nulls_first())
        .limit(BATCH)
    )
    targets = list(session.scalars(due))
    for target_id in targets:
        ask(session, "target.observe", f"target-{target_id}", {})
    return len(targets)
