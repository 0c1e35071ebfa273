"""The life of one worker process: the row that says it is there, the sweep, the signals that end it."""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core.database import transaction
from app.core.settings import settings
from app.response.sweep import sweep_in_turn
from app.runs.models import Worker

log = logging.getLogger(__name__)

SAY_EVERY_S = 5.0
FORGOTTEN = timedelta(hours=1)


def name_of(role: str) -> str:
    """How this process is named in leases and in `workers`."""
    return f"{role}-{socket.gethostname()}-{os.getpid()}"


def set_up_logging() -> None:
    logging.basicConfig(level=settings().log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


def stop_on_signal(stop: threading.Event) -> None:
    """Let TERM and Ctrl-C set `stop`, once."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())


def be_present(role: str, stop: threading.Event) -> None:
    """Sweep, and say every few seconds that this process is there, until `stop`. A database that is away is waited for."""
    said_at = -SAY_EVERY_S
    while not stop.is_set():
        if time.monotonic() - said_at >= SAY_EVERY_S:
            _quietly(_say, role)
            said_at = time.monotonic()
        sweep_in_turn()
        stop.wait(settings().sweep_s)
    _quietly(_leave, role)


def _say(role: str) -> None:
    row = {"name": name_of(role), "role": role, "build": version("lastgood")}
    with transaction() as session:
        seen = {"seen_at": func.clock_timestamp()}
        session.execute(insert(Worker).values(**row, **seen).on_conflict_do_update(index_elements=["name"], set_=seen))
        session.execute(delete(Worker).where(Worker.seen_at < func.clock_timestamp() - FORGOTTEN))


def _leave(role: str) -> None:
    with transaction() as session:
        session.execute(delete(Worker).where(Worker.name == name_of(role)))


def _quietly(step: Callable[[str], None], role: str) -> None:
    try:
        step(role)
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        log.warning("%s cannot reach the database: %s", name_of(role), type(error).__name__)
