"""Runs the console's processes in one terminal: starts them, restarts what falls, stops all on one signal.

Decision: each child holds the reading end of a pipe and ends when it closes (`hold_on_to_parent`), so that a supervisor
that is killed leaves nobody behind who would hold the port or the stores.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

TETHER, GATE = "LASTGOOD_TETHER_FD", "LASTGOOD_GATE_FD"
_LOG_LIMIT = 10_000_000


@dataclass
class Child:
    """One process to keep alive. `argv` follows the interpreter; `restarts` counts falls since it last stood for a minute."""

    name: str
    argv: list[str]
    env: Mapping[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    restarts: int = 0
    not_before: float = 0.0


class Supervisor:
    """Keeps children alive until it is told to stop. `say` gets one line for whoever watches the terminal."""

    def __init__(self, logs: Path | None, *, say: Callable[[str], None], grace_s: float = 3.0) -> None:
        self.logs, self.say, self.grace_s = logs, say, grace_s
        self.children: list[Child] = []
        self.stopping = threading.Event()
        self._reader, self._writer = os.pipe()  # closed by the kernel when we die, however that happens

    def start_behind_gate(self, child: Child) -> Callable[[], None]:
        """Start a child that gets ready and then waits (`wait_for_gate`). What is returned lets it go on; a later restart does not wait."""
        reader, writer = os.pipe()
        own = child.env
        child.env = {**own, GATE: str(reader)}
        self.start(child, also=(reader,))
        child.env = own
        os.close(reader)
        return lambda: os.close(writer)

    def start(self, child: Child, *, also: tuple[int, ...] = ()) -> None:
        """Start a child, and keep it alive from now on. Its output goes to a log of its own, or beside ours without a folder for logs."""
        if child not in self.children:
            self.children.append(child)
        log = self._log(child.name)
        child.process = subprocess.Popen(
            [sys.executable, *child.argv],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT if log else None,
            env={**os.environ, **child.env, TETHER: str(self._reader)},
            pass_fds=(self._reader, *also),
            start_new_session=True,  # Ctrl-C reaches us alone; we tell the children in our own order
        )
        child.started = time.monotonic()
        if log:
            log.close()

    def _log(self, name: str) -> IO[bytes] | None:
        if self.logs is None:
            return None
        self.logs.mkdir(parents=True, exist_ok=True)
        path = self.logs / f"{name}.log"
        if path.exists() and path.stat().st_size > _LOG_LIMIT:
            path.replace(path.with_suffix(".log.1"))
        return path.open("ab")

    def watch(self, *, tick: Callable[[], None] | None = None) -> None:
        """Keep the children alive until SIGINT or SIGTERM, then stop them all."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.stopping.set())
        while not self.stopping.wait(0.2):
            for child in self.children:
                self._revive(child)
            if tick:
                tick()
        self.stop()

    def stop(self) -> None:
        """Ask every child to end, then end those that did not within the grace."""
        self.stopping.set()
        running = [child.process for child in self.children if child.process and child.process.poll() is None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + self.grace_s
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)

    def _revive(self, child: Child) -> None:
        process = child.process
        moment = time.monotonic()
        if process is None or process.poll() is None:
            if process and moment - child.started > 60:
                child.restarts = 0
            return
        if not child.not_before:
            pause = min(30.0, 0.5 * 2**child.restarts)
            child.restarts += 1
            child.not_before = moment + pause
            where = f" Log: {self.logs / child.name}.log" if self.logs else ""
            self.say(f"{child.name} ended with code {process.returncode}; started again in {pause:g} s.{where}")
        elif moment >= child.not_before:
            child.not_before = 0.0
            self.start(child)


def hold_on_to_parent() -> None:
    """In a child: end at once when the supervisor is gone. Does nothing in a process that no supervisor started."""
    number = os.environ.pop(TETHER, "")
    if not number:
        return

    def wait_for_the_end() -> None:
        while os.read(int(number), 1):
            pass
        os._exit(75)

    threading.Thread(target=wait_for_the_end, name="tether", daemon=True).start()


def wait_for_gate() -> None:
    """In a child: wait until the supervisor says that what we lean on is there. Does nothing where nobody said to wait."""
    number = os.environ.pop(GATE, "")
    if number:
        os.read(int(number), 1)
        os.close(int(number))
