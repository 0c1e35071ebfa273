"""One step of a run: look, act at most once, look until it is known. Every way out of here is a stated outcome.

looked before    done: nothing to do · drifted or failed: the run fails, untouched · else: intent, then one effect
the effect       answered: watch · refused: failed · no answer, or any other exception: unknown
unknown          looked at until the effect's own deadline and a margin have passed: adopted, redone (A and B), or a person
watched          until the target shows it done or failed, somebody else changed it, or the step's deadline has passed
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from app.core.settings import settings
from app.executors.base import Action, ActionClass, Context, Drifted, OutcomeUnknown, Seen, Standing, StepFailed
from app.runs.journal import Journal, Task
from app.runs.leases import Lease, Lost
from app.runs.lookout import FIRST_PAUSE_S, Lookout
from app.runs.states import StepState

log = logging.getLogger(__name__)

TRIES = 5  # of one effect, each after it was seen not to have happened
REACH_S = 30.0  # a target that cannot be read before anything was done is tried for this long


class Stopped(Exception):
    """The run has left this worker's hands: ended, parked for a person, or handed back. The journal says how."""


@dataclass
class StepWork:
    """One step in the hands of one worker."""

    task: Task
    action: Action
    ctx: Context
    journal: Journal
    lease: Lease
    draining: Callable[[], bool]
    hit: Callable[[str], None]
    is_first: bool  # no step of this run has begun an effect yet
    attempts: int = field(init=False)  # effects that were begun
    _effect_over: float = field(init=False)  # on the monotonic clock: the effect has landed by then, or never will
    _step_over: float = field(init=False)
    _eyes: Lookout = field(init=False)

    def __post_init__(self) -> None:
        self.attempts = self.task.attempts
        self._eyes = Lookout(self.task, self.action, self.ctx, self.journal, self.lease, self.draining)
        self._clock_from(self.task.effect_over_in_s, self.task.step_over_in_s)

    def carry(self) -> None:
        """Bring the step to its end. Raises Stopped where the run does not go on, Lost where somebody else has it."""
        known = self._pick_up()
        while known is False:
            known = self._settle()
        if known:
            self._watch()

    def _pick_up(self) -> bool | None:
        match self.task.state:
            case StepState.PENDING:
                return self._begin()
            case StepState.WAITING:
                self.journal.go_on(self.task)
                return True
            case StepState.STARTED:
                sentence = "The runner stopped in the middle of this step. The target is looked at before anything else is done."
                self.journal.unknown(self.task, sentence)
        return False

    # known: True the effect is under way, False nobody knows, None the step is over

    def _begin(self) -> bool | None:
        seen = self._look_before()
        match seen.standing:
            case Standing.DONE:
                self.journal.done(self.task, seen, how="already")
                return None
            case Standing.DRIFTED | Standing.FAILED:
                self.journal.failed(
                    self.task, seen.sentence or f"{self.task.title}: the target has moved.", seen, before_anything=self.is_first
                )
                raise Stopped
            case Standing.IN_PROGRESS:
                self._intend(seen)
                return True
        return self._act(seen)

    def _look_before(self) -> Seen:
        """The first look. Nothing was done yet, so a target that stays out of reach fails the step and leaves no doubt."""
        until = time.monotonic() + (REACH_S if self.is_first else self.task.step_deadline_s)
        pause = FIRST_PAUSE_S
        while True:
            seen, problem = self._eyes.look("This step was not begun; the target is asked again.")
            if seen:
                return seen
            self._stop_if_asked()
            if time.monotonic() > until:
                self.journal.failed(self.task, f"{problem} {self.task.title} was not begun.", before_anything=self.is_first)
                raise Stopped
            pause = self._eyes.sleep(pause)

    def _act(self, before: Seen) -> bool | None:
        """The one effect, between a committed intent and what the target answered."""
        self.hit("before_intent")
        self._stop_if_asked()
        self._intend(before)
        self.hit("after_intent")
        try:
            self.lease.check()
            self.hit("before_call")
            with self.lease.at_most(self.task.effect_deadline_s + settings().settle_margin_s):
                answer = self.action.apply(self.task.body, self.ctx)
            self.hit("after_call")
        except StepFailed as refusal:
            return self._refused(refusal)
        except Lost:
            raise
        except OutcomeUnknown as doubt:
            return self._doubt(doubt.sentence)
        except Exception as surprise:
            # not foreseen, so it says nothing about what happened out there
            log.exception("step %s of run %s ended in a surprise", self.task.position, self.journal.run_id)
            return self._doubt(f"The call ended in an error that nobody foresaw ({type(surprise).__name__}: {surprise}).")
        self.journal.answered(self.task, answer)
        return True

    def _doubt(self, sentence: str) -> bool:
        self.journal.unknown(self.task, sentence)
        return False

    def _refused(self, refusal: StepFailed) -> bool | None:
        """The target did not take it. After a moved precondition it is looked at once more: what moved may be our own earlier call."""
        if isinstance(refusal, Drifted):
            seen, _ = self._eyes.look(f"{refusal.sentence} The target is asked again.")
            if seen and seen.standing is Standing.DONE:
                self.journal.done(self.task, seen, how="adopted")
                return None
            if seen and seen.standing is Standing.IN_PROGRESS:
                return True
        elif self.lease.cancelled:
            self._leave(None)
        standing = Standing.DRIFTED if isinstance(refusal, Drifted) else Standing.FAILED
        seen = Seen(standing=standing, sentence=refusal.sentence, evidence=refusal.evidence)
        self.journal.failed(self.task, refusal.sentence, seen, before_anything=self.is_first)
        raise Stopped

    def _settle(self) -> bool | None:
        """Look until it is known what became of the effect. Seen to be done is enough at once; seen not to be done counts only
        after the effect's own deadline and a margin, since a call may still be on its way, or once its end is on record."""
        over = self._effect_over + settings().settle_margin_s
        pause, problem = FIRST_PAUSE_S, ""
        while True:
            seen, problem = self._eyes.look(f"So it is not known yet whether {self.task.title!r} took effect; the target is asked again.")
            # an older record of the same operation says nothing about a later attempt
            ended = seen is not None and seen.effect_over and self.attempts == 1
            landed = ended or time.monotonic() > over
            match seen.standing if seen else None:
                case Standing.DONE if seen:
                    self.hit("after_observe")
                    self.journal.done(self.task, seen, how="adopted")
                    self.hit("after_done")
                    return None
                case Standing.IN_PROGRESS:
                    self.journal.go_on(self.task)
                    return True
                case Standing.FAILED if seen and landed:
                    self.journal.failed(self.task, seen.sentence, seen)
                    raise Stopped
                case Standing.DRIFTED if seen and landed:
                    self._ask(
                        f"{seen.sentence or 'The target has moved'} It is not known whether {self.task.title!r} took effect before.", seen
                    )
                case Standing.NOT_STARTED if seen and landed:
                    return self._not_happened(seen)
                case None if time.monotonic() > self._step_over and landed:
                    self._ask(f"{problem} So it is not known whether {self.task.title!r} took effect.", None)
            if self.draining():
                self.journal.let_go()
                raise Stopped
            pause = self._eyes.sleep(pause)

    def _not_happened(self, seen: Seen) -> bool | None:
        if self.lease.cancelled:
            self._leave(seen)
        if self.task.cls is ActionClass.C:
            self._ask(f"The runner lost sight of {self.task.title!r}, and the target does not show whether it happened.", seen)
        if self.attempts >= TRIES:
            self._ask(f"{self.task.title!r} was tried {TRIES} times without an answer and has not happened.", seen)
        return self._act(seen)

    def _watch(self) -> None:
        """Look until the target shows the end of it: ten times a second while things change, more slowly while nothing does."""
        pause, problem = FIRST_PAUSE_S, ""
        while True:
            before = self._eyes.last
            seen, problem = self._eyes.look("The target took the change before; it is asked again.")
            if seen and self._judge(seen):
                return
            if self._eyes.last is not before:
                pause = FIRST_PAUSE_S
            if time.monotonic() > self._step_over:
                last = problem or (seen.sentence if seen else "")
                self._ask(f"{self.task.title!r} has not ended within its time. Last seen: {last or 'no change'}", seen)
            if self.task.is_cancellable and self.lease.cancelled:
                self._leave(seen or self._eyes.last)
            if self.draining():
                self._give_back(seen, 0, "Its runner is being stopped; another one watches on.")
            if seen and seen.wake_after_s:
                self._give_back(seen, seen.wake_after_s, seen.sentence or "It waits for somebody else.")
            pause = self._eyes.rest(pause, seen)

    def _judge(self, seen: Seen) -> bool:
        """Whether this look ends the step well; the other ends raise Stopped."""
        match seen.standing:
            case Standing.DONE:
                self.hit("after_observe")
                self.journal.done(self.task, seen)
                self.hit("after_done")
                return True
            case Standing.FAILED:
                self.journal.failed(self.task, seen.sentence, seen)
                raise Stopped
            case Standing.DRIFTED:
                self._ask(f"{seen.sentence or 'Somebody else has changed the target'} This happened after {self.task.title!r} began.", seen)
            case Standing.NOT_STARTED if time.monotonic() > self._effect_over + settings().settle_margin_s:
                if self.task.cls is ActionClass.C:
                    self._ask(f"{self.task.title!r} was carried out, and the target does not show it.", seen)
                self.journal.failed(self.task, f"The target took {self.task.title!r} and shows no sign of it.", seen)
                raise Stopped
        self._eyes.note(seen)
        return False

    def _intend(self, before: Seen) -> None:
        if not self.journal.intend(self.task, before, attempt=self.attempts + 1):
            self._leave(before)
        self.attempts += 1
        self._clock_from(self.task.effect_deadline_s, self.task.step_deadline_s)

    def _clock_from(self, effect_s: float, step_s: float) -> None:
        self._effect_over, self._step_over = time.monotonic() + effect_s, time.monotonic() + step_s

    def _stop_if_asked(self) -> None:
        """Before anything was done in this step, it can be left at once."""
        if self.lease.cancelled:
            self._leave(None)
        if self.draining():
            self.journal.hand_back()
            raise Stopped

    def _give_back(self, seen: Seen | None, wake_in_s: float, sentence: str) -> NoReturn:
        self.journal.wait(self.task, seen or self._eyes.last or Seen(standing=Standing.IN_PROGRESS), wake_in_s=wake_in_s, sentence=sentence)
        raise Stopped

    def _leave(self, seen: Seen | None) -> NoReturn:
        self.journal.canceled(self.task, seen)
        raise Stopped

    def _ask(self, sentence: str, seen: Seen | None) -> NoReturn:
        self.journal.needs_attention(sentence, self.task, seen)
        raise Stopped
