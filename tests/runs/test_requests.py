"""Asking for a run: once, on an exact plan, one at a time on a target, with a second person where it is destructive."""

import threading

import pytest
from sqlalchemy import select, text

from app.accounts.policy import Role
from app.audit.models import AuditEntry
from app.core.database import transaction
from app.core.errors import Conflict, Forbidden, Refused
from app.incidents.models import TimelineEntry
from app.runs import actions, approvals, plans, queries, settling, sweeping
from app.runs.models import Plan, Run, RunLock
from app.runs.resolving import resolve
from app.runs.states import RunState, StepState
from tests.runs.arrange import carry, person, until
from tests.runs.test_engine import cut_at


def do(verb, run, **words):
    with transaction() as session:
        return verb(session, session.get_one(Run, run.id), **words)


def state(run):
    with transaction() as session:
        return session.get_one(Run, run.id).state


@pytest.fixture
def bo(stage):
    return person("Bo Lind", Role.APPROVER)


@pytest.fixture
def wipe(stage):
    """A destructive run that waits for a second person."""
    return stage.request(stage.plan(stage.part("fake.wipe")))


def test_fifty_requests_at_once_make_one_run(stage):
    plans_made = [stage.plan() for _ in range(5)]
    made, refused = [], []

    def click(number):
        try:
            made.append(stage.request(plans_made[number % 5]).id)
        except Conflict as conflict:
            refused.append(conflict)

    threads = [threading.Thread(target=click, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert {conflict.link for conflict in refused} == {f"/runs/{made[0]}"}
    assert len(refused) == 49


def test_the_same_form_sent_twice_at_once_gives_the_same_run(stage):
    plan, ids = stage.plan(), []
    threads = [threading.Thread(target=lambda: ids.append(stage.request(plan, nonce="same").id)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 10
    assert len(set(ids)) == 1


def test_a_busy_target_names_its_run(stage):
    first = stage.run()
    with pytest.raises(Conflict, match=f"Run {first.id} .*Ana Ruiz.* holds") as conflict:
        stage.run()
    assert conflict.value.link == f"/runs/{first.id}"


def test_a_refused_request_leaves_nothing_behind(stage):
    stage.run()
    with pytest.raises(Conflict):
        stage.run()
    with transaction() as session:
        assert len(session.scalars(select(Run)).all()) == 1


def test_a_plan_that_is_another_one_by_now_starts_nothing(stage):
    with pytest.raises(Conflict, match="another one than the page showed"):
        stage.request(stage.plan(), digest="0" * 64)


def test_a_plan_that_cannot_work_starts_nothing(stage):
    plan = stage.plan()
    with transaction() as session:
        blocked = Plan(kind="rollback", service_id=plan.service_id, target_id=plan.target_id, request={}, made_by_id=stage.ana.id)
        blocked.state, blocked.problem = "failed", "The cluster does not answer."
        session.add(blocked)
    with pytest.raises(Refused, match="could not be made, so nothing was started: The cluster does not answer"):
        stage.request(blocked, digest="x")


def test_a_contract_is_agreed_on_until_the_start_and_not_after(stage):
    plan = stage.plan()
    with transaction() as session:
        plans.set_contract(session, session.get_one(Plan, plan.id), {"soak_s": 60, "checks": []}, by=stage.ana)
    stage.request(plan)
    with transaction() as session, pytest.raises(Refused, match="They stay as agreed"):
        plans.set_contract(session, session.get_one(Plan, plan.id), {"soak_s": 1, "checks": []}, by=stage.ana)
    assert stage.row(Plan, plan.id).contract["soak_s"] == 60


def test_a_queued_run_is_canceled_at_once(stage):
    run = stage.run()
    do(actions.cancel, run, by=stage.ana)
    ended = stage.row(Run, run.id)
    assert (ended.state, ended.sentence) == ("canceled", "Ana Ruiz canceled it before it began. Nothing was changed.")
    assert carry(run).state == RunState.CANCELED
    assert stage.effects() == []
    stage.run()  # the target is free


def test_cancel_that_and_start_this(stage):
    busy = stage.run(stage.part("fake.switch", takes_s=60))
    worker = threading.Thread(target=carry, args=(busy,))
    worker.start()
    until(stage.effects)
    plan = stage.plan(stage.part("fake.spend"))
    with transaction() as session:
        own = session.get_one(Plan, plan.id)
        run = actions.cancel_and_start(session, session.get_one(Run, busy.id), own, digest=own.digest, nonce="n", by=stage.ana)
        assert run.state == RunState.DRAFT
    worker.join()
    assert state(busy) == RunState.CANCELED
    assert state(run) == RunState.QUEUED
    with transaction() as session:
        assert session.scalars(select(RunLock.run_id)).all() == [run.id]
    assert carry(run).state == RunState.SUCCEEDED


def test_a_second_person_approves_and_the_requester_starts(stage, wipe, bo):
    assert wipe.state == RunState.AWAITING_APPROVAL
    with pytest.raises(Refused, match="Nobody has approved"):
        do(actions.confirm, wipe, by=stage.ana)
    do(approvals.approve, wipe, digest=wipe.plan_digest, by=bo)
    assert state(wipe) == RunState.AWAITING_APPROVAL
    with pytest.raises(Refused, match="Ana Ruiz asked for run"):
        do(actions.confirm, wipe, by=bo)
    do(actions.confirm, wipe, by=stage.ana)
    assert carry(wipe).state == RunState.SUCCEEDED


def test_nobody_approves_their_own_request(stage, wipe):
    ana = person("Ana Two", Role.APPROVER, Role.COMMANDER)
    run = stage.request(stage.plan(stage.part("fake.wipe")), by=ana)
    with pytest.raises(Refused, match="somebody else decides"):
        do(approvals.approve, run, digest=run.plan_digest, by=ana)


def test_an_approval_takes_the_role_the_digest_and_the_password(stage, wipe, bo):
    with pytest.raises(Forbidden):
        do(approvals.approve, wipe, digest=wipe.plan_digest, by=person("Cy", Role.RESPONDER))
    with pytest.raises(Conflict, match="another one than the page showed"):
        do(approvals.approve, wipe, digest="0" * 64, by=bo)
    with pytest.raises(Refused, match="Give your password again"):
        do(approvals.approve, wipe, digest=wipe.plan_digest, by=person("Di", Role.APPROVER, stepped_up=False))


def test_of_two_approvers_at_once_one_is_told(stage, wipe, bo):
    both, told = [bo, person("Cy", Role.APPROVER)], []

    def approve(by):
        try:
            do(approvals.approve, wipe, digest=wipe.plan_digest, by=by)
        except Conflict as conflict:
            told.append(conflict.sentence)

    threads = [threading.Thread(target=approve, args=(by,)) for by in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 1
    assert "approved already" in told[0]


def test_a_rejection_ends_the_request_with_its_reason(stage, wipe, bo):
    with pytest.raises(Refused, match="Say why"):
        do(approvals.reject, wipe, digest=wipe.plan_digest, by=bo)
    do(approvals.reject, wipe, digest=wipe.plan_digest, reason="Not during the sale", by=bo)
    assert stage.row(Run, wipe.id).sentence == "Bo Lind rejected it: Not during the sale"


def test_a_request_that_nobody_answers_expires(stage, wipe, bo):
    with transaction() as session:
        session.execute(text("UPDATE runs SET expires_at = now() - interval '1 second'"))
    with pytest.raises(Refused, match="has expired"):
        do(approvals.approve, wipe, digest=wipe.plan_digest, by=bo)
    with transaction() as session:
        sweeping.sweep(session)
    assert state(wipe) == RunState.EXPIRED


def test_breaking_the_glass_is_loud(stage, wipe):
    with pytest.raises(Forbidden):
        do(approvals.break_glass, wipe, reason="Everything is burning", by=person("Cy", Role.RESPONDER))
    with pytest.raises(Refused, match="why it cannot wait"):
        do(approvals.break_glass, wipe, reason="now", by=person("Di", Role.COMMANDER))
    do(approvals.break_glass, wipe, reason="Everything is burning", by=person("Eve Ash", Role.COMMANDER))
    assert state(wipe) == RunState.QUEUED
    with transaction() as session:
        lines = session.scalars(select(TimelineEntry.body)).all()
        audited = session.scalars(select(AuditEntry).where(AuditEntry.action == "run.break_glass")).one()
    assert any("broke the glass" in line and "Everything is burning" in line for line in lines)
    assert audited.actor_name == "Eve Ash"


@pytest.fixture
def parked(stage):
    """A run whose opaque step lost its answer."""
    run = carry(stage.run(stage.part("fake.press"), stage.part("fake.spend")), hit=cut_at("mid_call"))
    assert run.state == RunState.NEEDS_ATTENTION
    return run


@pytest.mark.parametrize(
    ("answer", "ends", "effects"),
    [("happened", "succeeded", 2), ("skip", "succeeded", 2), ("did_not_happen", "succeeded", 3), ("end", "failed", 1)],
)
def test_a_person_answers_and_the_run_goes_on(stage, parked, answer, ends, effects):
    eve = person("Eve Ash", Role.COMMANDER)
    do(settling.settle, parked, position=1, answer=answer, reason="Seen on the console", by=eve)
    assert carry(parked).state == ends
    assert len(stage.effects()) == effects
    if answer == "happened":
        assert stage.steps(parked)[0].observed["evidence"]["settled_by"] == "Eve Ash"


def test_an_answer_takes_a_reason_a_commander_and_the_password(stage, parked):
    with pytest.raises(Forbidden):
        do(settling.settle, parked, position=1, answer="happened", reason="x", by=person("Cy", Role.RESPONDER))
    with pytest.raises(Refused, match="Say what you saw"):
        do(settling.settle, parked, position=1, answer="happened", reason=" ", by=person("Di", Role.COMMANDER))
    with pytest.raises(Refused, match="password"):
        do(settling.settle, parked, position=1, answer="happened", reason="x", by=person("Eve", Role.COMMANDER, stepped_up=False))
    with pytest.raises(Refused, match="cannot be canceled before its open question"):
        do(actions.cancel, parked, by=stage.ana)


def test_a_finished_run_is_taken_back_by_a_plan_of_its_own(stage):
    run = carry(stage.run(stage.part("fake.switch"), stage.part("fake.spend")))
    plan = do(actions.undo, run, by=stage.ana)
    resolve(f"plan-{plan.id}", {})
    plan = stage.row(Plan, plan.id)
    assert (plan.state, plan.undoes_run_id, plan.incident_id) == ("ready", run.id, run.incident_id)
    back = carry(stage.request(plan))
    assert back.state == RunState.SUCCEEDED
    assert stage.world.target(stage.thing)["version"] == "v1.2.4"


def test_a_run_without_an_effect_has_nothing_to_take_back(stage):
    run = stage.run()
    do(actions.cancel, run, by=stage.ana)
    with pytest.raises(Refused, match="nothing to take back"):
        do(actions.undo, run, by=stage.ana)


def test_a_retry_is_a_new_plan_for_the_same_goal(stage):
    run = stage.run()
    with pytest.raises(Refused, match="nothing to try again"):
        do(actions.retry, run, by=stage.ana)


def test_history_says_how_long_it_usually_takes(stage):
    for version in ("v1.2.3", "v1.2.2"):
        carry(stage.run(stage.part("fake.switch", version=version)))
    with transaction() as session:
        durations = queries.usual_duration(session, stage.target, "rollback")
    assert len(durations) == 2
    assert stage.plan().expected_from == {"runs": durations}


def test_a_step_that_was_settled_never_changes_again(stage, parked):
    do(settling.settle, parked, position=1, answer="skip", reason="Not needed", by=person("Eve Ash", Role.COMMANDER))
    assert stage.steps(parked)[0].state == StepState.SKIPPED
    with transaction() as session, pytest.raises(Exception, match="never changes"):
        session.execute(text("UPDATE steps SET sentence = 'rewritten' WHERE position = 1"))
