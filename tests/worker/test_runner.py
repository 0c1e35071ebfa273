"""Real runner processes, with a real Valkey, a dead one, and a PostgreSQL that restarts under them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from app.core import queue
from app.core.database import transaction
from app.core.settings import settings
from app.core.valkey import EmbeddedValkey
from app.executors import registry
from app.runs import leases
from app.runs.models import Run, Worker
from app.runs.states import RunState
from tests import fakes
from tests.runs.arrange import Stage, until

ROOT = Path(__file__).parent.parent.parent
RUNNER = """
import sys
from app.executors import registry
from app.worker.main import runner
from tests import fakes

registry.register(*fakes.FAKES)
registry.TOOLS.clear()  # the real tools take a second to import
runner(sys.argv[1])
"""


@pytest.fixture
def stage(console, tmp_path):
    registry.register(*fakes.FAKES)
    yield Stage(fakes.World(tmp_path / "world.json"))
    leases.reset()


@pytest.fixture
def start(console, tmp_path):
    """Start runner processes that know the fake actions; all of them are stopped afterwards."""
    started = []

    def start(name="run", **env):
        argv = [sys.executable, "-c", RUNNER, name]
        env = {**os.environ, **{f"LASTGOOD_{key}": value for key, value in env.items()}}
        log = (tmp_path / f"runner-{len(started)}.log").open("wb")
        process = subprocess.Popen(argv, cwd=ROOT, env=env, stdout=log, stderr=log)
        started.append(process)
        with transaction() as session:
            before = len(session.scalars(select(Worker)).all())
        until(lambda: _present() > before, seconds=30, what="a runner's presence")
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def _present():
    with transaction() as session:
        return len(session.scalars(select(Worker)).all())


def state(run):
    with transaction() as session:
        return session.get_one(Run, run.id).state


def test_with_redis_dead_a_run_still_starts_within_five_seconds(stage, start):
    start(REDIS_URL="redis://127.0.0.1:1/0", SWEEP_S="1")
    asked = time.monotonic()
    run = stage.run()
    until(lambda: state(run) == RunState.SUCCEEDED, seconds=10)
    assert time.monotonic() - asked < 5


def test_a_bell_wakes_the_runner_at_once_and_term_lets_it_finish(stage, start, tmp_path, monkeypatch):
    valkey = EmbeddedValkey(tmp_path)
    valkey.start()
    try:
        # it looks by itself only once in 30 s: what starts sooner was rung for
        runner = start(REDIS_URL=valkey.url, SWEEP_S="30")
        monkeypatch.setenv("LASTGOOD_REDIS_URL", valkey.url)
        settings.cache_clear()
        queue.celery.conf.broker_url = valkey.url
        queue.celery._after_fork()  # another test's broker is forgotten, as in a process of its own
        run = stage.run(stage.part("fake.switch", takes_s=30))
        until(lambda: stage.effects(), seconds=10)
        runner.send_signal(signal.SIGTERM)
        assert runner.wait(15) == 0
        assert state(run) == RunState.QUEUED
        assert len(stage.effects()) == 1
        assert _present() == 0
    finally:
        valkey.stop()


def test_a_runner_outlives_a_restart_of_postgresql(stage, start, postgres):
    start()
    first = stage.run(stage.part("fake.switch", takes_s=3, effect_deadline_s=1))
    until(stage.effects)
    with postgres.connect() as connection:
        # what a restart looks like from outside: everybody is cut off, and nobody gets in for longer than a lease
        connection.execute("ALTER DATABASE test_own ALLOW_CONNECTIONS false")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'test_own'")
        back = time.monotonic() + 1.5 * settings().lease_s
        until(lambda: time.monotonic() > back)
        connection.execute("ALTER DATABASE test_own ALLOW_CONNECTIONS true")
    until(lambda: state(first) == RunState.SUCCEEDED, seconds=30)
    assert len(stage.effects()) == 1
    second = Stage(stage.world)
    run = second.run()
    until(lambda: state(run) == RunState.SUCCEEDED, seconds=20)


def test_a_killed_runner_is_taken_over_and_nothing_happens_twice(stage, start):
    runner = start()
    run = stage.run(stage.part("fake.switch", takes_s=4), stage.part("fake.spend"))
    until(stage.effects)
    runner.kill()
    start()
    until(lambda: state(run) == RunState.SUCCEEDED, seconds=30)
    assert len(stage.effects()) == 2
