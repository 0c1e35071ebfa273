"""Whatever happens to the worker at whatever moment: nothing is lost, nothing happens twice, and the run ends in a stated outcome."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.core.settings import settings
from app.runs.models import Run
from app.runs.states import RunState, StepState
from tests.runs.arrange import Stage, rescue, until
from tests.runs.crash import KINDS, POINTS, Zygote, over_or_frozen, state_of, wake

AT_ONCE = 6
# what a class may come to: an opaque step whose worker died asks a person, unless it is known that it had not begun
ENDS = {
    "fake.switch": {RunState.SUCCEEDED},
    "fake.spend": {RunState.SUCCEEDED},
    "fake.press": {RunState.SUCCEEDED, RunState.NEEDS_ATTENTION},
}


@pytest.fixture
def zygote(stage, monkeypatch):
    # six carriers share two cores: with a shorter lease some would lose theirs before they come to their point
    monkeypatch.setenv("LASTGOOD_LEASE_S", "3")
    settings.cache_clear()
    zygote = Zygote()
    yield zygote
    zygote.close()


@pytest.mark.parametrize("action", ENDS)
def test_no_crash_point_loses_or_repeats_an_effect(action, zygote, world):
    cases = [(point, kind) for point in POINTS for kind in KINDS]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        told = list(pool.map(lambda case: one(action, *case, zygote=zygote, world=world), cases))
    assert [line for line in told if line] == []


def one(action, point, kind, *, zygote, world):
    """Run one case. Empty where all went as it must, else what went wrong."""
    case = f"{action} {kind} at {point}"
    stage = Stage(world)
    run = stage.run(stage.part(action, lands_after_s=0.0))
    carrier = zygote.carry(run.id, point, kind, load="tests.fakes")
    until(lambda: over_or_frozen(carrier), seconds=60, what=f"{case}: the fault")
    frozen = state_of(carrier) == "T"
    (ended,) = rescue({run.id}, seconds=60)
    rows = [(step.state, step.observed) for step in stage.steps(run)]
    wake(carrier)
    until(lambda: state_of(carrier) in {"", "Z"}, seconds=60, what=f"{case}: the carrier's end")
    after = stage.row(Run, run.id)
    problems = [
        f"ended as {ended.state}" if RunState(ended.state) not in ENDS[action] else "",
        "was not frozen" if kind == "freeze" and not frozen else "",
        f"{len(stage.effects())} effects" if not _is_right(ended, stage) else "",
        "says nothing" if not (ended.sentence or ended.attention) else "",
        "a zombie wrote" if (after.state, after.sentence, after.fence) != (ended.state, ended.sentence, ended.fence) else "",
        "a zombie wrote a step" if rows != [(step.state, step.observed) for step in stage.steps(run)] else "",
    ]
    return "; ".join([case, *filter(None, problems)]) if any(problems) else ""


def _is_right(run, stage):
    effects = len(stage.effects())
    if run.state == RunState.SUCCEEDED:
        return effects == 1
    return effects <= 1


def test_a_worker_that_dies_in_the_middle_of_an_opaque_call_asks_a_person(stage, zygote):
    run = stage.run(stage.part("fake.press"))
    carrier = zygote.carry(run.id, "mid_call", "exit", load="tests.fakes")
    until(lambda: state_of(carrier) in {"", "Z"})
    (ended,) = rescue({run.id})
    assert ended.state == RunState.NEEDS_ATTENTION
    assert stage.steps(run)[0].state == StepState.UNKNOWN
    assert len(stage.effects()) == 1


@pytest.mark.parametrize("action", ["fake.switch", "fake.spend"])
def test_an_effect_that_lands_long_after_its_worker_died_is_waited_for(stage, zygote, action):
    # longer than a lease: a take-over that judged by the lease would see "not happened" and do it again
    run = stage.run(stage.part(action, lands_after_s=5.0, effect_deadline_s=7.0))
    carrier = zygote.carry(run.id, "after_call", "exit", load="tests.fakes")
    until(lambda: state_of(carrier) in {"", "Z"})
    (ended,) = rescue({run.id})
    assert ended.state == RunState.SUCCEEDED
    assert len(stage.effects()) == 1


def test_a_frozen_worker_that_wakes_between_its_last_check_and_the_call_changes_nothing(stage, zygote):
    # the target's own precondition is what stops it: the console can fence its database, not the world
    run = stage.run(stage.part("fake.switch"))
    carrier = zygote.carry(run.id, "before_call", "freeze", load="tests.fakes")
    until(lambda: state_of(carrier) == "T")
    (ended,) = rescue({run.id})
    assert ended.state == RunState.SUCCEEDED
    wake(carrier)
    until(lambda: state_of(carrier) in {"", "Z"})
    assert len(stage.effects()) == 1


def test_two_workers_at_once_for_many_runs_do_each_once(stage, zygote, world):
    stages = [Stage(world) for _ in range(10)]
    runs = [each.run(each.part("fake.switch"), each.part("fake.spend")) for each in stages]
    carriers = [zygote.carry(run.id, load="tests.fakes") for run in runs for _ in range(2)]
    until(lambda: all(state_of(carrier) in {"", "Z"} for carrier in carriers), seconds=60)
    ended = rescue({run.id for run in runs})
    assert {run.state for run in ended} == {RunState.SUCCEEDED}
    assert all(len(each.effects()) == 2 for each in stages)
