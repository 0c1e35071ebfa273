"""How a run goes when nobody dies."""

import threading
import time

from sqlalchemy import select

from app.catalog import credentials, releases
from app.catalog.models import Look, Target
from app.core import sealing
from app.core.database import transaction
from app.executors.base import OutcomeUnknown, Seen, Standing, StepFailed, Unreachable
from app.incidents.models import TimelineEntry
from app.runs import actions, engine, queries
from app.runs.lookout import FIRST_PAUSE_S, Lookout
from app.runs.models import Run, RunEvent, RunLock
from app.runs.states import RunState, StepState
from tests.factories import make_release
from tests.fakes import FakeSwitch
from tests.runs.arrange import carry, until


def lines(stage):
    with transaction() as session:
        query = select(TimelineEntry.body).where(TimelineEntry.incident_id == stage.incident.id).order_by(TimelineEntry.id)
        return list(session.scalars(query))


def test_a_run_does_its_steps_in_order_and_proves_each(stage):
    run = carry(stage.run(stage.part("fake.switch"), stage.part("fake.spend"), stage.part("fake.press")))
    assert run.state == RunState.SUCCEEDED, run.sentence
    assert [step.state for step in stage.steps(run)] == [StepState.SUCCEEDED] * 3
    assert stage.steps(run)[0].observed["sentence"] == f"{stage.thing} runs v1.2.3."
    assert [effect["operation"] for effect in stage.effects()] == [f"run-{run.id}-step-{number}" for number in (1, 2, 3)]


def test_a_run_that_ended_frees_its_target_and_stands_in_the_timeline(stage):
    run = carry(stage.run())
    with transaction() as session:
        assert session.scalars(select(RunLock)).all() == []
    told = lines(stage)
    assert any(line.startswith(f"started run {run.id}") for line in told)
    assert any(line.startswith(f"began run {run.id}") for line in told)
    assert any(line.startswith(f"ended run {run.id}") and "succeeded" in line for line in told)


def test_a_step_that_is_already_so_changes_nothing_and_says_so(stage):
    plan = stage.plan()
    stage.world.switch(stage.thing, "v1.2.3", serial=1, operation="somebody")
    run = carry(stage.request(plan))
    assert run.state == RunState.SUCCEEDED
    assert len(stage.effects()) == 1
    with transaction() as session:
        assert "already" in [event.kind for event in queries.events(session, run)]


def test_a_system_that_moved_since_the_plan_is_not_touched(stage):
    plan = stage.plan()
    stage.world.switch(stage.thing, "v1.2.5", serial=1, operation="somebody")
    run = carry(stage.request(plan))
    assert run.state == RunState.FAILED
    assert run.sentence == f"{stage.thing} runs v1.2.5, not v1.2.4 any more."
    assert stage.steps(run)[0].observed["standing"] == "drifted"
    assert len(stage.effects()) == 1


def test_progress_is_seen_while_it_happens(stage):
    run = stage.run(stage.part("fake.switch", takes_s=1.0))
    worker = threading.Thread(target=carry, args=(run,))
    worker.start()
    seen = until(lambda: next((s.observed["sentence"] for s in stage.steps(run) if s.observed), None))
    worker.join()
    assert seen.endswith("of 5 parts")
    assert stage.row(Run, run.id).state == RunState.SUCCEEDED


def test_a_target_that_moves_is_looked_at_often_and_one_that_rests_less_often(stage, monkeypatch):
    looks, pauses = [], []

    class Slow(FakeSwitch):
        name = "fake.slow"

        def observe(self, body, ctx):
            seen = super().observe(body, ctx)
            if seen.standing is Standing.DONE:
                looks.append(seen)
                if len(looks) < 9:
                    return Seen(standing=Standing.IN_PROGRESS, sentence="1 of 3" if len(looks) < 6 else "2 of 3")
            return seen

    def at_once(work, pause):
        pauses.append(round(pause / FIRST_PAUSE_S, 2))
        return pause * 2

    monkeypatch.setattr(Lookout, "sleep", at_once)
    assert carry(stage.run_with(Slow())).state == RunState.SUCCEEDED
    assert pauses == [1, 2, 4, 8, 16, 1, 2, 4]


def test_what_the_target_gives_up_on_fails_the_run(stage):
    run = carry(stage.run(stage.part("fake.switch", ends="failed"), stage.part("fake.spend")))
    assert run.state == RunState.FAILED
    assert run.sentence == "The image cannot be pulled."
    assert [step.state for step in stage.steps(run)] == [StepState.FAILED, StepState.PENDING]


def test_a_failed_run_says_what_stays_done(stage):
    run = carry(stage.run(stage.part("fake.spend"), stage.part("fake.switch", ends="failed")))
    assert "What was done before stays done: Spend" in run.sentence


def test_output_is_whole_in_order_and_without_secrets(stage):
    said = (*(f"line {number}" for number in range(2000)), "password=hunter2hunter2", "bye")
    run = carry(stage.run(stage.part("fake.switch", says=said)))
    with transaction() as session:
        chunks = queries.output(session, run, 1)
    assert all(chunk.text.endswith("\n") for chunk in chunks)
    text = "".join(chunk.text for chunk in chunks).splitlines()
    assert len(text) == len(said) == sum(chunk.lines for chunk in chunks)
    assert text[:2000] == list(said[:2000])
    assert "hunter2" not in text[2000]


def test_a_cut_reply_is_adopted_and_never_sent_again(stage):
    class Cut(FakeSwitch):
        name = "fake.cut"

        def apply(self, body, ctx):
            super().apply(body, ctx)
            raise OutcomeUnknown("The connection was cut before the answer.")

    run = carry(stage.run_with(Cut()))
    assert run.state == RunState.SUCCEEDED
    assert len(stage.effects()) == 1


def test_a_call_that_never_arrived_is_made_again_after_its_deadline(stage):
    tries = []

    class Lossy(FakeSwitch):
        name = "fake.lossy"

        def apply(self, body, ctx):
            tries.append(time.monotonic())
            if len(tries) == 1:
                raise OutcomeUnknown("No answer.")
            return super().apply(body, ctx)

    run = carry(stage.run_with(Lossy()))
    assert run.state == RunState.SUCCEEDED
    assert tries[1] - tries[0] >= 0.6  # the effect's deadline and the margin


def test_an_effect_whose_end_is_on_record_is_not_waited_out(stage):
    class Ended(FakeSwitch):
        name = "fake.ended"
        calls = 0

        def observe(self, body, ctx):
            return super().observe(body, ctx).model_copy(update={"effect_over": True})

        def apply(self, body, ctx):
            type(self).calls += 1
            if self.calls == 1:
                raise OutcomeUnknown("It was cut off.")
            return super().apply(body, ctx)

    run = stage.run_with(Ended(), effect_deadline_s=60)
    began = time.monotonic()
    assert carry(run).state == RunState.SUCCEEDED
    assert time.monotonic() - began < 20
    assert Ended.calls == 2


def test_an_opaque_step_without_an_answer_asks_a_person(stage):
    run = carry(stage.run(stage.part("fake.press")), hit=cut_at("mid_call"))
    assert run.state == RunState.NEEDS_ATTENTION
    assert "does not show whether it happened" in run.attention
    assert stage.steps(run)[0].state == StepState.UNKNOWN
    with transaction() as session:
        assert queries.busy(session, stage.target).id == run.id


def cut_at(point):
    def hit(name):
        if name == point:
            raise OutcomeUnknown("No answer.")

    return hit


def test_an_error_that_nobody_foresaw_is_unknown_and_not_failed(stage):
    class Odd(FakeSwitch):
        name = "fake.odd"

        def apply(self, body, ctx):
            super().apply(body, ctx)
            raise ZeroDivisionError

    run = carry(stage.run_with(Odd()))
    assert run.state == RunState.SUCCEEDED
    with transaction() as session:
        kinds = [event.kind for event in queries.events(session, run)]
    assert kinds.index("unknown") < kinds.index("adopted")


def test_a_target_out_of_reach_fails_the_run_untouched(stage, monkeypatch):
    monkeypatch.setattr("app.runs.stepping.REACH_S", 0.3)

    class Away(FakeSwitch):
        name = "fake.away"

        def observe(self, body, ctx):
            raise Unreachable("The cluster does not answer.")

    run = carry(stage.run_with(Away()))
    assert run.state == RunState.FAILED
    assert run.sentence.startswith("The cluster does not answer.")
    assert stage.effects() == []


def test_a_target_that_does_not_answer_is_named_while_it_is_silent_and_no_longer(stage):
    heard, looks = [], []

    class Silent(FakeSwitch):
        name = "fake.silent"

        def observe(self, body, ctx):
            heard.extend(step.sentence for step in stage.steps(run))
            seen = super().observe(body, ctx)
            looks.append(seen.standing)
            if len(looks) in {1, 4}:
                raise Unreachable("The cluster does not answer.")
            if seen.standing is Standing.DONE and len(looks) < 7:
                return Seen(standing=Standing.IN_PROGRESS, sentence="1 of 3")
            return seen

    run = stage.run_with(Silent())
    carry(run)
    before, meanwhile = (
        f"The cluster does not answer. {what}; " for what in ("This step was not begun", "The target took the change before")
    )
    assert [said[: len(meanwhile)] for said in heard[:2]] == ["", f"{before}the target is asked again."[: len(meanwhile)]]
    assert heard[3:6] == ["1 of 3", f"{meanwhile}it is asked again.", "1 of 3"]


def test_a_look_that_fails_for_a_while_does_no_harm(stage):
    looks = []

    class Flaky(FakeSwitch):
        name = "fake.flaky"

        def observe(self, body, ctx):
            looks.append(1)
            if len(looks) % 2:
                raise Unreachable("The cluster does not answer.")
            return super().observe(body, ctx)

    assert carry(stage.run_with(Flaky())).state == RunState.SUCCEEDED
    assert len(stage.effects()) == 1


def test_a_refusal_of_the_target_is_a_failure_in_its_words(stage):
    class Refusing(FakeSwitch):
        name = "fake.refusing"

        def apply(self, body, ctx):
            raise StepFailed("The quota is used up.")

    run = carry(stage.run_with(Refusing()))
    assert (run.state, run.sentence) == (RunState.FAILED, "The quota is used up.")


def test_a_change_by_somebody_else_in_the_middle_asks_a_person(stage):
    run = stage.run(stage.part("fake.switch", takes_s=30))
    worker = threading.Thread(target=carry, args=(run,))
    worker.start()
    until(stage.effects)
    stage.world.switch(stage.thing, "v9", serial=2, operation="somebody")
    worker.join()
    run = stage.row(Run, run.id)
    assert run.state == RunState.NEEDS_ATTENTION
    assert "runs v9" in run.attention


def test_cancel_is_honoured_inside_a_step_that_only_waits(stage):
    run = stage.run(stage.part("fake.switch", takes_s=60), stage.part("fake.spend"))
    worker = threading.Thread(target=carry, args=(run,))
    worker.start()
    until(stage.effects)
    with transaction() as session:
        actions.cancel(session, session.get_one(Run, run.id), by=stage.ana)
    worker.join(timeout=10)
    run = stage.row(Run, run.id)
    assert run.state == RunState.CANCELED
    assert "Ana Ruiz canceled it. It stopped in the middle of" in run.sentence
    assert "what that had begun is not taken back" in run.sentence
    assert [step.state for step in stage.steps(run)] == [StepState.SKIPPED, StepState.PENDING]
    assert len(stage.effects()) == 1


def test_a_runner_that_is_told_to_stop_gives_the_run_back_at_once(stage):
    run = stage.run(stage.part("fake.switch", takes_s=1.5), stage.part("fake.spend"))
    stop = threading.Event()
    worker = threading.Thread(target=engine.execute, args=(run.id,), kwargs={"worker": "old", "draining": stop.is_set})
    worker.start()
    until(stage.effects)
    stop.set()
    worker.join(timeout=3)
    assert stage.row(Run, run.id).state == RunState.QUEUED
    assert stage.steps(run)[0].state == StepState.WAITING
    assert carry(run, worker="new").state == RunState.SUCCEEDED
    assert len(stage.effects()) == 2


def test_a_step_that_waits_for_somebody_gives_its_slot_back_and_is_woken(stage):
    class Merge(FakeSwitch):
        name = "fake.merge"

        def observe(self, body, ctx):
            seen = super().observe(body, ctx)
            return seen.model_copy(update={"wake_after_s": 0.5}) if seen.standing == "in_progress" else seen

    run = carry(stage.run_with(Merge(), takes_s=0.8))
    assert run.state == RunState.QUEUED
    assert run.wake_at is not None
    assert carry(run).state == RunState.QUEUED  # asleep: nobody can claim it
    until(lambda: carry(run).state == RunState.SUCCEEDED)
    assert len(stage.effects()) == 1


def test_delivered_often_runs_once(stage):
    run = stage.run()
    workers = [threading.Thread(target=carry, args=(run,), kwargs={"worker": f"w{number}"}) for number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(stage.effects()) == 1
    with transaction() as session:
        kinds = [event.kind for event in session.scalars(select(RunEvent).where(RunEvent.run_id == run.id))]
    assert kinds.count("claimed") == 1


def test_what_a_rollback_led_to_is_known_to_run_and_the_target_is_looked_at_again(stage):
    with transaction() as session:
        make_release(session, stage.target, "v1.2.4", current=True)
        good = make_release(session, stage.target, "v1.2.3")
    run = carry(stage.request(stage.plan(release=good)))
    with transaction() as session:
        rollout = releases.current(session, stage.target)
        asked = session.scalars(select(Look.subject).where(Look.kind == "target.observe")).all()
    assert (rollout.release_id, rollout.by) == (good.id, f"run-{run.id}")
    assert asked == [f"target-{stage.target.id}"]


def test_a_call_that_hangs_loses_its_lease_and_not_the_run(stage):
    let_go = threading.Event()

    class Hanging(FakeSwitch):
        name = "fake.hanging"

        def apply(self, body, ctx):
            super().apply(body, ctx)
            let_go.wait(30)

    run = stage.run_with(Hanging())
    stuck = threading.Thread(target=engine.execute, args=(run.id,), kwargs={"worker": "stuck"})
    stuck.start()
    until(stage.effects)
    until(lambda: engine.execute(run.id, worker="next"))
    let_go.set()
    stuck.join()
    ended = stage.row(Run, run.id)
    assert (ended.state, ended.takeovers) == (RunState.SUCCEEDED, 1)
    assert len(stage.effects()) == 1


def test_a_runner_without_the_key_fails_the_run_with_what_to_do(stage, console):
    with transaction() as session:
        secret = credentials.store(session, name="git", purpose="git", value={"token": "t0ken-t0ken"}, by=stage.ana)
        session.get_one(Target, stage.target.id).secret_id = secret.id
    run = stage.run()
    console.private_key_path.unlink()
    sealing.reset()
    ended = carry(run)
    assert ended.state == RunState.FAILED
    assert "Give this process LASTGOOD_KEY_FILE" in ended.sentence
    assert stage.effects() == []
