from datetime import UTC, datetime, timedelta

import pytest

from app.accounts.models import User
from app.core.settings import settings
from app.runs.models import Plan, PlanStep, Run, Step
from app.web import plan_views, run_views, run_words
from app.web.words import spoken

AT = datetime(2026, 11, 24, 14, 36, 32, tzinfo=UTC)
DONE = {"state": "succeeded", "intent_at": AT, "ended_at": AT, "observed": {"standing": "done"}}


def planned(position, **facts):
    shown = {"title": f"Step {position}", "target": "deployment/login in shop", "version_now": "v1.2.4", "version_after": "v1.2.3"}
    return PlanStep(
        position=position, title=f"Step {position}", shown=shown, **{"is_cancellable": True, "is_point_of_no_return": False, **facts}
    )


def step(position=1, state="pending", **facts):
    return Step(position=position, title=f"Step {position}", **{"state": state, "sentence": "", "attempts": 1, **facts})


def run(state, *steps, plan_steps=(), **facts):
    usual = facts.pop("usual_s", None)
    known = {"expected_s": usual or 31.0, "expected_from": {"runs": [usual]} if usual else {"guess": True}}
    plan = Plan(kind="rollback", steps=list(plan_steps) or [planned(one.position) for one in steps], **known)
    asked = {"attention": "", "sentence": "", "requested_by": User(name="Jonas Weber"), "id": 12}
    return Run(state=state, plan=plan, steps=list(steps), **asked | facts)


def seen(**facts):
    return {"standing": "in_progress", "sentence": "2 of 3 pods serve v1.2.3", "done": 2, "total": 3, **facts}


def test_a_run_that_takes_longer_than_usual_says_so():
    view = run_views.of(run("running", step(state="started", intent_at=AT), started_at=AT - timedelta(seconds=130), usual_s=108), at=AT)
    assert view.next == f"It takes longer than usual (about {spoken(108)}). Nothing to press here."


def test_without_history_there_is_no_estimate():
    view = run_views.of(run("running", step(state="started", intent_at=AT), started_at=AT), at=AT)
    assert "there is no estimate" in view.next
    assert view.expected == ""


def test_a_run_that_was_given_back_in_the_middle_does_not_claim_that_nothing_changed():
    view = run_views.of(run("queued", step(**DONE), step(2), queued_at=AT - timedelta(seconds=40)), at=AT)
    assert view.say == f"The rollback has waited {spoken(40)} for a runner. What was done stays done."
    assert "takes nothing back" in view.cancel


def test_a_step_that_waits_for_somebody_is_what_the_run_says():
    waiting = step(state="waiting", intent_at=AT, observed=seen(), sentence="The merge request is open")
    view = run_views.of(run("queued", waiting, queued_at=AT - timedelta(minutes=5), wake_at=AT), at=AT)
    assert view.say == "The rollback waits. The merge request is open."


def test_a_run_in_nobodys_hands_says_so_and_who_goes_on():
    silent = run("running", step(state="started", intent_at=AT), started_at=AT, lease_until=AT - timedelta(seconds=12))
    view = run_views.of(silent, at=AT)
    since = settings().lease_s + 12
    assert view.say == f"The rollback is in nobody's hands: the runner that had it has been silent for {spoken(since)}."
    assert view.next.startswith("Another runner goes on by itself and looks at the target first.")
    assert "lastgood run 12 --here" in view.next


def test_a_runner_that_is_not_heard_for_some_seconds_is_no_longer_said_to_be_running():
    lease = settings().lease
    facts = {"started_at": AT - timedelta(seconds=30), "cancel_requested_at": None}
    heard = run("running", step(state="started", intent_at=AT), lease_until=AT - timedelta(seconds=2) + lease, **facts)
    assert run_views.of(heard, at=AT).word == "Running"
    quiet = run("running", step(state="started", intent_at=AT), lease_until=AT - timedelta(seconds=7) + lease, **facts)
    view = run_views.of(quiet, at=AT)
    assert view.say == f"The rollback was running when its runner was last heard, {spoken(7)} ago."
    assert view.next.startswith(f"Should it stay silent, another runner takes over in {spoken(lease.total_seconds() - 7)} and looks")
    assert (view.mood, view.word) == ("warn", "Not heard from")


def test_a_target_that_does_not_answer_is_the_first_sentence_even_before_a_step_began():
    waiting = step(sentence="The cluster does not answer. This step was not begun; the target is asked again.")
    view = run_views.of(run("running", waiting, started_at=AT), at=AT)
    assert view.say == "The rollback is running. The cluster does not answer. This step was not begun; the target is asked again."


def test_versions_and_names_keep_their_case():
    done = run("succeeded", step(**DONE), ended_at=AT, sentence="v1.2.3 answers at https://shop.example.org/version.")
    assert run_views.of(done, at=AT).say == "The rollback is done. v1.2.3 answers at https://shop.example.org/version."


def test_cancel_says_that_the_point_of_no_return_has_passed():
    steps = [planned(1), planned(2, is_point_of_no_return=True)]
    view = run_views.of(run("running", step(**DONE), step(2, "started", intent_at=AT), plan_steps=steps, started_at=AT), at=AT)
    assert view.cancel.startswith("The point of no return has passed.")


def test_cancel_says_that_a_step_cannot_be_interrupted():
    steps = [planned(1, is_cancellable=False)]
    view = run_views.of(run("running", step(state="started", intent_at=AT), plan_steps=steps, started_at=AT), at=AT)
    assert view.cancel == "This step cannot be interrupted: cancel takes effect after it."


def test_drift_after_a_step_took_effect_is_not_called_untouched():
    moved = step(2, "failed", intent_at=AT, ended_at=AT, observed={"standing": "drifted", "sentence": "it moved"}, sentence="it moved")
    ended = {"started_at": AT, "ended_at": AT, "sentence": "it moved"}
    assert run_views.of(run("failed", moved, **ended)).is_drifted
    assert not run_views.of(run("failed", step(**DONE), moved, **ended)).is_drifted


def test_the_reason_for_asking_a_person_is_said_once():
    doubt = step(state="unknown", intent_at=AT, observed=seen(sentence=""), sentence="Nobody knows.")
    view = run_views.of(run("needs_attention", doubt, attention="Nobody knows.", started_at=AT), at=AT)
    assert view.say == "The rollback needs you. Nobody knows."
    assert view.steps[0].sentence == ""


@pytest.mark.parametrize("state", list(run_words.RUNS))
def test_every_state_has_a_sentence_a_shape_and_a_word(state):
    view = run_views.of(run(state, step(), started_at=AT, ended_at=AT, starts_after_id=11, attention="Look at it."), at=AT)
    assert view.say.endswith(".")
    assert view.mood
    assert view.word


def test_the_estimate_is_the_median_between_the_quickest_and_the_slowest():
    estimate = plan_views.estimate([126.0, 96.0, 108.0])
    assert (estimate.typical, [dot.label for dot in estimate.dots]) == (spoken(108), [spoken(96), spoken(108), spoken(126)])
    assert estimate.dots[0].x < estimate.median_x < estimate.dots[-1].x


def test_one_earlier_run_promises_little_and_none_promises_nothing():
    assert "expect it to differ" in plan_views.estimate([96.0]).sentence
    assert plan_views.estimate([]) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.35, "0.3 s"),
        (48, "48 s"),
        (60, "1 min"),
        (108, "1 min 48 s"),
        (7500, "2 h 5 min"),
        (780000, "9 d"),
        (90000, "1 d 1 h"),
    ],
)
def test_durations_are_spoken_in_at_most_two_units(seconds, words):
    assert spoken(seconds).replace("\u00a0", " ") == words
