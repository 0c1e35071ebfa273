"""`lastgood up`: stores, migrations, web, runner, notifier and beat in one terminal."""

import errno
import signal
import socket
import time
from collections.abc import Callable

import httpx
import typer

from app.core import database
from app.core.embedded import Stores
from app.core.errors import Refused
from app.core.settings import settings
from app.core.supervisor import Child, Supervisor

_ME = ["-m", "app.cli.main"]


def check_port(host: str, port: int) -> None:
    """Refused in one sentence where the console could not listen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                why = f"Port {port} on {host} is in use by another program."
            else:
                why = f"The console cannot listen on {host} port {port}: {error.strerror}."
            raise Refused(f"{why} Nothing was started: free it, or set LASTGOOD_PORT to another.") from error


class Console:
    """Everything that `up` starts, in order, and what it says on the terminal."""

    def __init__(self) -> None:
        self.config = settings()
        self.stores = Stores(self.config.state_dir)
        self.supervisor = Supervisor(self.config.state_dir / "logs", say=typer.echo)

    def run(self) -> None:
        """Serve until Ctrl-C. Refused, with nothing left running, where something does not come up."""
        # A signal in the middle of a start ends it in order, like an error would.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._interrupted)
        check_port(self.config.host, self.config.port)
        try:
            self.stores.hold()
            self.stores.announce()
            open_web = self._start_web()  # it imports while the stores start and the demo's shop is put in place
            self.stores.start()
            open_web()
            self.prepare()
            self._until_web_answers()
            self._start_workers()
            self.greet()
            self.supervisor.watch(tick=self._look_around)
        except KeyboardInterrupt:
            self.supervisor.stop()
        except BaseException:
            self.supervisor.stop()
            raise
        finally:
            self.closing()
            self.stores.stop()
        typer.echo("Lastgood has stopped.")

    def prepare(self) -> None:
        """Before the first page: nothing here, the demo puts its production in place."""

    def tick(self) -> None:
        """Five times a second while all runs."""

    def _look_around(self) -> None:
        for name in self.stores.revive():
            typer.echo(f"{name} ended by itself; started again. What was committed is kept.")
        if sentence := self.stores.warns():
            typer.echo(sentence)
        self.tick()

    def closing(self) -> None:
        """After the processes have ended, before the stores stop."""

    def greet(self) -> None:
        """Where the console is, and the way in for the first administrator."""
        from app.accounts import setup

        typer.echo(f"Lastgood runs at {self.config.base_url}    Ctrl-C stops it. Logs: {self.config.state_dir / 'logs'}")
        with database.transaction() as session:
            if setup.is_needed(session):
                typer.echo(f"Make the first administrator (once, within 30 minutes): {setup.new_link(session)}")

    def _interrupted(self, *_: object) -> None:
        raise KeyboardInterrupt

    def _start_web(self) -> Callable[[], None]:
        # web can seal and never open, and may not change the schema
        keys = {
            "LASTGOOD_KEY_FILE": "",
            "LASTGOOD_PUBLIC_KEY_FILE": str(self.config.public_key_path),
            "LASTGOOD_NOTIFIER_KEY_FILE": "",
            "LASTGOOD_NOTIFIER_PUBLIC_KEY_FILE": str(self.config.notifier_public_key_path),
        }
        self.web = Child("web", [*_ME, "web"], {"LASTGOOD_MIGRATION_DATABASE_URL": ""} | keys)
        return self.supervisor.start_behind_gate(self.web)

    def _until_web_answers(self) -> None:
        url = f"http://{self.config.host}:{self.config.port}/livez"
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(url, timeout=1, trust_env=False)
                return
            except httpx.TransportError:
                process = self.web.process
                if (process and process.poll() is not None) or time.monotonic() > deadline:
                    raise Refused(self._why_web_fell()) from None
                time.sleep(0.02)

    def _why_web_fell(self) -> str:
        log = self.config.state_dir / "logs" / "web.log"
        last = log.read_text(errors="replace").strip().splitlines()[-1:]
        return f"The web process did not start: {' '.join(last)} The whole log is {log}."

    def _start_workers(self) -> None:
        env = {"LASTGOOD_MIGRATION_DATABASE_URL": ""}
        for name, argv in (
            ("runner-look", ["runner", "--queue", "look"]),
            ("runner-run", ["runner", "--queue", "run"]),
            ("notifier", ["notifier"]),
            ("beat", ["beat"]),
        ):
            self.supervisor.start(Child(name, [*_ME, *argv], env))
