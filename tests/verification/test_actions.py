import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from app.core.clock import now
from app.core.database import transaction
from app.core.errors import NotFound, Refused
from app.incidents.models import Incident
from app.incidents.states import State
from app.runs.models import Plan, Run, Step
from app.verification import actions, contracts, queries
from app.verification.models import Verification
from tests.factories import make_incident, make_person, make_release, make_service, make_target


def make_run(session, watch, *, kind="rollback", contract=None, state="succeeded", release=None, target=None, incident=None, ended=None):
    """A run as the engine leaves it behind."""
    target = target or make_target(session, watch.service)
    plan = Plan(
        kind=kind,
        service_id=watch.service.id,
        target_id=target.id,
        release_id=release.id if release else None,
        incident_id=incident.id if incident else None,
        request={},
        state="ready",
        digest="d",
        contract=watch.contract() if contract is None else contract,
        made_by_id=watch.ana.id,
    )
    session.add(plan)
    session.flush()
    moment = ended or now()
    run = Run(
        plan_id=plan.id,
        plan_digest="d",
        service_id=watch.service.id,
        incident_id=plan.incident_id,
        state=state,
        idempotency_key=f"run-{plan.id}",
        requested_by_id=watch.ana.id,
        started_at=moment - timedelta(minutes=2),
        ended_at=moment if state in {"succeeded", "failed"} else None,
    )
    session.add(run)
    session.flush()
    begun = moment - timedelta(seconds=100)
    session.add(Step(run_id=run.id, position=1, action="git.deploy", title="Deploy", state="succeeded", intent_at=begun, observed={}))
    session.flush()
    return run


def count(session):
    return session.scalar(select(func.count()).select_from(Verification))


def test_a_run_that_succeeded_is_watched_once_with_what_should_run(watch):
    with transaction() as session:
        target = make_target(session, watch.service)
        good = make_release(session, target, "v1.2.3", facts={"images": [], "image_ids": ["sha256:good"]})
        incident = make_incident(session, watch.service, by=watch.ana)
        run = make_run(session, watch, release=good, target=target, incident=incident)
        expected = {"version": "v1.2.3", "image_ids": ["sha256:good"], "target_id": target.id}
    with transaction() as session:
        (verification,) = actions.start_due(session)
        assert actions.start_due(session) == []
        assert (verification.run_id, verification.began_at, verification.asked_by_id) == (run.id, run.ended_at, watch.ana.id)
        assert verification.acted_at == run.ended_at - timedelta(seconds=100)
        assert verification.expected == expected
        assert session.get_one(Incident, incident.id).state == State.VERIFYING
        assert queries.of_run(session, run).id == verification.id
        assert [one.id for one in queries.of_incident(session, incident)] == [verification.id]


def test_runs_that_failed_promised_nothing_stopped_it_or_ended_long_ago_are_not_watched(watch):
    with transaction() as session:
        make_run(session, watch, kind="scale_to_zero")
        make_run(session, watch, state="failed")
        make_run(session, watch, contract={})
        make_run(session, watch, contract=watch.contract(watch.check(required=False)))
        make_run(session, watch, ended=now() - timedelta(days=2))
    with transaction() as session:
        assert actions.start_due(session) == []


def test_two_sweeps_at_once_begin_one_watch(watch):
    with transaction() as session:
        make_run(session, watch)
    barrier = threading.Barrier(2)

    def sweep():
        with transaction() as session:
            barrier.wait()
            actions.start_due(session)

    threads = [threading.Thread(target=sweep) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with transaction() as session:
        assert count(session) == 1


def test_by_hand_the_same_wish_twice_gives_the_same_watch(watch):
    with transaction() as session:
        made = [actions.start(session, service=watch.service, contract=watch.contract(), by=watch.ana) for _ in range(2)]
        assert made[0].id == made[1].id
        assert (made[0].run_id, made[0].asked_by_id, made[0].expected) == (None, watch.ana.id, {})
        assert queries.watching(session, watch.service).id == made[0].id


def test_a_new_run_ends_the_older_watch_without_a_verdict(watch):
    with transaction() as session:
        older = actions.start(session, service=watch.service, contract=watch.contract(), by=watch.ana)
        run = make_run(session, watch)
        actions.start_due(session)
        session.refresh(older)
        assert (older.state, older.verdict) == ("canceled", None)
        assert older.sentence == f"Ended without a verdict: run {run.id} took over from here."


def test_an_incident_that_is_further_on_is_not_moved_back(watch):
    with transaction() as session:
        incident = make_incident(session, watch.service, by=watch.ana)
        session.execute(text("UPDATE incidents SET state = 'resolved', resolved_at = now()"))
        session.refresh(incident)
        actions.start(session, service=watch.service, contract=watch.contract(), incident=incident, by=watch.ana)
        assert incident.state == "resolved"


def test_without_a_check_that_counts_nothing_is_started(watch):
    with transaction() as session, pytest.raises(Refused, match="No check of Login counts"):
        actions.start(session, service=watch.service, contract=watch.contract(watch.check(required=False)), by=watch.ana)


def test_who_may_not_see_the_service_does_not_see_its_verification(watch):
    with transaction() as session:
        made = actions.start(session, service=watch.service, contract=watch.contract(), by=watch.ana)
        other = make_person(session, "Sam Okafor", "viewer", service=make_service(session, "shop"))
        session.flush()
        with pytest.raises(NotFound):
            queries.get(session, made.id, reach=other.reach())
        assert queries.get(session, made.id, reach=watch.ana.reach()).service.name == "Login"


def test_the_default_contract_of_a_service_can_be_started_as_it_is(watch):
    with transaction() as session:
        contract = contracts.default(session, watch.service)
        made = actions.start(session, service=watch.service, contract=contract, by=watch.ana)
        assert made.deadline_at - made.began_at == timedelta(seconds=contract["deadline_s"])
