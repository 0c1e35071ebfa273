"""Crash points: make the process that carries a run die, freeze, err or lose a reply at a named point, then see what others make of it.

`python -m tests.runs.crash` is a zygote: it has everything imported, reads one case a line and forks a child that carries the
run of the case. So a case costs milliseconds and not an import. It is told the case as JSON: run_id, point, kind, load.

The harness knows no fakes. A real tool is run through it by a scenario whose plan uses the tool's actions, and by naming the
module in `load` that makes them known (nothing, for those in the registry).
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from app.executors import registry
from app.executors.base import OutcomeUnknown
from app.runs import engine

ROOT = Path(__file__).parent.parent.parent
POINTS = ("after_claim", "before_intent", "after_intent", "before_call", "after_call", "after_observe", "after_done", "before_end")
KINDS = ("exit", "freeze", "exception", "cut")


class Injected(Exception):
    """Stands for any error that nobody foresaw."""


@dataclass
class Fault:
    """Fires once, the first time that its point is hit."""

    point: str
    kind: str
    fired: bool = False

    def __call__(self, point):
        if point != self.point or self.fired:
            return
        self.fired = True
        match self.kind:
            case "exit":
                os._exit(137)
            case "freeze":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "exception":
                raise Injected(point)
            case "cut":
                raise OutcomeUnknown(f"The connection was cut at {point}.")


class Zygote:
    """Forks a carrier for each case."""

    def __init__(self):
        argv = [sys.executable, "-m", "tests.runs.crash"]
        self._process = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self._lock = threading.Lock()

    def carry(self, run_id, point="", kind="", load=""):
        """Start a carrier; returns its process id."""
        with self._lock:
            self._process.stdin.write(json.dumps({"run_id": run_id, "point": point, "kind": kind, "load": load}) + "\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())

    def close(self):
        self._process.stdin.close()
        self._process.wait(10)


def state_of(pid):
    """ "T" stopped, "S" or "R" alive, "" gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def over_or_frozen(pid):
    return state_of(pid) in {"", "T", "Z"}


def wake(pid):
    if state_of(pid) == "T":
        os.kill(pid, signal.SIGCONT)


def _serve():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended carriers are reaped by the kernel
    registry.load_all()  # the Kubernetes client alone takes a second, which no carrier should pay for
    for line in sys.stdin:
        case = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _be_carrier(case)
        print(pid, flush=True)  # noqa: T201 - the answer on our pipe


def _be_carrier(case):
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    code = 1
    try:
        if case["load"]:
            importlib.import_module(case["load"]).load()
        engine.execute(case["run_id"], worker=f"carrier-{os.getpid()}", hit=Fault(case["point"], case["kind"]))
        code = 0
    except (Injected, OutcomeUnknown):
        print(traceback.format_exc(), file=sys.stderr)  # noqa: T201 - a carrier has nobody else to tell
    finally:
        os._exit(code)


def _end_with_parent(parent):
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    _serve()
