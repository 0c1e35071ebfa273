"""The output of steps: redacted, gathered for a moment, stored whole, and told to the pages while it runs."""

import logging
import threading
from collections.abc import Callable
from itertools import groupby
from types import TracebackType

from sqlalchemy import func, select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.runs import history
from app.runs.journal import Journal
from app.runs.leases import Lost
from app.runs.models import OutputChunk

log = logging.getLogger(__name__)

FLUSH_S = 0.2


class Output:
    """Takes lines from any thread while the `with` block runs. A database that is away is waited for; lines are kept meanwhile."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lines: list[tuple[int, str]] = []  # (position of the step, line)
        self._lock = threading.Lock()
        self._storing = threading.Lock()  # one flush at a time: the order of chunks is the order of lines
        self._over = threading.Event()
        self._flusher: threading.Thread | None = None

    def of(self, position: int) -> Callable[[str], None]:
        """What the step at `position` writes to. It never waits for the database."""

        def take(text: str) -> None:
            lines = self._journal.hide(text).splitlines() or [""]
            with self._lock:
                self._lines.extend((position, line) for line in lines)
                if self._flusher is None:
                    self._flusher = threading.Thread(target=self._flush_forever, name="output", daemon=True)
                    self._flusher.start()

        return take

    def __enter__(self) -> "Output":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        if self._flusher:
            self._flusher.join()
        self.flush()

    def flush(self) -> None:
        """Store what has gathered. What cannot be stored now is kept; what is not ours to store any more is dropped."""
        with self._storing:
            with self._lock:
                lines, self._lines = self._lines, []
            if not lines:
                return
            try:
                self._store(lines)
            except Lost:
                log.info("run %s is not this worker's any more: %d lines of output are dropped", self._journal.run_id, len(lines))
            except (OperationalError, InterfaceError, PoolTimeout) as error:
                log.warning("output waits for the database: %s", error.__class__.__name__)
                with self._lock:
                    self._lines = lines + self._lines

    def _flush_forever(self) -> None:
        while not self._over.wait(FLUSH_S):
            self.flush()

    def _store(self, lines: list[tuple[int, str]]) -> None:
        with self._journal.write() as (session, run):
            for position, group in groupby(lines, key=lambda line: line[0]):
                texts = [f"{text}\n" for _, text in group]
                last = select(func.max(OutputChunk.seq)).where(OutputChunk.run_id == run.id, OutputChunk.position == position)
                newest = session.scalar(last)
                seq = 0 if newest is None else newest + 1
                session.add(OutputChunk(run_id=run.id, position=position, seq=seq, text="".join(texts), lines=len(texts)))
                session.flush()
            history.tell(session, run)
