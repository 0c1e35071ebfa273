"""Processes that outlived their starter (kill -9): found by what their command line says, never by a number alone."""

import os
import signal
import time
from pathlib import Path

from app.core.errors import Refused


def _command(pid: int) -> bytes:
    """The process's command line; empty where it has ended, also where nobody has collected it yet."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def end_leftover(pid: int, marker: str, *, what: str, by: signal.Signals = signal.SIGTERM, within_s: float = 10) -> None:
    """End process `pid` if its command line holds `marker`, and wait until it is gone. Refused where it does not go."""
    if marker.encode() not in _command(pid):
        return  # the number was given to another process since
    os.kill(pid, by)
    deadline = time.monotonic() + within_s
    while _command(pid):
        if time.monotonic() > deadline:
            raise Refused(f"An earlier {what} (process {pid}) still holds {marker} and does not stop. End it, then start again.")
        time.sleep(0.02)
