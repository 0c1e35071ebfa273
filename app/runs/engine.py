"""Carry out a run: one worker at a time, from its rows, so that any worker can go on where another one stopped."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.catalog.models import Target
from app.core.database import transaction
from app.core.errors import Refused
from app.executors import registry
from app.executors.base import Context
from app.runs import grounds, leases
from app.runs.journal import Journal, Task
from app.runs.leases import Lease, Lost
from app.runs.models import Plan, Run
from app.runs.output import Output
from app.runs.states import StepState
from app.runs.stepping import StepWork, Stopped

log = logging.getLogger(__name__)

MOST_TAKEOVERS = 10
STUMBLES = 3


def _never() -> bool:
    return False


def _nothing(_point: str) -> None:
    return None


def execute(run_id: int, *, worker: str, draining: Callable[[], bool] = _never, hit: Callable[[str], None] = _nothing) -> bool:
    """Claim the run and carry it until it ends, is parked for a person, is handed back, or is lost to another worker.

    False where there was nothing to claim. `draining` turns true when this process is told to stop; `hit` is called at named
    points, where tests make the process die, freeze or err.
    """
    with transaction() as session:
        claim = leases.claim(session, run_id, worker=worker)
    if claim is None:
        return False
    hit("after_claim")
    journal = Journal(claim)
    with Lease(claim) as lease, Output(journal) as output:
        journal.flush = output.flush
        _carry(_Hands(journal, lease, output, draining, hit), takeovers=claim.takeovers)
    return True


@dataclass(frozen=True)
class _Hands:
    """What one claim works with."""

    journal: Journal
    lease: Lease
    output: Output
    draining: Callable[[], bool]
    hit: Callable[[str], None]


def _carry(hands: _Hands, *, takeovers: int) -> None:
    """Work from the rows. What goes wrong in here is not judged but read again, under the same fence, as long as that holds."""
    run_id, stumbles = hands.journal.run_id, 0
    while not hands.lease.lost:
        try:
            if takeovers > MOST_TAKEOVERS:
                return hands.journal.needs_attention(f"{takeovers} runners stopped in the middle of this run. Their logs say why.")
            if stumbles >= STUMBLES:
                return hands.journal.needs_attention(
                    "The console failed three times while it carried this run. The runner's log says where."
                )
            return _work(hands)
        except Stopped:
            return None
        except Lost:
            log.info("run %s is not this worker's any more", run_id)
            return None
        except Refused as refusal:
            return hands.journal.refused(refusal.sentence)
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            # the commit may have been made or not: the rows say which
            log.warning("run %s waits for the database: %s", run_id, error.__class__.__name__)
        except Exception:
            log.exception("run %s stumbled over an error of the console", run_id)
            stumbles += 1
        time.sleep(0.2)
    return None


def _work(hands: _Hands) -> None:
    """One pass over the steps, from the first one that is not over. They are read once: under this claim nobody else writes them."""
    ctx, tasks = _context(hands), hands.journal.tasks()
    begun = any(task.attempts for task in tasks)
    for task in tasks:
        if task.state not in {StepState.SUCCEEDED, StepState.SKIPPED}:
            begun = _step(hands, task, ctx, is_first=not begun) or begun
    hands.hit("before_end")
    hands.journal.succeeded()
    hands.hit("after_end")


def _context(hands: _Hands) -> Context:
    with transaction() as session:
        run = session.get_one(Run, hands.journal.run_id)
        plan = session.get_one(Plan, run.plan_id)
        target = session.get_one(Target, plan.target_id)
        ctx = grounds.context(session, target, f"run-{run.id}", cancelled=lambda: hands.lease.cancelled or hands.lease.lost, hit=hands.hit)
    hands.journal.hide = grounds.redactor(ctx)
    return ctx


def _step(hands: _Hands, task: Task, ctx: Context, *, is_first: bool) -> bool:
    """Carry one step to its good end. Whether an effect of it was begun."""
    work = StepWork(
        task=task,
        action=registry.action(task.action),
        ctx=replace(
            ctx,
            operation=f"{ctx.operation}-step-{task.position}",
            output=hands.output.of(task.position),
            ours_until=lambda: hands.lease.ours_until,
        ),
        journal=hands.journal,
        lease=hands.lease,
        draining=hands.draining,
        hit=hands.hit,
        is_first=is_first,
    )
    work.carry()
    return work.attempts > 0
