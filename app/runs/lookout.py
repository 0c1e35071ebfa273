"""Look at the target of a step, and rest until it may look different. The page is told of a target that does not answer."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from app.executors.base import Action, Context, Lingers, Seen, StepFailed, Unreachable
from app.runs.journal import Journal, Task
from app.runs.leases import Lease

log = logging.getLogger(__name__)

LONGEST_LOOK_S = 120.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0
SHORTEST_LINGER_S = 1.0


@dataclass
class Lookout:
    """The eyes of one worker on one step."""

    task: Task
    action: Action
    ctx: Context
    journal: Journal
    lease: Lease
    draining: Callable[[], bool]
    last: Seen | None = field(init=False)  # what the page shows
    _silence: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self.last = self.task.observed

    def look(self, meanwhile: str) -> tuple[Seen | None, str]:
        """One look, or why there was none: then the page says so, and what is true `meanwhile`.

        A look changes nothing, so a failing one leaves no doubt and is made again.
        """
        self.lease.check()
        seen, problem = self._try()
        if problem and problem != self._silence:
            self.journal.silent(self.task, f"{problem} {meanwhile}")
        if seen and self._silence:
            self.last = None  # the page shows the silence, so whatever was seen is news
        self._silence = problem
        return seen, problem

    def _try(self) -> tuple[Seen | None, str]:
        try:
            with self.lease.at_most(LONGEST_LOOK_S):
                return self.action.observe(self.task.body, self.ctx), ""
        except (Unreachable, StepFailed) as silence:
            return None, silence.sentence
        except Exception as surprise:
            log.exception("a look at step %s of run %s ended in a surprise", self.task.position, self.journal.run_id)
            return None, f"The target could not be read because of an error of the console ({type(surprise).__name__})."

    def note(self, seen: Seen) -> None:
        """Show what was seen, where a page would show it differently."""
        if self.last is None or _visible(seen) != _visible(self.last):
            self.journal.seen(self.task, seen)
            self.last = seen

    def sleep(self, pause: float) -> float:
        """Rest, but not beyond the loss of the lease or a wish to stop; the next rest is longer."""
        until = time.monotonic() + pause
        while (left := until - time.monotonic()) > 0:
            self.lease.check()
            time.sleep(min(left, 0.25))
            if self.draining() or self.lease.cancelled:
                break
        return min(pause * 1.3, LONGEST_PAUSE_S)

    def rest(self, pause: float, seen: Seen | None) -> float:
        """Until something may have changed: the target wakes us where it can, else the time does."""
        self.lease.check()
        if seen and isinstance(self.action, Lingers):
            within_s = max(pause, SHORTEST_LINGER_S)
            with self.lease.at_most(within_s + LONGEST_LOOK_S):
                if self.action.linger(self.task.body, seen, self.ctx, within_s=within_s):
                    return min(pause * 1.3, LONGEST_PAUSE_S)
        return self.sleep(pause)


def _visible(seen: Seen) -> object:
    """What a page would show differently: ages go up by themselves."""
    return seen.model_dump(exclude={"evidence": True, "parts": {"__all__": {"age_s"}}})
