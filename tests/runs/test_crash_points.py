"""Whatever happens to the worker at whatever moment: nothing is lost, nothing happens twice, and the run ends in a stated outcome."""

import shutil
from types import SimpleNamespace

import pytest

from app.catalog.models import AllowedAddress
from app.core.database import transaction
from app.core.settings import settings
from app.executors import registry
from app.runs.recipes import Part
from app.runs.states import RunState, StepState
from tests.executors.git.conftest import Remote, git
from tests.runs import tools
from tests.runs.arrange import Stage, rescue, until
from tests.runs.crash import POINTS, Zygote, state_of, wake
from tests.runs.crashing import Scene, complaints
from tests.runs.tools import serving

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


@pytest.fixture
def site(console, tmp_path):
    """A folder whose files answer at an address that the console may call."""
    folder = tmp_path / "site"
    folder.mkdir()
    with serving(folder) as port:
        with transaction() as session:
            session.add(AllowedAddress(host="127.0.0.1", port=port, allowed_by="Ana"))
        yield SimpleNamespace(folder=folder, address=f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("action", ENDS)
def test_no_crash_point_loses_or_repeats_an_effect(action, zygote, world):
    def scene():
        stage = Stage(world)
        return Scene(stage, stage.part(action), lambda: len(stage.effects()), ENDS[action], load="tests.fakes")

    assert complaints(scene, zygote) == []


def test_no_crash_point_loses_or_repeats_a_commit(zygote, world, tmp_path):
    remote = Remote(tmp_path)
    good = remote.commit("Log in", {"shop.txt": "good"}, tag="v1.2.3")
    remote.commit("Log in faster", {"shop.txt": "bad"}, tag="v1.2.4")
    registry.register(*tools.BRIEF)

    def scene():
        stage = Stage(world)
        repository = str(shutil.copytree(remote.bare, tmp_path / f"{stage.thing}.git"))
        params = {"repository": repository, "branch": "main", "commit": good, "version": "v1.2.3", "local": True}
        part = Part("brief.return_to", params)
        count = lambda: int(git("rev-list", "--count", "main", cwd=repository)) - 2  # noqa: E731
        return Scene(stage, part, count, {RunState.SUCCEEDED}, load="tests.runs.tools")

    told = complaints(scene, zygote, points=("after_intent", "before_call", "after_observe"))
    # not frozen inside the call: it would hold the lock of the copy that its rescuers on this host share, until it wakes
    told += complaints(scene, zygote, points=("after_call",), kinds=("exit", "exception", "cut"))
    assert told == []


def test_no_crash_point_loses_or_repeats_a_deploy(zygote, world, tmp_path, site):
    remote = Remote(tmp_path)
    # the script is the witness: one line for each time that it ran, then the version that the address shows
    script = '#!/bin/sh\necho "$2" >> "$1/ran"\necho "$2" > "$1/version.new"\nmv "$1/version.new" "$1/version"\n'
    good = remote.commit("Log in", {"ops/deploy": script}, tag="v1.2.3")
    remote.commit("Log in faster", {"shop.txt": "bad"}, tag="v1.2.4")
    registry.register(*tools.BRIEF)

    def scene():
        stage = Stage(world)
        place = site.folder / stage.thing
        place.mkdir()
        (place / "version").write_text("v1.2.4\n")
        (place / "ran").touch()
        params = {
            "repository": remote.address,
            "branch": "main",
            "local": True,
            "commit": good,
            "version": "v1.2.3",
            "deploy": ["./deploy", str(place), "{version}"],
            "folder": "ops",
            "version_url": f"{site.address}/{stage.thing}/version",
        }
        count = lambda: len((place / "ran").read_text().splitlines())  # noqa: E731
        return Scene(stage, Part("brief.deploy", params), count, {RunState.SUCCEEDED}, load="tests.runs.tools")

    # a checkout takes its time, so between the engine's last question and the command there is a point of the tool's own
    assert complaints(scene, zygote, points=(*POINTS, "before_command", "before_start"), at_once=10) == []


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
