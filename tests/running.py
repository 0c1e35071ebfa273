"""A whole console in processes of its own, as an operator starts it: for journeys, packaging and benchmarks."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parent.parent
OURS = (sys.executable, "-m", "app.cli.main")
Answer = TypeVar("Answer")
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("LASTGOOD_") or name.startswith("LASTGOOD_TEST_")}


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(question: Callable[[], Answer], *, seconds: float = 30, every_s: float = 0.02, what: str = "it") -> Answer:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + seconds
    while True:
        if answer := question():
            return answer
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds:g} s"
        time.sleep(every_s)


class Running:
    """One `lastgood up` or `lastgood demo`: its terminal, its address, its state folder (the demo's `home` is another, beside it)."""

    def __init__(self, command: list[str], state: Path, *, program: tuple[str, ...] = OURS, cwd: Path = ROOT, **env: str) -> None:
        self.state, self.port = state, free_port()
        self.home = state.with_name(f"{state.name}-demo") if command[0] == "demo" else state
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = CLEAN | {"LASTGOOD_STATE_DIR": str(state), "LASTGOOD_PORT": str(self.port)} | env
        self.lines: list[str] = []
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [*program, *command],
            cwd=cwd,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.append(line.rstrip("\n"))

    def terminal(self) -> str:
        return "\n".join(self.lines)

    def ready(self, *, seconds: float = 90) -> "Running":
        """Wait until the first page can be had; fails with what the terminal says when the process ends before."""

        def answers() -> bool:
            assert self.process.poll() is None, self.terminal()
            return get(f"{self.url}/livez")[0] == 200

        until(answers, seconds=seconds, what="the first page")
        return self

    def said(self, text: str, *, seconds: float = 60) -> str:
        """The first line on the terminal that holds `text`."""

        def line() -> str:
            return next((line for line in self.lines if text in line), "")

        return until(line, seconds=seconds, what=f"“{text}” on the terminal")

    def cli(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Another terminal beside it."""
        return subprocess.run([*OURS, *arguments], cwd=ROOT, env=self.env, capture_output=True, text=True)

    def pids(self, name: str) -> list[int]:
        """Processes of this console by what their command line says ("runner --queue run")."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                mine = f"LASTGOOD_STATE_DIR={self.home}".encode() in (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if mine and name in command:
                found.append(int(folder.name))
        return found

    def stop(self) -> float:
        """Ctrl-C, and how many seconds it took."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return time.monotonic() - began


def get(url: str) -> tuple[int, str]:
    """Status and text of a page; (0, "") where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


@contextmanager
def running(*command: str, **env: str) -> Iterator[Running]:
    """A console on a state folder of its own, stopped and thrown away at the end."""
    with tempfile.TemporaryDirectory(prefix="lastgood-running-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        console = Running(list(command), Path(folder) / "state", **env)
        try:
            yield console
        finally:
            console.stop()
