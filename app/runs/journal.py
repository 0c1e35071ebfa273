"""What a worker writes about its run. Each write is one transaction that first makes sure, under the row's lock, that the
run is still this worker's; where it is not, nothing is written and `Lost` is raised."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, undefer

from app.accounts.models import User
from app.core import queue
from app.core.database import Json, db_now, transaction
from app.core.redact import redact
from app.core.sealing import unseal
from app.executors.base import ActionClass, Body, Seen
from app.runs import ending, history, leases
from app.runs.grounds import redacted
from app.runs.leases import Claim, Lost
from app.runs.models import PlanStep, Run, Step
from app.runs.states import RunState, StepState


@dataclass(frozen=True)
class Task:
    """A step as a worker needs it: what is planned and how far it is."""

    position: int
    action: str
    cls: ActionClass
    title: str
    body: Body
    state: StepState
    attempts: int
    is_cancellable: bool
    effect_deadline_s: float
    step_deadline_s: float
    effect_over_in_s: float  # from now until the effect of an open step has landed or never will, by the database's clock
    step_over_in_s: float
    observed: Seen | None


class Journal:
    """The pen of one claim."""

    def __init__(self, claim: Claim) -> None:
        self.run_id = claim.run_id
        self.hide: Callable[[str], str] = redact  # a sharper one, as soon as the credentials are open
        self.flush: Callable[[], None] = lambda: None  # called before a write after which the run is not ours any more
        self._fence = claim.fence

    @contextmanager
    def write(self) -> Iterator[tuple[Session, Run]]:
        """A transaction in which the run is held and ours. A heartbeat or a take-over waits until it ends."""
        with transaction() as session:
            mine = (
                Run.id == self.run_id,
                Run.fence == self._fence,
                Run.state == RunState.RUNNING,
                Run.lease_until > func.clock_timestamp(),
            )
            run = session.scalar(select(Run).where(*mine).with_for_update(key_share=True))
            if run is None:
                raise Lost
            yield session, run

    def tasks(self) -> list[Task]:
        """Every step, in order, as the rows say now."""
        with self.write() as (session, run):
            planned = select(PlanStep).where(PlanStep.plan_id == run.plan_id).options(undefer(PlanStep.body))
            plans = {step.position: step for step in session.scalars(planned)}
            steps = session.scalars(select(Step).where(Step.run_id == run.id).order_by(Step.position))
            return [_task(session, plans[step.position], step) for step in steps]

    def intend(self, task: Task, before: Seen, *, attempt: int) -> bool:
        """Commit what is about to be done, before it is done. False, and nothing is intended, where a person has asked to cancel."""
        with self._step(task) as (session, run, step):
            if run.cancel_requested_at is not None:
                return False
            moment = db_now(session)
            step.state, step.intent_at, step.attempts, step.sentence = StepState.STARTED, moment, attempt, ""
            step.before = self._clean(before)
            step.effect_deadline_at = moment + timedelta(seconds=task.effect_deadline_s)
            step.step_deadline_at = moment + timedelta(seconds=task.step_deadline_s)
            self._event(session, run, task, "redo" if attempt > 1 else "intent", f"{task.title}: begins.", attempt=attempt)
        return True

    def go_on(self, task: Task) -> None:
        """A step that waited, or whose outcome turned out to be under way, is watched again."""
        with self._step(task) as (session, run, step):
            step.state = StepState.STARTED
            self._event(session, run, task, "resumed", f"{task.title}: watched again.")

    def answered(self, task: Task, answer: Body) -> None:
        """What the target said to the effect."""
        with self._step(task) as (session, run, step):
            step.answer = redacted(answer, self.hide)
            self._event(session, run, task, "applied", f"{task.title}: the target took it.")

    def seen(self, task: Task, seen: Seen) -> None:
        """What a look showed, where it differs from the one before."""
        with self._step(task) as (session, run, step):
            step.observed, step.sentence = self._clean(seen), self.hide(seen.sentence)
            session.flush()
            history.tell(session, run)

    def silent(self, task: Task, sentence: str) -> None:
        """The target does not answer, and what is true meanwhile."""
        with self._step(task) as (session, run, step):
            step.sentence = self.hide(sentence)
            session.flush()
            history.tell(session, run)

    def done(self, task: Task, seen: Seen, *, how: str = "observed") -> None:
        """The wanted state was seen: how is "observed", "already" (nothing had to be done) or "adopted" (after a doubt)."""
        with self._step(task) as (session, run, step):
            if step.state == StepState.PENDING:
                step.state, step.intent_at, step.before = StepState.STARTED, db_now(session), self._clean(seen)
                session.flush()
            step.state, step.ended_at = StepState.SUCCEEDED, db_now(session)
            step.observed, step.sentence = self._clean(seen), self.hide(seen.sentence)
            self._event(session, run, task, how, _DONE[how].format(title=task.title))

    def unknown(self, task: Task, sentence: str) -> None:
        """A call went out, or may have, and nobody knows what became of it."""
        with self._step(task) as (session, run, step):
            step.state, step.sentence = StepState.UNKNOWN, self.hide(sentence)
            self._event(session, run, task, "unknown", self.hide(sentence))

    def wait(self, task: Task, seen: Seen, *, wake_in_s: float, sentence: str) -> None:
        """Give the run back in the middle of a step that only has to be watched; the targets stay held."""
        self.flush()
        with self._step(task) as (session, run, step):
            step.state, step.observed, step.sentence = StepState.WAITING, self._clean(seen), self.hide(seen.sentence)
            self._give_back(session, run, wake_in_s)
            self._event(session, run, task, "waiting", sentence)

    def hand_back(self) -> None:
        """Give the run back between two steps: this worker is told to stop."""
        self.flush()
        with self.write() as (session, run):
            self._give_back(session, run, 0)
            history.happened(session, run, "handed_back", "Its runner is being stopped; another one goes on.")

    def let_go(self) -> None:
        """Let another worker take over at once, in the middle of a step whose outcome is being found out."""
        self.flush()
        with self.write() as (session, run):
            run.lease_until = db_now(session)
            session.flush()
            queue.ring(session, ending.TASK, run.id)

    def failed(self, task: Task, sentence: str, seen: Seen | None = None, *, before_anything: bool = False) -> None:
        """The step failed and it is known how: the run ends, and says in words what it leaves behind."""
        sentence = self.hide(sentence)
        self.flush()
        with self._step(task) as (session, run, step):
            if step.state == StepState.PENDING:
                step.state, step.intent_at = StepState.STARTED, db_now(session)
                session.flush()
            step.state, step.ended_at, step.sentence = StepState.FAILED, db_now(session), sentence
            if seen:
                step.observed = self._clean(seen)
            self._event(session, run, task, "step_failed", sentence)
            ending.end(session, run, RunState.FAILED, sentence if before_anything else sentence + _leftover(session, run))

    def refused(self, sentence: str) -> None:
        """The run cannot be carried at all (no key, no credential): it fails where no step is open, else a person is asked."""
        with self.write() as (session, run):
            open_states = (StepState.STARTED, StepState.UNKNOWN, StepState.WAITING)
            is_open = session.scalar(select(exists().where(Step.run_id == run.id, Step.state.in_(open_states))))
            if not is_open:
                return ending.end(session, run, RunState.FAILED, self.hide(sentence) + _leftover(session, run))
        return self.needs_attention(sentence)

    def needs_attention(self, sentence: str, task: Task | None = None, seen: Seen | None = None) -> None:
        """Nobody can tell from here: a person is asked, and the run keeps its targets until they answer."""
        sentence = self.hide(sentence)
        self.flush()
        with self.write() as (session, run):
            step = session.get(Step, (run.id, task.position)) if task else None
            if step and step.state in {StepState.STARTED, StepState.WAITING}:
                step.state = StepState.UNKNOWN
            if step:
                step.sentence, step.fence = sentence, self._fence
                step.observed = self._clean(seen) if seen else step.observed
            run.state, run.attention = RunState.NEEDS_ATTENTION, sentence
            run.lease_owner = run.lease_until = None
            session.flush()
            line = f"asks for a decision on run {run.id}: {sentence}"
            history.happened(session, run, "needs_attention", sentence, position=task.position if task else None, line=line)

    def canceled(self, task: Task | None = None, seen: Seen | None = None) -> None:
        """End the run as a person asked: no step is open, or the open one (`task`) only has to be waited for and is left."""
        self.flush()
        middle = ""
        with self.write() as (session, run):
            step = session.get(Step, (run.id, task.position)) if task else None
            if step and step.state in {StepState.STARTED, StepState.UNKNOWN}:
                left = "It did not happen, and was not tried again." if step.state == StepState.UNKNOWN else "Not waited for any longer."
                if step.state == StepState.STARTED:
                    middle = (
                        f" It stopped in the middle of {step.title!r}: what that had begun is not taken back and may still take effect."
                    )
                    step.state = StepState.WAITING
                    session.flush()
                step.state, step.ended_at, step.fence = StepState.SKIPPED, db_now(session), self._fence
                step.observed = self._clean(seen) if seen else step.observed
                step.sentence = left + (f" Last seen: {self.hide(seen.sentence)}" if seen and seen.sentence else "")
                session.flush()
            elif step:
                step.sentence = ""  # it was never begun
            person = session.get(User, run.cancel_requested_by_id) if run.cancel_requested_by_id else None
            sentence = f"{person.name if person else 'Somebody'} canceled it."
            ending.end(session, run, RunState.CANCELED, sentence + middle + _leftover(session, run))

    def succeeded(self) -> None:
        """Every step was seen to be done, or was skipped by a person."""
        self.flush()
        with self.write() as (session, run):
            last = session.scalars(select(Step).where(Step.run_id == run.id).order_by(Step.position.desc()).limit(1)).one()
            ending.note_release(session, run)
            ending.end(session, run, RunState.SUCCEEDED, last.sentence or f"{last.title}: done.")

    @contextmanager
    def _step(self, task: Task) -> Iterator[tuple[Session, Run, Step]]:
        with self.write() as (session, run):
            step = session.get_one(Step, (run.id, task.position))
            step.fence = self._fence
            yield session, run, step

    def _event(self, session: Session, run: Run, task: Task, kind: str, sentence: str, **detail: Any) -> None:
        session.flush()
        history.happened(session, run, kind, sentence, position=task.position, **detail)

    def _give_back(self, session: Session, run: Run, wake_in_s: float) -> None:
        run.state, run.lease_owner, run.lease_until = RunState.QUEUED, None, None
        run.wake_at = db_now(session) + timedelta(seconds=wake_in_s) if wake_in_s else None
        session.flush()
        if not wake_in_s:
            queue.ring(session, ending.TASK, run.id)

    def _clean(self, seen: Seen) -> Json:
        cleaned: Json = redacted(seen.model_dump(mode="json"), self.hide)
        return cleaned


_DONE = {
    "observed": "{title}: done, as seen on the target.",
    "already": "{title}: it was already so, nothing had to be done.",
    "adopted": "{title}: it had happened, as seen on the target.",
}


def _task(session: Session, planned: PlanStep, step: Step) -> Task:
    return Task(
        position=step.position,
        action=planned.action,
        cls=ActionClass(planned.action_class),
        title=step.title,
        body=unseal(planned.body),
        state=StepState(step.state),
        attempts=step.attempts,
        is_cancellable=planned.is_cancellable,
        effect_deadline_s=planned.effect_deadline_s,
        step_deadline_s=planned.step_deadline_s,
        effect_over_in_s=leases.remaining_s(session, step.effect_deadline_at),
        step_over_in_s=leases.remaining_s(session, step.step_deadline_at),
        observed=Seen.model_validate(step.observed) if step.observed else None,
    )


def _leftover(session: Session, run: Run) -> str:
    """What stays done of a run that did not do everything, in words."""
    done = session.scalars(select(Step.title).where(Step.run_id == run.id, Step.state == StepState.SUCCEEDED).order_by(Step.position)).all()
    if not done:
        return ""
    return f" What was done before stays done: {'; '.join(done)}."
