"""Who answers which look."""

import logging
from collections.abc import Callable, Mapping

from sqlalchemy import select

from app.catalog import looks, observing, validating
from app.catalog.models import Look
from app.core.database import AWAY, Json, transaction
from app.core.errors import Forbidden, NotFound, Refused
from app.core.redact import redact
from app.executors.base import StepFailed, Unreachable
from app.runs import resolving

log = logging.getLogger(__name__)

Handler = Callable[[str, Json], Json]
HANDLERS: Mapping[str, Handler] = {
    "plan.resolve": resolving.resolve,
    "target.observe": observing.observe,
    "service.observe": observing.observe_service,
    "target.validate": validating.validate_target,
    "target.choices": validating.choices,
    "cluster.check": validating.check_cluster,
    "check.try": validating.try_check,
}
OUR_FAULT = "The console met a fault of its own while it looked. Nothing was changed; the runner's log says more"


def answer(look_id: int, *, background: bool | None = None) -> bool:
    """Take the look, ask its handler, write the answer or the problem. False where there was nothing to take.

    A look that is answered twice does no harm: its handlers only read, and the fence lets one answer through. Where the console's
    database goes away meanwhile, nothing is wrong with the look: the error is the caller's, and the look is taken again.
    """
    with transaction() as session:
        look = looks.claim(session, look_id, background=background)
    if look is None:
        return False
    try:
        found = HANDLERS[look.kind](look.subject, look.params)
    except (Refused, StepFailed, Unreachable, NotFound, Forbidden) as problem:
        _fail(look, redact(problem.sentence))
    except AWAY:
        raise
    except Exception as fault:
        log.exception("look %s (%s on %s) met a fault", look.id, look.kind, look.subject)
        _fail(look, f"{OUR_FAULT} ({type(fault).__name__}).")
    else:
        with transaction() as session:
            looks.finish(session, look, found)
    return True


def answer_here(kind: str, subject: str) -> None:
    """Answer in this process what waits for a runner, or what a runner has taken and may never answer."""
    with transaction() as session:
        waiting = select(Look.id).where(Look.kind == kind, Look.subject == subject, Look.state == "queued")
        look_id = session.scalar(waiting)
    if look_id is None or not answer(look_id):
        HANDLERS[kind](subject, {})


def _fail(look: Look, problem: str) -> None:
    with transaction() as session:
        looks.fail(session, look, problem)
