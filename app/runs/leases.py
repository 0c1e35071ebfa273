"""A worker's hold on a run: claimed by one statement, kept alive by a heartbeat, known to be lost as soon as it may be.

All times that others see are the database's. The holder itself counts on its machine's clock, which only moves forward and
counts sleep, from before each heartbeat was sent, so that it gives up no later than anybody else may take over.
"""

import logging
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from types import TracebackType

from sqlalchemy import Engine, and_, func, or_, select, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from app.core import database
from app.core.clock import uptime
from app.core.database import db_now
from app.core.settings import settings
from app.runs import history
from app.runs.models import Plan, Run
from app.runs.states import RunState

log = logging.getLogger(__name__)

QUIET = timedelta(seconds=4)  # heartbeats come every second or faster; several missing ones are worth a word long before the lease ends

_now = func.clock_timestamp
WAITS = and_(Run.state == RunState.QUEUED, or_(Run.wake_at.is_(None), Run.wake_at <= _now()))
ABANDONED = and_(Run.state == RunState.RUNNING, Run.lease_until < _now())


class Lost(Exception):
    """Somebody else has the run, or may have it by now: write nothing more, change nothing more."""


@dataclass(frozen=True)
class Claim:
    """What a worker holds."""

    run_id: int
    fence: int
    takeovers: int  # how often a worker fell silent in the middle of this run
    taken_at: float  # on this machine's clock (`core.clock.uptime`), before the claim was sent


def claim(session: Session, run_id: int, *, worker: str) -> Claim | None:
    """Take a run that waits, or that a silent worker has left: raise its fence and hold it for one lease. None where it is held.

    Two workers at once: the second finds the row locked, skips it and takes nothing.
    """
    asked_at = uptime()
    wanted = select(Run.id, Run.state).where(Run.id == run_id, or_(WAITS, ABANDONED)).limit(1).with_for_update(skip_locked=True)
    found = session.execute(wanted).one_or_none()
    if found is None:
        return None
    taken_over = found.state == RunState.RUNNING
    run = session.scalars(
        update(Run)
        .where(Run.id == run_id)
        .values(
            state=RunState.RUNNING,
            fence=Run.fence + 1,
            lease_owner=worker,
            lease_until=_now() + settings().lease,
            started_at=func.coalesce(Run.started_at, _now()),
            takeovers=Run.takeovers + int(taken_over),
            wake_at=None,
        )
        .returning(Run),
        execution_options={"populate_existing": True},
    ).one()
    _note(session, run, worker, taken_over=taken_over)
    return Claim(run.id, run.fence, run.takeovers, asked_at)


def _note(session: Session, run: Run, worker: str, *, taken_over: bool) -> None:
    if taken_over:
        history.happened(session, run, "taken_over", "The runner that had it fell silent; another one goes on.", worker=worker)
    elif run.fence == 1:
        title = session.get_one(Plan, run.plan_id).title
        history.happened(session, run, "claimed", "A runner began.", line=f"began run {run.id}: {title}", worker=worker)
    else:
        history.happened(session, run, "claimed", "A runner goes on with it.", worker=worker)


def due(session: Session, *, limit: int = 20) -> list[int]:
    """The runs that a worker could claim now, those that wait longest first."""
    return list(session.scalars(select(Run.id).where(or_(WAITS, ABANDONED)).order_by(Run.id).limit(limit)))


def sweep(session: Session, *, silent_for: timedelta = timedelta(seconds=2), limit: int = 50) -> list[int]:
    """The runs that could be claimed and that nobody rang for lately: their ids, to ring for."""
    silent = func.coalesce(Run.rung_at, Run.queued_at, Run.created_at) < _now() - silent_for
    wanted = select(Run.id).where(or_(WAITS, ABANDONED), silent).order_by(Run.id).limit(limit).with_for_update(skip_locked=True)
    query = update(Run).where(Run.id.in_(wanted)).values(rung_at=_now()).returning(Run.id)
    return list(session.scalars(query.execution_options(synchronize_session=False)))


def heard_at(run: Run) -> datetime | None:
    """When the holder of the run was last heard: each heartbeat lends for one lease from then on. None where nobody ever held it."""
    return run.lease_until - settings().lease if run.lease_until else None


def quiet(session: Session, *, limit: int = 50) -> list[int]:
    """The runs that are held by somebody who has missed heartbeats, and that were not told of lately: their ids, to tell of."""
    unheard = and_(Run.state == RunState.RUNNING, Run.lease_until >= _now(), Run.lease_until < _now() + settings().lease - QUIET)
    lately = func.coalesce(Run.rung_at, Run.started_at) < _now() - QUIET
    wanted = select(Run.id).where(unheard, lately).order_by(Run.id).limit(limit).with_for_update(skip_locked=True)
    query = update(Run).where(Run.id.in_(wanted)).values(rung_at=_now()).returning(Run.id)
    return list(session.scalars(query.execution_options(synchronize_session=False)))


@lru_cache(maxsize=1)
def _heartbeat_engine() -> Engine:
    """Connections of the heartbeats' own: no other work of this process can keep them waiting."""
    return database.make_engine(settings().database_url, pool_size=2, statement_timeout_s=max(1.0, settings().lease_s / 4))


def reset() -> None:
    """Forget the heartbeats' connections: after a fork and between tests."""
    if _heartbeat_engine.cache_info().currsize:
        _heartbeat_engine().dispose(close=False)
    _heartbeat_engine.cache_clear()


class Lease:
    """Keeps a claim alive from a thread of its own while the `with` block runs, and hears there that a person cancelled."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self._length = settings().lease_s
        # given up a little before anybody else may take over
        self._valid_until = claim.taken_at + self._length * 0.9
        self._lost = False
        self._cancelled = False
        self._no_longer_than = math.inf
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat_forever, name=f"lease-{claim.run_id}", daemon=True)

    @property
    def lost(self) -> bool:
        """Whether somebody else may have the run. Judged by time at each question: a frozen process finds out when it wakes."""
        if not self._lost and uptime() > self._valid_until:
            self._lost = True
        return self._lost

    @property
    def ours_until(self) -> float:
        """Until when nobody else can have the run, on `core.clock.uptime`: what must not happen after it is bound to that moment."""
        return -math.inf if self._lost else self._valid_until

    @contextmanager
    def at_most(self, seconds: float) -> Iterator[None]:
        """Let the lease run out where the block takes longer: a call that hangs must not keep a run from everybody else."""
        self._no_longer_than = uptime() + seconds
        try:
            yield
        finally:
            self._no_longer_than = math.inf

    @property
    def cancelled(self) -> bool:
        """Whether a person has asked to cancel, as of the last heartbeat."""
        return self._cancelled

    def check(self) -> None:
        """Raise Lost where the lease is lost."""
        if self.lost:
            raise Lost

    def __enter__(self) -> "Lease":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join(timeout=2)

    def _beat_forever(self) -> None:
        # at least once a second, so that a cancellation is heard within one
        while not self._over.wait(min(self._length / 4, 1.0)) and not self.lost:
            sent_at = uptime()
            if sent_at > self._no_longer_than:
                continue
            try:
                self._beat(sent_at)
            except (OperationalError, InterfaceError, PoolTimeout) as error:
                log.warning("no heartbeat for run %s: %s", self.claim.run_id, error.__class__.__name__)

    def _beat(self, sent_at: float) -> None:
        query = (
            update(Run)
            .where(Run.id == self.claim.run_id, Run.fence == self.claim.fence, Run.state == RunState.RUNNING)
            .values(lease_until=_now() + timedelta(seconds=self._length))
            .returning(Run.cancel_requested_at)
        )
        with _heartbeat_engine().begin() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            self._lost = True
        elif not self.lost:
            self._valid_until = sent_at + self._length * 0.9
            self._cancelled = row.cancel_requested_at is not None


def remaining_s(session: Session, moment: datetime | None) -> float:
    """Seconds until a moment of the database's clock; 0 where it has passed or there is none."""
    return max(0.0, (moment - db_now(session)).total_seconds()) if moment else 0.0
