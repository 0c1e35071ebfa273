"""The doorbell: Celery carries the id of a row to a worker, and nothing else.

A bell may ring twice, late or never. Rows in PostgreSQL are the jobs, and a sweep finds those that nobody rang for. So no
failure here reaches the caller, and a dead Redis costs the caller nothing: bells are rung by a thread of their own.
"""

import atexit
import logging
import os
import threading
import time
from queue import Empty, Full, Queue
from typing import Any, NamedTuple

from celery import Celery
from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from app.core.settings import settings

log = logging.getLogger(__name__)

RUN, LOOK, NOTIFY = "run", "look", "notify"
QUEUES = {
    "runs.execute": RUN,
    "looks.answer": LOOK,
    "verifications.advance": LOOK,
    "statuspage.publish": NOTIFY,
    "deliveries.carry": NOTIFY,
}


def _configuration() -> dict[str, Any]:
    """Early acknowledgement, no results, JSON only, no remote control: see reliability.md 2.2 for what each prevents.

    `max_retries` and the intervals bound a publish to a dead broker (6 s by default); the socket settings bring a worker back
    after a half-open connection, on which it would otherwise wait for ever.
    """
    return {
        "broker_url": settings().redis_url or "memory://",
        "broker_connection_max_retries": None,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": {
            "global_keyprefix": "lastgood:",
            "socket_timeout": 5,
            "socket_connect_timeout": 3,
            "socket_keepalive": True,
            "health_check_interval": 5,
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0,
            "interval_max": 0,
        },
        "accept_content": ["json"],
        "task_serializer": "json",
        "task_acks_late": False,
        "task_ignore_result": True,
        "task_publish_retry": False,
        "task_default_queue": LOOK,
        "worker_prefetch_multiplier": 1,
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
    }


celery = Celery("lastgood", set_as_current=False)
celery.add_defaults(_configuration)  # read at first use, not at import


class _Bell(NamedTuple):
    task: str
    row_id: int
    within: tuple[SessionTransaction, ...]  # the transaction that it was rung in, and those around it


def ring(session: Session, task_name: str, row_id: int) -> None:
    """Ring for `row_id` once the outermost transaction has committed; a rollback around it, also to a savepoint, forgets it."""
    innermost = session.get_nested_transaction() or session.get_transaction()
    within: list[SessionTransaction] = []
    while innermost is not None:
        within.append(innermost)
        innermost = innermost.parent
    session.info.setdefault("bells", []).append(_Bell(task_name, row_id, tuple(within)))


@event.listens_for(Session, "after_commit")
def _ring_committed(session: Session) -> None:
    if session.get_nested_transaction() is not None:
        return  # a savepoint was released: the outer transaction decides
    root = session.get_transaction()
    for bell in dict.fromkeys(session.info.pop("bells", ())):
        if not bell.within or root in bell.within:
            ring_now(bell.task, bell.row_id)


@event.listens_for(Session, "after_soft_rollback")
def _forget_rolled_back(session: Session, rolled_back: SessionTransaction) -> None:
    if bells := session.info.get("bells"):
        session.info["bells"] = [bell for bell in bells if rolled_back not in bell.within]


def ring_now(task_name: str, row_id: int) -> None:
    """Ring for a row that is committed already. Without Redis this does nothing."""
    if settings().redis_url:
        _ringer().put(task_name, row_id)


def ping() -> str:
    """Empty where Redis answers, else one sentence that says why not."""
    try:
        with celery.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=3)
    except connection_errors() as error:
        return f"Redis does not answer: {error}. Runs start without it, within seconds."
    return ""


def connection_errors() -> tuple[type[Exception], ...]:
    """What a broker that is away raises."""
    return (*celery.connection_for_write().connection_errors, OSError)


def flush(timeout_s: float = 0.5) -> None:
    """Wait a moment for bells that are on their way, before a short-lived process ends."""
    if _ringers:
        _ringers[-1].drain(timeout_s)


class _Ringer:
    """One thread that publishes, so that nobody who commits ever waits for Redis."""

    def __init__(self) -> None:
        self._bells: Queue[tuple[str, int]] = Queue(maxsize=10_000)
        threading.Thread(target=self._publish_forever, name="doorbell", daemon=True).start()

    def put(self, task_name: str, row_id: int) -> None:
        try:
            self._bells.put_nowait((task_name, row_id))
        except Full:
            log.warning("too many bells wait for Redis; the sweep will find %s %s", task_name, row_id)

    def drain(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while self._bells.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.005)

    def _publish_forever(self) -> None:
        while True:
            task_name, row_id = self._bells.get()
            try:
                celery.send_task(task_name, args=[row_id], queue=QUEUES[task_name], retry=False, ignore_result=True)
            except Exception as error:
                # whatever it was, the row is committed and the sweep rings again
                log.warning("no doorbell for %s %s: %s", task_name, row_id, error, exc_info=log.isEnabledFor(logging.DEBUG))
                self._skip_waiting()
            finally:
                self._bells.task_done()

    def _skip_waiting(self) -> None:
        """After a failure the bells behind it are let go: the sweep rings for their rows, and the newest bells count."""
        try:
            while True:
                self._bells.get_nowait()
                self._bells.task_done()
        except Empty:
            return


_ringers: list[_Ringer] = []
_making = threading.Lock()


def _ringer() -> _Ringer:
    with _making:
        if not _ringers:
            _ringers.append(_Ringer())
        return _ringers[-1]


atexit.register(flush)
os.register_at_fork(after_in_child=_ringers.clear)  # threads stay with the parent
