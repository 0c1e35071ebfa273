"""What goes wrong in the stories of bad days, and how to make it."""

import os
import signal
from pathlib import Path

from tests.running import Running, get

DEAD_SERVER = ("net::ERR_", "status of 503")


def processes_with(*words: str) -> list[int]:
    """Processes whose command line holds each of the words."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if all(word in command for word in words):
            found.append(int(folder.name))
    return found


def kill(*pids: int) -> None:
    assert pids, "there is nothing to kill"
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def postmaster(console: Running) -> int:
    return int((console.home / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def valkey(console: Running) -> int:
    return int((console.home / "valkey" / "pid").read_text())


def is_answered(console: Running) -> bool:
    return get(f"{console.url}/readyz")[0] == 200


def preview(person) -> str:
    """From the service's page to the plan of the rollback, ready to be confirmed."""
    person.opens("/services/shop")
    person.presses("Roll back to v1.2.3")
    person.lands_on(r"/plans/\d+")
    person.is_offered("Roll back Shop to v1.2.3")
    return person.at
