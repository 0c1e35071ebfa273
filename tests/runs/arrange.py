"""Plans and runs of fake steps, made by the real resolving and the real requests."""

import threading
import time
from dataclasses import replace
from datetime import timedelta
from itertools import count

from sqlalchemy import select

from app.accounts.models import SignIn
from app.accounts.policy import Role
from app.core.clock import now
from app.core.database import transaction
from app.executors import registry
from app.runs import actions, approvals, engine, grounds, leases, resolving
from app.runs.models import Plan, Run, Step
from app.runs.recipes import Part
from app.runs.states import RUN_ENDED, RunState
from tests.factories import make_cluster, make_incident, make_person, make_service, make_target

_nonces = count(1)
AT_REST = RUN_ENDED | {RunState.NEEDS_ATTENTION}


def person(name, *roles, stepped_up=True):
    """Somebody signed in, who has just given the password again."""
    with transaction() as session:
        someone = make_person(session, name, *roles)
        at = now() if stepped_up else now() - timedelta(minutes=6)
        token = f"{name}-{someone.id}".encode()
        row = SignIn(user_id=someone.id, token_hash=token, csrf_token="c", expires_at=now() + timedelta(hours=1), stepped_up_at=at)
        session.add(row)
        session.flush()
        return replace(someone, session_id=row.id)


class Stage:
    """A person, a service, a target and a world to act on. Each stage has a target of its own.

    With a kubeconfig the target is the Deployment of its name in that namespace; whoever wants it there creates it.
    """

    _numbers = count(1)

    def __init__(self, world=None, *, kubeconfig="", namespace=""):
        self.world = world
        self.thing = f"thing-{next(self._numbers)}"
        if world:
            world.add(self.thing)
        with transaction() as session:
            self.ana = make_person(session, "Ana Ruiz")
            self.service = make_service(session)
            cluster = make_cluster(session, kubeconfig) if kubeconfig else None
            self.target = make_target(session, self.service, cluster=cluster, name=self.thing, namespace=namespace)
            self.incident = make_incident(session, self.service, by=self.ana)

    def part(self, action, **params):
        return Part(action, {"world": str(self.world.path), "target": self.thing, **params})

    def plan(self, *parts, incident=True, contract=None, release=None):
        """A ready plan of these parts."""
        with transaction() as session:
            plan = Plan(
                kind="rollback",
                service_id=self.service.id,
                target_id=self.target.id,
                incident_id=self.incident.id if incident else None,
                release_id=release.id if release else None,
                request={},
                contract=contract or {},
                made_by_id=self.ana.id,
            )
            session.add(plan)
            session.flush()
            ctx = grounds.context(session, self.target, f"plan-{plan.id}")
        resolving.pin(plan.id, list(parts) or [self.part("fake.switch")], ctx)
        return self.row(Plan, plan.id)

    def request(self, plan=None, *, by=None, nonce=None, digest=None):
        plan = plan or self.plan()
        with transaction() as session:
            own = session.get_one(Plan, plan.id)
            return actions.request(session, own, digest=digest or own.digest, nonce=nonce or f"n{next(_nonces)}", by=by or self.ana)

    def run(self, *parts):
        """A queued run of these parts."""
        return self.request(self.plan(*parts))

    def started(self, *parts):
        """The same, and where it takes a second person, with the word of one."""
        run = self.run(*parts)
        if run.state == RunState.AWAITING_APPROVAL:
            bo = person("Bo Lind", Role.APPROVER)
            with transaction() as session:
                own = session.get_one(Run, run.id)
                approvals.approve(session, own, digest=own.plan_digest, by=bo)
                actions.confirm(session, own, by=self.ana)
        return run

    def run_with(self, action, **params):
        """A queued run of one step by an action of the test's own."""
        registry.register(action)
        return self.run(self.part(action.name, **params))

    def row(self, model, key):
        with transaction() as session:
            return session.get_one(model, key)

    def steps(self, run):
        with transaction() as session:
            return list(session.scalars(select(Step).where(Step.run_id == run.id).order_by(Step.position)))

    def effects(self):
        return self.world.effects(self.thing)


def carry(run, *, worker="tester", **options):
    """What workers make of the run, one after the other; the run as it is when none of them has it any more.

    On a busy machine one may lose its lease of a second, and the next one takes over.
    """

    def carried():
        engine.execute(run.id, worker=worker, **options)
        with transaction() as session:
            return current if (current := session.get_one(Run, run.id)).state != RunState.RUNNING else None

    return until(carried, seconds=60, what="the end of the run")


def until(question, *, seconds=20, what="it"):
    """The first true answer; the test fails where it does not come in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def rescue(run_ids, *, seconds=60, workers=8):
    """Workers that take whatever is due, until each of these runs is at rest. Returns the runs."""
    over = threading.Event()

    def work(name):
        while not over.is_set():
            with transaction() as session:
                due = [run_id for run_id in leases.due(session) if run_id in run_ids]
            for run_id in due:
                engine.execute(run_id, worker=name)
            over.wait(0.05)

    threads = [threading.Thread(target=work, args=(f"rescuer-{number}",)) for number in range(workers)]
    for thread in threads:
        thread.start()
    try:
        return until(lambda: _all_at_rest(run_ids), seconds=seconds, what="rest")
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _all_at_rest(run_ids):
    with transaction() as session:
        runs = list(session.scalars(select(Run).where(Run.id.in_(run_ids))))
    return runs if all(RunState(run.state) in AT_REST for run in runs) else None
