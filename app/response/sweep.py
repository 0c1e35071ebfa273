"""What nobody rang for, what is due and what has expired: one pass about every second, by whichever process comes first.

Workers, beat and the web process all ask for it, so that it goes on as long as one of them lives.
"""

import logging
import threading

from sqlalchemy.orm import Session

from app.catalog import looks, observing
from app.checklists import sweeping as checklists
from app.core import idempotency, pulse, queue
from app.core.database import AWAY, transaction
from app.core.settings import settings
from app.decisions import keeping
from app.drills import following
from app.notifications import cadence, drafting, nagging, outbox, paging
from app.reviews import reminding
from app.runs import ending, sweeping
from app.statuspage import maintenance, subscribing
from app.verification import actions as verification

log = logging.getLogger(__name__)


def sweep() -> None:
    """Make one pass. Any number of processes may do so at once; a part that fails is logged and keeps none of the others from theirs."""
    for part in (
        _runs,
        _looks,
        _observations,
        _verifications,
        _assessments,
        _checklists,
        _deliveries,
        _notices,
        _pages,
        _status_pages,
        _reviews,
        _drills,
        _answers,
    ):
        try:
            with transaction() as session:
                part(session)
        except Exception as error:
            # this loop is what finds everything else again, so it outlives whatever it meets
            log.warning("the sweep of %s failed: %s", part.__name__.strip("_"), error, exc_info=log.isEnabledFor(logging.DEBUG))


def sweep_in_turn() -> None:
    """Make a pass, unless another process began one a moment ago."""
    every_s = settings().sweep_s
    try:
        with transaction() as session:
            # a little less than the rest between two questions, so that one process alone keeps its pace
            mine = pulse.take(session, "sweep", every_s=every_s * 0.9)
    except AWAY as error:
        log.warning("the sweep waits for the database: %s", type(error).__name__)
        return
    if mine:
        sweep()


def sweep_until(stop: threading.Event) -> None:
    """One pass every LASTGOOD_SWEEP_S, until `stop`: for a process that has other things to do in its main thread."""
    while not stop.wait(settings().sweep_s):
        sweep_in_turn()


def _runs(session: Session) -> None:
    for run_id in sweeping.sweep(session):
        queue.ring(session, ending.TASK, run_id)


def _looks(session: Session) -> None:
    for look_id in looks.sweep(session):
        queue.ring(session, looks.TASK, look_id)


def _observations(session: Session) -> None:
    looks.ask_for_observations(session)
    observing.ask_for_services(session)


def _verifications(session: Session) -> None:
    verification.start_due(session)


def _assessments(session: Session) -> None:
    keeping.keep_fresh(session)


def _status_pages(session: Session) -> None:
    maintenance.advance(session)
    subscribing.look_after(session)


def _checklists(session: Session) -> None:
    checklists.sweep(session)


def _deliveries(session: Session) -> None:
    for delivery_id in outbox.sweep(session):
        queue.ring(session, outbox.TASK, delivery_id)


def _notices(session: Session) -> None:
    cadence.follow(session)
    nagging.sweep(session)
    drafting.sweep(session)


def _reviews(session: Session) -> None:
    reminding.sweep(session)


def _pages(session: Session) -> None:
    paging.sweep(session)


def _drills(session: Session) -> None:
    following.sweep(session)


def _answers(session: Session) -> None:
    idempotency.forget(session)
