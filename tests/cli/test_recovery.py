"""The main job at the terminal, on a real git repository with a real deploy command: nothing but a database is needed."""

import json
import os
import re
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from app.accounts.policy import SYSTEM
from app.catalog import observing
from app.catalog.models import Target
from app.core import database, sealing
from app.core.database import transaction
from app.core.embedded import reachable
from app.core.settings import settings
from app.demo import people
from app.demo.repository import BAD, GOOD
from app.demo.seed import seed
from app.incidents.models import Incident
from app.runs import queries
from app.runs.models import Plan, Run
from tests.core.test_processes import until
from tests.demo.conftest import history, production  # noqa: F401 - the shop is ours too
from tests.running import OURS, ROOT

ANA = people.COMMANDER.email
HOOK = """#!/bin/sh
touch {0}/reached
while [ ! -e {0}/go ]; do sleep 0.02; done
"""


def observe():
    with transaction() as session:
        target_id = session.scalars(select(Target.id)).one()
    observing.observe(f"target-{target_id}", {})


@pytest.fixture
def shop(console, production, monkeypatch):  # noqa: F811
    """The shop after v1.2.4 went out, as the console has seen it."""
    production.start()
    with transaction() as session:
        seed(session, production)
    observe()
    production.break_it()
    observe()
    monkeypatch.setattr("app.cli.recovery._PATIENCE_S", 0.3)
    return production


@pytest.fixture
def held(shop):
    """The push of the rollback waits at a gate: `reached` is there when it came, and `go` lets it through."""
    gate = Path(tempfile.mkdtemp(prefix="gate-", dir=shop.folder))
    hook = shop.repository.bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(HOOK.format(gate))
    hook.chmod(0o755)
    return gate


def terminal(*arguments, **env):
    """A terminal of its own."""
    return subprocess.Popen(
        [*OURS, *arguments],
        cwd=ROOT,
        env=os.environ | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )


def newest_run():
    with transaction() as session:
        return queries.newest_runs(session, reach=SYSTEM.reach())[0]


def has_run():
    with transaction() as session:
        return session.scalar(select(Run.id)) is not None


def test_a_rollback_here_plans_confirms_runs_and_tells_what_happens(lastgood, shop):
    said = lastgood("rollback", "shop", "--here", "--yes", "--as", ANA)
    assert said.code == 0, said.out + said.err
    assert shop.version == GOOD
    lines = said.out.splitlines()
    assert re.match(r"Plan \d+: Return main to v1\.2\.3 by a new commit +[0-9a-f]{12}$", lines[0])
    assert any("1. " in line and "succeeded" in line for line in lines)
    assert "v1.2.3 answers after" in said.out, "what the deploy says is told"
    assert re.match(r"run \d+: succeeded\.", lines[-1])
    with transaction() as session:
        (incident,) = session.scalars(select(Incident)).all()
        assert (incident.state, session.scalars(select(Run)).one().incident_id) == ("recovering", incident.id)


def test_a_plan_changes_nothing_and_its_run_is_confirmed_later(lastgood, shop):
    declared = json.loads(lastgood("incident", "declare", "Log-ins fail", "--service", "shop", "--as", ANA, "--json").out)
    plan = json.loads(lastgood("plan", "shop", "--incident", declared["ref"], "--here", "--json", "--as", ANA).out)
    assert [step["action"] for step in plan["steps"]] == ["git.return_to", "git.deploy"]
    assert shop.version == BAD
    run = json.loads(lastgood("run", plan["id"], "--plan", "--here", "--json", "--as", ANA).out)
    assert (run["state"], run["plan_id"], run["incident_id"]) == ("succeeded", plan["id"], declared["id"])
    assert shop.version == GOOD
    again = lastgood("run", plan["id"], "--plan", "--here", "--as", ANA)
    assert (again.code, "has already started this plan" in again.err) == (1, True)
    assert f"See http://127.0.0.1:8420/runs/{run['id']}" in again.err


def test_a_queued_run_is_carried_out_here(
    lastgood,
    shop,
):
    plan = json.loads(lastgood("plan", "shop", "--here", "--json", "--as", ANA).out)
    from app.cli import recovery

    run_id = recovery.confirm(plan["id"], user=ANA)
    said = lastgood("run", run_id, "--here")
    assert (said.code, shop.version) == (0, GOOD), said.out + said.err


def test_nobody_starts_what_was_not_confirmed(shop):
    asked = terminal("rollback", "shop", "--here", "--as", ANA)
    _, err = asked.communicate(timeout=60)
    assert asked.returncode == 1
    assert "Aborted" in err
    with transaction() as session:
        assert session.scalars(select(Run)).all() == []
    assert shop.version == BAD


def test_who_may_not_is_told_before_anything_is_planned(lastgood, shop):
    said = lastgood("rollback", "shop", "--here", "--yes", "--as", people.APPROVER.email)
    assert (said.code, said.err) == (1, "Cleo Martin may not do this (run.plan). Nothing was done: an administrator can grant it.\n")
    with transaction() as session:
        assert session.scalars(select(Plan)).all() == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["plan", "nowhere"], "There is no service “nowhere”, or you may not see it."),
        (["plan", "shop", "--environment", "staging"], "Shop has no target in staging; its targets: production: git main."),
        (["plan", "shop", "--version", "v9"], "v9 was never seen on git main. Nothing was planned. The newest seen: v1.2.4, v1.2.3,"),
        (["plan", "shop", "--kind", "magic"], "There is no plan of the kind magic."),
        (["plan", "shop", "--incident", "7000"], "There is no INC-7000, or you may not see it."),
        (["plan", "shop", "--kind", "scale", "--replicas", "3", "--here"], "Plan 1 could not be made:"),
        (["plan", "shop", "--kind", "scale"], "Say how many replicas there should be, from 0 up: --replicas 3. Nothing was planned."),
        (["plan", "shop", "--kind", "restart", "--mode", "commit"], "--mode belongs to the kind rollback, and this is restart."),
        (["plan", "shop", "--mode", "magic"], "magic is no mode. Nothing was planned: say commit, deploy_only, branch_only."),
        (["run", "7000", "--plan"], "There is no plan 7000, or you may not see it."),
        (["rollback", "shop", "--json"], "With --json nobody is asked."),
    ],
)
def test_what_cannot_be_planned_is_said(lastgood, shop, arguments, sentence):
    said = lastgood(*arguments, "--as", ANA)
    assert said.code == 1
    assert said.err.startswith(sentence)


def test_without_a_runner_the_way_out_is_named(lastgood, shop, monkeypatch):
    said = lastgood("rollback", "shop", "--yes", "--as", ANA)
    assert (said.code, said.err.endswith("try again with --here.\n")) == (1, True)
    plan = json.loads(lastgood("plan", "shop", "--here", "--json", "--as", ANA).out)
    monkeypatch.setattr("app.cli.following._PATIENCE_S", 0.0)
    watching = terminal("run", str(plan["id"]), "--plan", "--as", ANA)
    until(has_run, limit_s=30)
    said = lastgood("run", newest_run().id, "--here")
    out, _ = watching.communicate(timeout=60)
    assert said.code == watching.returncode == 0, "one carries it out, the other one watches"
    assert "succeeded" in out


def test_ctrl_c_gives_the_run_back_at_a_safe_place(lastgood, held, shop):
    working = terminal("rollback", "shop", "--here", "--yes", "--as", ANA)
    until((held / "reached").exists, limit_s=60)
    working.send_signal(signal.SIGINT)
    assert working.stderr.readline() == "Stopping at the next safe place. Ctrl-C once more leaves the run as it is.\n"
    (held / "go").touch()
    _, err = working.communicate(timeout=60)
    run = newest_run()
    assert working.returncode == 1
    assert err.startswith(f"Run {run.id} was given back and is not finished. A runner goes on with it, or `lastgood run {run.id} --here`;")
    assert (run.state, [step.state for step in run.steps]) == ("queued", ["succeeded", "pending"])
    assert shop.version == BAD
    assert lastgood("run", run.id, "--here").code == 0
    assert shop.version == GOOD


def test_ctrl_c_twice_leaves_the_run_and_another_terminal_takes_it_over(lastgood, held, shop):
    working = terminal("rollback", "shop", "--here", "--yes", "--as", ANA)
    until((held / "reached").exists, limit_s=60)
    working.send_signal(signal.SIGINT)
    working.stderr.readline()
    working.send_signal(signal.SIGINT)
    _, err = working.communicate(timeout=30)
    run = newest_run()
    assert working.returncode == 1
    assert err.startswith(
        f"Run {run.id} is left where it is, maybe in the middle of a step. In 1 s a runner, or `lastgood run {run.id} --here`"
    )
    assert "Traceback" not in err
    assert run.state == "running"
    (held / "go").touch()
    said = lastgood("run", run.id, "--here")
    assert (said.code, shop.version) == (0, GOOD), said.out + said.err


def test_the_emergency_path_needs_nothing_but_the_state_folder(alone, production):  # noqa: F811
    production.start()
    with alone(), reachable():
        with transaction() as session:
            seed(session, production)
        observe()
        production.break_it()
        observe()
        database.engine().dispose()
    with alone():
        working = terminal("rollback", "shop", "--here", "--yes", "--json", "--as", ANA)
        out, err = working.communicate(timeout=120)
        assert (working.returncode, err) == (0, "")
        assert json.loads(out)["state"] == "succeeded"
        assert production.version == GOOD
        listed, _ = terminal("services", "--json", "--as", ANA).communicate(timeout=60)
        assert json.loads(listed)[0]["service"] == "shop"
        told, err = terminal("doctor", "--json").communicate(timeout=60)
        found = {one["what"]: one["ok"] for one in json.loads(told or err)}
        assert (found["database"], found["key"], found["durability"], found["web"]) == (True, True, True, False)


@pytest.fixture
def alone(console):
    """`with alone():` the settings of a machine where nothing of the console runs: one state folder, and no address of a store."""
    with tempfile.TemporaryDirectory(prefix="lastgood-cli-") as folder:
        Path(folder).chmod(0o755)
        stores = ("DATABASE_URL", "MIGRATION_DATABASE_URL", "REDIS_URL")

        @contextmanager
        def run():
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("LASTGOOD_STATE_DIR", f"{folder}/state")
                for store in stores:
                    patch.setenv(f"LASTGOOD_{store}", "")
                _forget()
                yield
            _forget()

        yield run


def _forget():
    settings.cache_clear()
    sealing.reset()
    database.reset()
