"""The story of the demo, told by the domain: v1.2.4 goes out, is rolled back by a commit and a deploy, and the rollback is undone."""

from sqlalchemy import select

from app.accounts.policy import SYSTEM
from app.catalog import observing, queries, readings, releases
from app.catalog.models import Target
from app.core.database import transaction
from app.demo import people
from app.demo.repository import BAD, GOOD
from app.demo.seed import seed
from app.executors.git.reading import read_branch
from app.response import recover
from app.runs import actions, engine, resolving
from app.runs import queries as runs
from app.runs.grounds import context
from tests.core.test_processes import until

REACH = SYSTEM.reach()


def planned(ask):
    """Ask for a plan, have the runner resolve it, and return its id and digest."""
    with transaction() as session:
        plan_id = ask(session).id
    resolving.resolve(f"plan-{plan_id}", {})
    with transaction() as session:
        plan = runs.get_plan(session, plan_id, reach=REACH)
        assert (plan.state, plan.problem) == ("ready", "")
        return plan_id, plan.digest


def carried_out(plan_id, digest):
    """Confirm the plan and have the runner execute it; returns the run's id."""
    with transaction() as session:
        ana = people.person(session, people.COMMANDER)
        plan = runs.get_plan(session, plan_id, reach=REACH)
        run_id = recover.start(session, plan, digest=digest, nonce=f"nonce-{plan_id}", by=ana).id
    engine.execute(run_id, worker="test")
    with transaction() as session:
        run = runs.get_run(session, run_id, reach=REACH)
        assert (run.state, [step.state for step in run.steps]) == ("succeeded", ["succeeded", "succeeded"]), run.sentence
    return run_id


def test_the_release_that_broke_the_shop_is_rolled_back_and_the_rollback_is_undone(console, production):
    production.start()
    with transaction() as session:
        seed(session, production)
        target_id = session.scalars(select(Target.id)).one()
    observing.observe(f"target-{target_id}", {})
    production.break_it()
    observing.observe(f"target-{target_id}", {})

    def preview(session):
        target = queries.get_target(session, target_id, reach=REACH)
        return recover.preview(session, kind="rollback", target=target, by=people.person(session, people.COMMANDER))

    plan_id, digest = planned(preview)
    with transaction() as session:
        steps = runs.get_plan(session, plan_id, reach=REACH).steps
        assert [step.action for step in steps] == ["git.return_to", "git.deploy"]
        assert [(step.shown["version_now"], step.shown["version_after"]) for step in steps] == [(BAD, GOOD), (BAD, GOOD)]
        assert "Taken back: v1.2.4" in [fact["label"] for fact in steps[0].shown["facts"]]

    run_id = carried_out(plan_id, digest)
    assert production.version == GOOD
    with transaction() as session:
        target = queries.get_target(session, target_id, reach=REACH)
        ctx = context(session, target, "look")
        said = "".join(chunk.text for chunk in runs.output(session, runs.get_run(session, run_id, reach=REACH), 2))
    assert said.splitlines()[-1].startswith("v1.2.3 answers after")
    assert read_branch({}, target.config["repository"], "main", ctx, local=True).version == GOOD
    observing.observe(f"target-{target_id}", {})
    with transaction() as session:
        target = queries.get_target(session, target_id, reach=REACH)
        assert releases.current(session, target).release.version == GOOD

    def undo(session):
        return actions.undo(session, runs.get_run(session, run_id, reach=REACH), by=people.person(session, people.COMMANDER))

    carried_out(*planned(undo))
    assert production.version == BAD
    assert read_branch({}, target.config["repository"], "main", ctx, local=True).version == BAD


def test_the_checks_of_the_shop_tell_its_two_versions_apart(console, production):
    production.start()
    with transaction() as session:
        seed(session, production)
        target_id = session.scalars(select(Target.id)).one()

    def outcomes():
        observing.observe(f"target-{target_id}", {})
        with transaction() as session:
            service = queries.get_service(session, "shop", reach=REACH)
            newest = readings.newest(session, queries.checks_of(session, service))
            return {check.name: newest[check.id].outcome for check in queries.checks_of(session, service) if check.id in newest}

    fine = dict.fromkeys(["Health", "Version", "Failed log-ins", "Time to log in", "A customer's visit"], "pass")
    until(lambda: outcomes() == fine, limit_s=60)
    production.break_it()
    until(lambda: outcomes() == fine | {"Failed log-ins": "fail", "Time to log in": "fail"}, limit_s=90)
