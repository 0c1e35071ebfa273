"""The runner: one process a queue. `lastgood runner --queue run` carries runs; `--queue look` looks, and watches."""

import logging
import threading
from collections.abc import Iterable

from app.catalog import looks
from app.core import queue
from app.core.database import transaction
from app.core.errors import Refused
from app.core.settings import settings
from app.core.warmth import settle
from app.executors import registry
from app.runs import ending, engine, leases
from app.verification import rounds
from app.worker import delivering, status, survival
from app.worker.bells import listen
from app.worker.crew import Crew, Duty
from app.worker.looks import answer
from app.worker.presence import be_present, name_of, set_up_logging, stop_on_signal

log = logging.getLogger(__name__)

LOOKS_END_WITHIN_S = 5.0  # a look that is cut off is made again elsewhere


def runner(name: str) -> None:
    """Serve one queue, "run" or "look", until TERM or Ctrl-C; then hand back what is held, and end."""
    if name not in {queue.RUN, queue.LOOK}:
        raise Refused(f"A runner serves the queue run or look; {name} is neither.")
    set_up_logging()
    stop = threading.Event()
    stop_on_signal(stop)
    registry.load_all()
    crews = _run_crews() if name == queue.RUN else _look_crews()
    serve(name, crews, stop)


def notifier() -> None:
    """Carry deliveries to people and write the public status pages, until TERM or Ctrl-C."""
    set_up_logging()
    stop = threading.Event()
    stop_on_signal(stop)
    serve(queue.NOTIFY, [status.crew(), survival.crew(), *delivering.crews()], stop)


def serve(role: str, crews: list[Crew], stop: threading.Event) -> None:
    """Start the hands and the bells, be present until `stop`, then drain: what cannot be ended in time is left to its lease."""

    def ring(task: str, row_id: int) -> None:
        for crew in crews:
            crew.ring(task, row_id)

    for crew in crews:
        crew.start()
    listen(role, ring)
    settle()
    log.info("the runner of %s is ready", role)
    be_present(role, stop)
    for crew in crews:
        crew.drain()
    ends_within = {queue.RUN: settings().drain_s, queue.NOTIFY: settings().notify_timeout_s + 1}.get(role, LOOKS_END_WITHIN_S)
    patience = min(settings().drain_s, ends_within)
    if not all(crew.join(patience) for crew in crews):
        log.warning("the runner of %s ends with work in hand; another one takes over when its lease is over", role)
    queue.flush()


def _run_crews() -> list[Crew]:
    worker = name_of(queue.RUN)

    def due() -> Iterable[int]:
        with transaction() as session:
            return leases.due(session)

    def carry(run_id: int) -> None:
        engine.execute(run_id, worker=worker, draining=lambda: crew.draining)

    crew = Crew("runs", (Duty(ending.TASK, due, carry),), hands=settings().run_slots)
    return [crew]


def _look_crews() -> list[Crew]:
    """Two crews: whoever sits before a page and waits never waits behind what is done in the background."""

    def due(background: bool) -> list[int]:
        with transaction() as session:
            return looks.due(session, background=background)

    def due_rounds() -> list[int]:
        with transaction() as session:
            return rounds.due(session)

    asked = Duty(looks.TASK, lambda: due(False), lambda look_id: answer(look_id, background=False))
    observed = Duty(looks.TASK, lambda: due(True), lambda look_id: answer(look_id, background=True))
    watched = Duty("verifications.advance", due_rounds, rounds.advance)
    hands = settings().look_slots
    return [Crew("looks", (asked,), hands=hands), Crew("watch", (watched, observed), hands=hands)]
