import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHILD = (
    "import sys, time; from app.core.supervisor import hold_on_to_parent; hold_on_to_parent(); print('alive', flush=True); time.sleep(600)"
)
PARENT = """
import sys
from pathlib import Path
from app.core.supervisor import Child, Supervisor
supervisor = Supervisor(Path(sys.argv[1]), say=lambda line: print(line, flush=True), grace_s=1)
child = Child("child", ["-c", sys.argv[2]])
supervisor.start(child)
print(child.process.pid, flush=True)
supervisor.watch()
"""


def until(question, seconds=15):
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline, "it did not come true in time"
        os.sched_yield()


def gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@pytest.fixture
def parent(tmp_path):
    started = []

    def start(child_code):
        process = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path), child_code], stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process, int(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_killed_supervisor_takes_its_children_along(parent, tmp_path):
    process, child = parent(CHILD)
    until(lambda: "alive" in (tmp_path / "child.log").read_text())
    process.kill()
    until(lambda: gone(child))


def test_a_child_that_falls_is_started_again_and_said(parent, tmp_path):
    process, child = parent(CHILD)
    until(lambda: "alive" in (tmp_path / "child.log").read_text())
    os.kill(child, signal.SIGKILL)
    assert "child ended with code -9; started again in 0.5 s" in process.stdout.readline()
    until(lambda: (tmp_path / "child.log").read_text().count("alive") == 2)


def test_one_signal_stops_all_even_a_child_that_will_not_go(parent, tmp_path):
    process, child = parent("import signal, time; signal.signal(15, signal.SIG_IGN); print('alive', flush=True); time.sleep(600)")
    until(lambda: "alive" in (tmp_path / "child.log").read_text())
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.wait(10)
    assert time.monotonic() - began < 5
    assert gone(child)
