"""Beat: the one tick. It is only one more sweeper, so that none of them is needed and two of them do no harm."""

import threading

from app.worker.presence import be_present, set_up_logging, stop_on_signal

ROLE = "beat"


def run(stop: threading.Event) -> None:
    """Sweep until `stop`, TERM or Ctrl-C."""
    set_up_logging()
    if threading.current_thread() is threading.main_thread():
        stop_on_signal(stop)
    be_present(ROLE, stop)
