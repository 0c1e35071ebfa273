"""Celery's end of the doorbell: a consumer in a thread whose tasks do nothing but wake a hand."""

import logging
import threading
import time
from collections.abc import Callable

from celery.worker import WorkController

from app.core.queue import QUEUES, celery
from app.core.settings import settings

log = logging.getLogger(__name__)


def listen(queue: str, ring: Callable[[str, int], None]) -> None:
    """Hear the bells of this queue for as long as the process lives. Without Redis there are none, and nothing is lost."""
    if not settings().redis_url:
        return
    for name, of in QUEUES.items():
        if of == queue:
            celery.task(name=name, ignore_result=True)(_waker(name, ring))
    celery.finalize()
    threading.Thread(target=_consume_forever, args=(queue,), name="bells", daemon=True).start()


def _waker(name: str, ring: Callable[[str, int], None]) -> Callable[[int], None]:
    def wake(row_id: int) -> None:
        ring(name, int(row_id))

    return wake


def _consume_forever(queue: str) -> None:
    while True:
        try:
            # no mingle, gossip and heartbeat: back in seconds after a cut connection, which they would stretch to minutes
            WorkController(
                app=celery,
                pool_cls="solo",
                concurrency=1,
                queues=[queue],
                without_mingle=True,
                without_gossip=True,
                without_heartbeat=True,
                hostname=f"{queue}@lastgood",
            ).start()
        except Exception as error:
            log.warning("the bells of %s are silent: %s", queue, error, exc_info=log.isEnabledFor(logging.DEBUG))
        time.sleep(1)
