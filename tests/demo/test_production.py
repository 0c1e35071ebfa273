"""The demo's production: a real shop with real customers, broken for real."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.core import gateway
from app.core.errors import Refused
from app.demo.production import Production
from app.demo.repository import BAD, GOOD
from app.demo.traffic import CUSTOMERS
from app.executors.base import Context, Standing
from app.executors.git.reading import read_branch
from app.executors.registry import action
from tests.core.test_processes import until

ROOT = Path(__file__).parents[2]


def get(production, path, method="GET", body=None):
    return gateway.fetch(method, production.url + path, body=body, allowed={("127.0.0.1", production.port)})


def log_ins(production):
    """How many log-ins there were since the shop began, and how many of them failed."""
    found = re.findall(r'http_requests_total\{route="/login",code="(\d+)"\} (\d+)', get(production, "/metrics").text)
    counts = {code: int(count) for code, count in found}
    return sum(counts.values()), counts.get("500", 0)


def test_the_shop_serves_its_good_version_and_customers_come(production):
    production.start()
    assert production.version == GOOD
    assert "<h1>Shop</h1>" in get(production, "/").text
    assert get(production, "/health").text.strip() == '{"status": "ok"}'
    assert get(production, "/nowhere").status == 404
    count, failed = until(lambda: (seen := log_ins(production))[0] >= 20 and seen)
    assert (count >= 20, failed) == (True, 0)


def test_the_next_version_fails_for_some_and_is_slow_while_health_is_fine(production):
    production.start()
    lines = []
    assert production.break_it(lines.append)
    assert lines[-1].startswith("v1.2.4 answers after")
    assert production.version == BAD
    count, failed = until(lambda: (seen := log_ins(production))[0] >= 60 and seen[1] > 0 and seen, limit_s=60)
    assert 0.02 < failed / count < 0.3
    assert get(production, "/login", "POST", b"customer=night-watch").elapsed_s > 0.4
    assert get(production, "/health").status == 200
    assert not production.break_it()


COUNT = """
import shop
shop.ROUND_TRIP_S = 0
failed = 0
for number in range(CUSTOMERS):
    try:
        shop.log_in(f"customer-{number}")
    except KeyError:
        failed += 1
print(failed)
"""


def test_twelve_of_a_hundred_customers_cannot_log_in(production):
    source = production.repository.publish()
    with production.repository.checkout(source) as work:
        program = COUNT.replace("CUSTOMERS", str(CUSTOMERS))
        done = subprocess.run([sys.executable, "-c", program], cwd=work, capture_output=True, text=True, check=True)
    assert 0.10 < int(done.stdout) / CUSTOMERS < 0.14


def test_the_way_back_is_a_commit_and_a_deploy_by_the_same_actions_that_the_console_uses(production, tmp_path):
    production.start()
    production.break_it()
    good, bad = production.repository.commit_of(GOOD), production.repository.commit_of(BAD)
    where = {"repository": str(production.repository.bare), "branch": production.branch, "local": True, "commit": good, "version": GOOD}
    lines = []
    ctx = Context(
        operation="run-1-step-1", folder=tmp_path / "runner", allowed=frozenset({("127.0.0.1", production.port)}), output=lines.append
    )

    back = action("git.return_to")
    plan = back.resolve(back.Params(**where), ctx)
    assert (plan.version_now, plan.version_after) == (BAD, GOOD)
    assert [fact.value.split(", 20")[0] for fact in plan.facts if fact.label.startswith("Taken back")] == [
        "Release v1.2.4, Tom Weber",
        "Log-in: one session for all our shops, Tom Weber",
    ]
    back.apply(plan.body, ctx)

    deploy = action("git.deploy")
    command = {"deploy": production.deploy_command, "version_url": f"{production.url}/version", "version_path": "version"}
    plan = deploy.resolve(deploy.Params(**where, **command), ctx)
    assert plan.version_now == BAD
    deploy.apply(plan.body, ctx)
    assert deploy.observe(plan.body, ctx).standing is Standing.DONE
    assert lines[-1].startswith("v1.2.3 answers after")

    assert production.version == GOOD
    branch = read_branch({}, str(production.repository.bare), production.branch, ctx, local=True)
    assert (branch.version, branch.release, branch.log[1].sha) == (GOOD, good, bad)
    assert deploy.undo(plan.body, ctx).params["commit"] == bad
    assert until(lambda: (seen := log_ins(production))[0] >= 20 and seen)[1] == 0


def test_a_deploy_of_a_version_that_does_not_exist_changes_nothing(production):
    production.start()
    with pytest.raises(Refused, match=r"no version v9\.9\.9"):
        production.deploy("v9.9.9")
    assert production.version == GOOD


def test_prepared_twice_it_is_the_same(production):
    before = production.repository.commit_of(GOOD), production.port
    production.prepare()
    assert (production.repository.commit_of(GOOD), production.port) == before


def test_a_port_that_another_program_holds_is_left_to_it(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        production = Production(tmp_path / "elsewhere", taken)
        production.prepare()
        assert production.port != taken


def test_nothing_is_left_after_stop_and_the_next_start_serves_what_was_deployed_last(production):
    production.start()
    production.break_it()
    production.stop()
    assert production.version == ""
    production.prepare()
    production.start()
    assert production.version == BAD


def test_a_shop_that_dies_is_started_again(production):
    production.start()
    [pid] = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if f"shop.py\0{production.port}\0" in read(path)]
    os.kill(pid, signal.SIGKILL)
    until(lambda: production.version == GOOD)


def read(path):
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


SUPERVISOR = """
import sys, threading
from pathlib import Path
from app.demo.production import Production
production = Production(Path(sys.argv[1]), int(sys.argv[2]))
production.prepare()
production.start()
print("ready", flush=True)
threading.Event().wait()
"""


def test_after_kill_9_of_the_supervisor_the_next_start_finds_nothing_in_its_way(production):
    argv = [sys.executable, "-c", SUPERVISOR, str(production.folder), str(production.port)]
    port = production.port
    for _ in range(2):
        supervisor = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert supervisor.stdout.readline() == "ready\n"
        supervisor.kill()
        supervisor.wait()
        supervisor.stdout.close()
    production.prepare()
    production.start()
    assert (production.version, production.port) == (GOOD, port)
