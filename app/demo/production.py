"""The demo's production: the shop served on this machine, its customers, and the deploy command that people use on it."""

import errno
import json
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from app.core import gateway, processes
from app.core.errors import Refused
from app.demo.repository import BAD, BRANCH, GOOD, ShopRepository
from app.executors.git import commands

PORT = 8421
RATE = 20.0  # requests a second
_HERE = Path(__file__).parent
_FOR_EVER_S = 10 * 365 * 24 * 3600.0
_PATIENCE_S = 20.0


class Production:
    """One folder with the repository, the releases and a pointer to the one that is served. Everything in it ends with us."""

    def __init__(self, folder: Path, port: int = PORT) -> None:
        self.folder = folder.absolute()
        self.repository = ShopRepository(self.folder / "shop.git")
        self.branch = BRANCH
        self._wanted_port = port
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def port(self) -> int:
        """The port of the shop: the same at every start, unless another program took it."""
        return int((self.folder / "port").read_text())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def deploy_command(self) -> list[str]:
        """The shop's deploy, as the target's argument list."""
        return [sys.executable, "-I", str(_HERE / "deploy.py"), f"--to={self.folder}", "--version={version}", "--commit={commit}"]

    def prepare(self) -> None:
        """Make what is missing: folders, history, a port. Refused where git is not there or the folder cannot be used."""
        if not shutil.which("git"):
            raise Refused("The demo needs git, and there is none on this machine. Install it, then start again.")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / "port").write_text(f"{self._choose_port()}\n")
        except OSError as error:
            raise Refused(f"The demo's folder {self.folder} cannot be used: {error.strerror}.") from error
        self.repository.prepare()

    def start(self) -> None:
        """Serve, deploy v1.2.3 where nothing was deployed yet, and let the customers in."""
        self._stopping.clear()
        self._keep("keeper", [str(self.folder), str(self.port)])
        if not (self.folder / "current").exists():
            self.deploy(GOOD)
        self._wait_until(lambda: bool(self.version), f"The shop does not answer at {self.url}.")
        self._keep("traffic", [str(self.port), str(RATE)])

    def stop(self) -> None:
        """End the shop and its traffic, and wait for it."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(processes.GRACE_S + 5)
        self._threads.clear()

    @property
    def version(self) -> str:
        """What the shop says that it runs, "" while it does not answer."""
        return _release_at(self.port).get("version", "")

    @property
    def is_broken(self) -> bool:
        """Whether v1.2.4 went out before."""
        return bool(self.repository.commit_of(BAD))

    def deploy(self, version: str, output: Callable[[str], None] = lambda _: None) -> None:
        """Deploy a version by the shop's own command. v1.2.4 is pushed first, where it was not. Refused where it does not come up."""
        commit = self.repository.publish() if version == BAD else self.repository.commit_of(version)
        if not commit:
            raise Refused(f"The shop has no version {version}.")
        lines: list[str] = []

        def keep(line: str) -> None:
            lines.append(line)
            output(line)

        argv = commands.fill(self.deploy_command, {"version": version, "commit": commit})
        done = processes.run(argv, cwd=self.folder, deadline_s=60, output=keep)
        if done.code:
            raise Refused(f"The deploy of {version} failed: {' '.join(lines[-1:])}")

    def break_it(self, output: Callable[[str], None] = lambda _: None) -> bool:
        """The story's turn: v1.2.4 goes out, once in the life of the folder. False where it went out before."""
        if self.is_broken:
            return False
        self.deploy(BAD, output)
        return True

    def _choose_port(self) -> int:
        """The port of last time. A shop that a killed supervisor left behind is about to end: it is waited for, others are not."""
        kept = self.port if (self.folder / "port").exists() else 0
        deadline = time.monotonic() + (processes.GRACE_S + 1 if kept else 0)
        wanted = kept or self._wanted_port
        while not _is_free(wanted):
            if time.monotonic() >= deadline:
                return _any_port()
            time.sleep(0.05)
        return wanted

    def _keep(self, program: str, arguments: list[str]) -> None:
        """Run one of our programs for as long as we live."""
        log = self.folder / f"{program}.log"

        def work() -> None:
            with log.open("w") as file:

                def output(line: str) -> None:
                    file.write(line + "\n")
                    file.flush()

                argv = [sys.executable, "-I", str(_HERE / f"{program}.py"), *arguments]
                try:
                    processes.run(argv, cwd=self.folder, deadline_s=_FOR_EVER_S, output=output, cancelled=self._stopping.is_set)
                except processes.Stopped:
                    output("stopped")

        thread = threading.Thread(target=work, name=f"demo-{program}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _wait_until(self, fact: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not fact():
            if time.monotonic() > deadline:
                raise Refused(f"{otherwise} Its log is {self.folder / 'keeper.log'}.")
            time.sleep(0.05)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def _any_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _release_at(port: int) -> dict[str, str]:
    """What a shop at this port says of its release; empty where none answers."""
    try:
        answer = gateway.fetch("GET", f"http://127.0.0.1:{port}/version", timeout_s=2, allowed={("127.0.0.1", port)})
        release = json.loads(answer.body)
    except (gateway.NoAnswer, ValueError):
        return {}
    return release if isinstance(release, dict) and "commit" in release else {}
