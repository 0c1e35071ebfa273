"""Programs are started here and nowhere else: from an argument list, without a shell, in a clean environment.

Decision: each command runs under a tether (`tether.py`), a small process of its own that ends the command's whole group when
its time is over, when it is cancelled, and when we die, even by kill -9. A command that was ended half-way is `Stopped`, an
exception: nobody can take it for finished.
"""

import contextlib
import json
import math
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.core import tether
from app.core.clock import uptime
from app.core.lines import Lines

INHERITED = ("PATH", "HOME", "LANG", "TZ")
GRACE_S = 3.0
_LOOK_S = 0.1  # how often `cancelled` is asked
_BORN = (("pid", "birth"), ("tether", "tether_birth"))
_DRAIN_BYTES = 1_000_000  # read at most this much of what others still write after the command ended


class NotStarted(Exception):
    """The program could not be started, so nothing happened. The text says why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class TooLate(NotStarted):
    """`start_by` had passed before the command was executed, so nothing happened."""


class Stopped(Exception):
    """The command ran and was ended before it was through, with everything that it had started. What it did is not known."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Overdue(Stopped):
    """Ended at its deadline."""


class Cancelled(Stopped):
    """Ended because `cancelled` became true."""


@dataclass(frozen=True)
class Finished:
    """The command ended by itself. A negative code is the signal that ended it."""

    code: int
    seconds: float


@dataclass(frozen=True)
class Captured(Finished):
    """A finished command with what it wrote, for programs whose output is data."""

    out: bytes
    err: str


@dataclass(frozen=True)
class Recorded:
    """What a folder tells of the command that was started with it.

    state  absent (none was started) | running | ended (`code`, `ended`: exited, deadline, cancelled, orphaned) | lost
    """

    state: str
    code: int | None = None
    ended: str = ""


def run(
    argv: Sequence[str],
    *,
    cwd: Path | str,
    env: Mapping[str, str] | None = None,
    deadline_s: float,
    output: Callable[[str], None],
    cancelled: Callable[[], bool] = lambda: False,
    operation: str = "",
    folder: Path | None = None,
    grace_s: float = GRACE_S,
    start_by: float = math.inf,
) -> Finished:
    """Run a command and give its output (both streams in their order) to `output`, line by line.

    `env` is added to PATH, HOME, LANG and TZ. With a `folder`, `recorded(folder)` tells any later process how it went.
    After `start_by`, a moment of `core.clock.uptime`, it is not executed any more, whoever was frozen on the way.
    NotStarted (TooLate), Overdue or Cancelled otherwise.
    """
    lines = Lines(output)
    with _Command(argv, cwd, env, deadline_s, operation, folder, grace_s, merged=True, start_by=start_by) as command:
        return command.follow({command.stdout: lines.feed}, cancelled, lines.close)


def capture(
    argv: Sequence[str],
    *,
    cwd: Path | str,
    env: Mapping[str, str] | None = None,
    deadline_s: float,
    cancelled: Callable[[], bool] = lambda: False,
    operation: str = "",
    limit_bytes: int = 16_000_000,
) -> Captured:
    """Run a command whose output is data. What goes beyond `limit_bytes` is not kept. Exceptions as in `run`."""
    out, err = bytearray(), bytearray()

    def keep(store: bytearray) -> Callable[[bytes], None]:
        return lambda data: store.extend(data[: max(limit_bytes - len(store), 0)])

    with _Command(argv, cwd, env, deadline_s, operation, None, GRACE_S, merged=False) as command:
        done = command.follow({command.stdout: keep(out), command.stderr: keep(err)}, cancelled, lambda: None)
    return Captured(done.code, done.seconds, bytes(out), err.decode("utf-8", errors="replace"))


def environment(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a command may see of ours, and what it is given."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | dict(given or {})


def recorded(folder: Path) -> Recorded:
    """How the command that was started with this folder went, by what the disk and the process table say."""
    ended = _facts(folder / "exit.json")
    if ended:
        return Recorded("ended", ended.get("code"), str(ended.get("ended", "")))
    started = _facts(folder / "started.json")
    if not started:
        return Recorded("absent")
    alive = any(started.get(born) and started[born] == tether.birth(int(started[who])) for who, born in _BORN)
    # the tether may have written its last word between our two looks
    last = {} if alive else _facts(folder / "exit.json")
    return Recorded("ended", last.get("code"), str(last.get("ended", ""))) if last else Recorded("running" if alive else "lost")


def _facts(path: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        facts = json.loads(path.read_text())
        return facts if isinstance(facts, dict) else {}
    return {}


class _Command:
    """One running command: its tether, the line to it, and the pipes of its output."""

    def __init__(
        self,
        argv: Sequence[str],
        cwd: Path | str,
        env: Mapping[str, str] | None,
        deadline_s: float,
        operation: str,
        folder: Path | None,
        grace_s: float,
        *,
        merged: bool,
        start_by: float = math.inf,
    ) -> None:
        if not argv:
            raise NotStarted("There is no command to run: its argument list is empty.")
        if not Path(cwd).is_dir():
            raise NotStarted(f"The command cannot start in {cwd}: there is no such folder.")
        self._argv = list(argv)
        self._operation = operation or f"process-{uuid.uuid4().hex}"
        self._limit = (deadline_s, grace_s)
        self._began = time.monotonic()
        self._said = b""
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            for name in ("started.json", "exit.json"):
                (folder / name).unlink(missing_ok=True)
        self._line, theirs = socket.socketpair()
        program = [sys.executable, "-I", "-S", tether.__file__, str(theirs.fileno())]
        try:
            self._process = subprocess.Popen(
                [*program, str(start_by), str(uptime() + deadline_s), str(grace_s), str(folder or ""), self._operation, "--", *argv],
                cwd=cwd,
                env=environment(env) | {tether.MARK: self._operation},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if merged else subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            self._line.close()
            raise NotStarted(f"{argv[0]} could not be started: {error}.") from error
        finally:
            theirs.close()

    @property
    def stdout(self) -> int:
        assert self._process.stdout  # noqa: S101 - asked for above
        return self._process.stdout.fileno()

    @property
    def stderr(self) -> int:
        assert self._process.stderr  # noqa: S101 - asked for above
        return self._process.stderr.fileno()

    def __enter__(self) -> "_Command":
        return self

    def __exit__(self, *_: object) -> None:
        """Whatever happened here, nothing of the command is left: closing the line makes the tether end it."""
        self._line.close()
        try:
            self._process.wait(self._limit[1] + 5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()

    def follow(self, sinks: Mapping[int, Callable[[bytes], None]], cancelled: Callable[[], bool], close: Callable[[], None]) -> Finished:
        """Read until the tether says its last word. The pipes are read all the time, so the command never waits on a full one."""
        asked = False
        with selectors.DefaultSelector() as selector:
            for fd, sink in sinks.items():
                os.set_blocking(fd, False)
                selector.register(fd, selectors.EVENT_READ, sink)
            selector.register(self._line, selectors.EVENT_READ)
            talking = True
            while talking:
                for key, _ in selector.select(_LOOK_S):
                    if key.data is None:
                        talking = self._listen()
                    elif not _pump(key.fd, key.data, 1):
                        selector.unregister(key.fd)
                if not asked and cancelled():
                    asked = True
                    with contextlib.suppress(OSError):
                        self._line.sendall(b"stop")
        for fd, sink in sinks.items():
            _pump(fd, sink, _DRAIN_BYTES)
        close()
        return self._result()

    def _listen(self) -> bool:
        try:
            heard = self._line.recv(4096)
        except OSError:
            return False
        self._said += heard
        return bool(heard)

    def _result(self) -> Finished:
        said: dict[str, Any] = {}
        for line in self._said.splitlines():
            said |= json.loads(line)
        seconds = time.monotonic() - self._began
        if "late" in said:
            raise TooLate(f"{self._argv[0]} was not started: its time to start had passed.")
        if "failed" in said:
            raise NotStarted(
                f"{self._argv[0]} could not be started: {os.strerror(said['failed'])}. Check its name, and that it may be executed."
            )
        if "ended" not in said:
            tether.signal_all(said.get("started"), self._operation, signal.SIGKILL)
            raise Stopped(f"{self._argv[0]} was ended from outside after {seconds:.1f} s, and what it did until then is not known.")
        if said["ended"] == "deadline":
            raise Overdue(f"{self._argv[0]} did not end within {self._limit[0]:g} s and was stopped, with all that it had started.")
        if said["ended"] != "exited":
            raise Cancelled(f"{self._argv[0]} was stopped after {seconds:.1f} s, with all that it had started.")
        return Finished(int(said["code"]), seconds)


def _pump(fd: int, sink: Callable[[bytes], None], most: int) -> bool:
    """Pass on what is in the pipe now, at least one piece and up to about `most` bytes. False at its end."""
    while most > 0:
        try:
            data = os.read(fd, 65536)
        except BlockingIOError:
            return True
        if not data:
            return False
        sink(data)
        most -= len(data)
    return True
