"""Whole runs on a real cluster: planned, confirmed, carried by the engine, and carried on where a runner died or froze."""

import os
import signal
import subprocess
import sys

import pytest
from sqlalchemy import select

from app.catalog.models import Release
from app.catalog.observing import observe
from app.core.database import transaction
from app.runs import actions, engine, leases, plans, resolving
from app.runs.models import Plan, Run, Step
from app.runs.states import RunState
from tests.factories import make_cluster, make_person, make_service, make_target

# a runner of its own process: at the named point it dies without a word, freezes, or errs
RUNNER = """
import os, signal, sys
from app.runs import engine
run_id, point, way = int(sys.argv[1]), sys.argv[2], sys.argv[3]
def hit(name):
    if name == point:
        if way == "exit":
            os._exit(137)
        if way == "freeze":
            os.kill(os.getpid(), signal.SIGSTOP)
        if way == "error":
            raise RuntimeError("an error of the console")
engine.execute(run_id, worker="the-first", hit=hit)
"""


class Stage:
    """A service on the cluster whose good release was seen before the bad one went out."""

    def __init__(self, shop):
        self.shop = shop
        shop.create("Deployment")
        shop.rolled_out("Deployment")
        with transaction() as session:
            self.ana = make_person(session, "Ana Ruiz")
            self.service = make_service(session)
            cluster = make_cluster(session, shop.credentials["kubeconfig"])
            self.target = make_target(session, self.service, cluster=cluster, namespace=shop.namespace)
        observe(f"target-{self.target.id}", {})
        shop.rolled_out("Deployment", "v1.2.4-bad")
        observe(f"target-{self.target.id}", {})

    def plan(self, kind, **request):
        with transaction() as session:
            good = session.scalars(select(Release).where(Release.target_id == self.target.id, Release.version == "v1.2.3")).one()
            release = good if kind == "rollback" else None
            plan = plans.ask(session, kind=kind, service=self.service, target=self.target, by=self.ana, release=release, request=request)
        return self.resolved(plan)

    def resolved(self, plan):
        resolving.resolve(f"plan-{plan.id}", {})
        with transaction() as session:
            plan = session.get_one(Plan, plan.id)
        assert plan.state == "ready", plan.problem
        return plan

    def start(self, plan):
        with transaction() as session:
            plan = session.get_one(Plan, plan.id)
            return actions.request(session, plan, digest=plan.digest, nonce=f"n{plan.id}", by=self.ana)

    def undo(self, run):
        with transaction() as session:
            plan = actions.undo(session, session.get_one(Run, run.id), by=self.ana)
        return self.resolved(plan)

    def carried(self, run):
        """The run at its end, by whichever worker it took."""
        self.shop.until(lambda: engine.execute(run.id, worker="tester") or self.is_over(run))
        with transaction() as session:
            return session.get_one(Run, run.id)

    def is_over(self, run):
        with transaction() as session:
            return session.get_one(Run, run.id).is_over

    def steps(self, run):
        with transaction() as session:
            return {step.action: step for step in session.scalars(select(Step).where(Step.run_id == run.id))}

    def image(self):
        return self.shop.get("Deployment")["spec"]["template"]["spec"]["containers"][0]["image"].partition(":")[2]

    def revisions(self):
        """How often the template was really changed: each change renumbers the revision."""
        return int(self.shop.get("Deployment")["metadata"]["annotations"]["deployment.kubernetes.io/revision"])


@pytest.fixture
def stage(console, shop):
    yield Stage(shop)
    leases.reset()


def test_back_to_the_good_release_and_forth_again_by_undo(stage):
    run = stage.carried(stage.start(stage.plan("rollback")))
    assert run.state == RunState.SUCCEEDED, run.sentence
    assert stage.image() == "v1.2.3"
    assert stage.steps(run)["kubernetes.wait"].sentence == "3 of 3 pods serve v1.2.3."
    back = stage.carried(stage.start(stage.undo(run)))
    assert back.state == RunState.SUCCEEDED, back.sentence
    assert stage.image() == "v1.2.4-bad"


@pytest.mark.parametrize(("kind", "request_", "replicas"), [("restart", {}, 3), ("scale", {"replicas": 4}, 4)])
def test_restart_and_scale_end_when_the_pods_are_there(stage, kind, request_, replicas):
    run = stage.carried(stage.start(stage.plan(kind, **request_)))
    assert run.state == RunState.SUCCEEDED, run.sentence
    assert stage.shop.read("Deployment").ready == replicas


def test_a_world_that_moved_after_the_confirmation_is_left_alone_and_named(stage):
    run = stage.start(stage.plan("rollback"))
    stage.shop.rolled_out("Deployment", "v1.3.0")
    run = stage.carried(run)
    assert run.state == RunState.FAILED
    assert "v1.3.0" in run.sentence
    assert stage.image() == "v1.3.0"


@pytest.mark.parametrize(
    ("point", "way"),
    [
        ("before_call", "exit"),
        ("after_call", "exit"),
        ("after_call", "error"),
        ("before_call", "freeze"),
    ],
)
def test_a_runner_that_stops_anywhere_costs_time_and_neither_loses_nor_repeats_the_effect(stage, point, way):
    run = stage.start(stage.plan("rollback"))
    before = stage.revisions()
    runner = subprocess.Popen([sys.executable, "-c", RUNNER, str(run.id), point, way])
    if way == "freeze":
        stage.shop.until(lambda: _state(runner.pid) == "T", within_s=60)
    else:
        runner.wait(timeout=60)
    run = stage.carried(run)
    if way == "freeze":
        os.kill(runner.pid, signal.SIGCONT)  # it wakes, finds that the run is not its own any more, and must not act
        runner.wait(timeout=60)
    assert run.state == RunState.SUCCEEDED, run.sentence
    assert stage.image() == "v1.2.3"
    assert stage.revisions() == before + 1


def _state(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0]
