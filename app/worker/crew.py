"""Hands that carry jobs: each takes what a bell named or, when none rings, what PostgreSQL says is due."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from queue import Empty, Full, Queue

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core.settings import settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Duty:
    """One sort of job: the name of its bell, which ids are due, and how one is carried (claiming it first)."""

    task: str
    due: Callable[[], Iterable[int]]
    carry: Callable[[int], object]


class Crew:
    """Some hands that share duties. What a bell named and what was found is claimed in the rows, so a doubled job is done once."""

    def __init__(self, name: str, duties: tuple[Duty, ...], *, hands: int) -> None:
        self.name = name
        self._duties = {duty.task: duty for duty in duties}
        self._bells: Queue[tuple[str, int]] = Queue(maxsize=1000)
        self._stop = threading.Event()
        self._hands = [threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True) for number in range(hands)]

    @property
    def draining(self) -> bool:
        """Whether the hands were told to finish what they hold and take nothing more."""
        return self._stop.is_set()

    def start(self) -> None:
        for hand in self._hands:
            hand.start()

    def ring(self, task: str, row_id: int) -> None:
        """Wake a hand for this row. Never waits: with all hands full, the row is found later."""
        if task in self._duties:
            try:
                self._bells.put_nowait((task, row_id))
            except Full:
                log.info("%s is busy: %s %s waits in the database", self.name, task, row_id)

    def drain(self) -> None:
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Wait until every hand is empty. False where one is still at work after this long."""
        deadline = time.monotonic() + timeout_s
        for hand in self._hands:
            hand.join(max(0.0, deadline - time.monotonic()))
        return not any(hand.is_alive() for hand in self._hands)

    def _work(self) -> None:
        while not self.draining:
            try:
                task, row_id = self._bells.get(timeout=settings().sweep_s)
            except Empty:
                self._look_around()
            else:
                self._carry(self._duties[task], row_id)

    def _look_around(self) -> None:
        """Nobody rang for a while: carry what is due all the same."""
        for duty in self._duties.values():
            try:
                due = list(duty.due())
            except (OperationalError, InterfaceError, PoolTimeout) as error:
                log.warning("%s cannot look into the database: %s", self.name, type(error).__name__)
                return
            for row_id in due:
                if self.draining:
                    return
                self._carry(duty, row_id)

    def _carry(self, duty: Duty, row_id: int) -> None:
        try:
            duty.carry(row_id)
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            log.warning("%s %s waits for the database: %s", duty.task, row_id, type(error).__name__)
        except Exception:
            # a job that fails in a way of its own must not take the hand with it; its row is found again
            log.exception("%s %s failed", duty.task, row_id)
