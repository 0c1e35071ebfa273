from datetime import timedelta

import pytest

from app.catalog import readings, releases
from app.catalog.models import Check, CheckReading
from app.core.clock import now
from app.core.settings import settings
from app.executors.checks.readings import Reading
from tests.factories import make_check, make_release, make_service, make_target

START = now() - timedelta(hours=1)


def seconds(count):
    return START + timedelta(seconds=count)


@pytest.fixture
def service(db, console):
    return make_service(db, good_after_s=60)


@pytest.fixture
def target(db, service):
    return make_target(db, service, seen={"settled": True})


@pytest.fixture
def check(db, service):
    return make_check(db, service)


@pytest.fixture
def release(db, target, check):
    release = make_release(db, target, "v1.2.3", current=True)
    releases.current(db, target).began_at = seconds(-600)
    return release


@pytest.fixture
def rounds(db, service):
    """Take a round of readings every 15 s: rounds("ppp") or, of another check, rounds("pfp", other)."""
    state = {"at": 0}

    def take(outcomes, *more, step=15):
        names = {"p": "pass", "f": "fail", "i": "inconclusive"}
        for outcome in outcomes:
            taken = {check.id: Reading(outcome=names[outcome], sentence="so it is") for check in more or db.query(Check)}
            readings.take(db, service, taken, at=seconds(state["at"]))
            state["at"] += step

    return take


def test_a_release_is_good_when_its_checks_held_for_long_enough(db, release, rounds):
    rounds("pppp")
    assert release.standing == "unproven"
    rounds("p")
    assert (release.standing, release.standing_by) == ("good", "checks")
    assert release.standing_reason == "all its checks held for 1\u00a0min"


@pytest.mark.parametrize("broken", ["pppfpppp", "pppipppp"])
def test_a_failure_or_a_doubt_begins_the_count_again(db, release, rounds, broken):
    rounds(broken)
    assert release.standing == "unproven"
    rounds("p")
    assert release.standing == "good"


def test_looks_that_did_not_happen_are_a_break(db, release, rounds):
    rounds("ppp")
    rounds("p", step=settings().observe_every_s * 5)
    rounds("ppp")
    assert release.standing == "unproven"


def test_a_check_that_is_not_required_never_stands_in_the_way(db, service, check, release, rounds):
    extra = make_check(db, service, name="extra")
    extra.required = False
    for _ in range(5):
        at = CheckReading(check_id=extra.id, outcome="fail", at=START - timedelta(days=1))
        db.add(at)
    rounds("ppppp", check)
    assert release.standing == "good"


def test_without_required_checks_nothing_becomes_good_by_itself(db, check, release, rounds):
    check.required = False
    rounds("pppppppp")
    assert release.standing == "unproven"


def test_while_old_and_new_replicas_serve_side_by_side_nothing_is_proven(db, target, release, rounds):
    target.seen = {"settled": False}
    rounds("pppppppp")
    assert release.standing == "unproven"


def test_what_checks_say_of_production_proves_nothing_on_staging(db, service, release, rounds):
    staging = make_target(db, service, environment="staging", seen={"settled": True})
    other = make_release(db, staging, "v1.2.4", current=True)
    rounds("pppppp")
    assert (release.standing, other.standing) == ("good", "unproven")


def test_a_suspect_release_stays_suspect_however_long_its_checks_hold(db, release, rounds):
    release.standing = "suspect"
    rounds("pppppppp")
    assert release.standing == "suspect"


def test_a_round_that_began_earlier_and_ended_later_is_dropped(db, service, check, release, rounds):
    rounds("ppp")
    readings.take(db, service, {check.id: Reading(outcome="fail", sentence="late")}, at=seconds(20))
    assert db.query(CheckReading).count() == 3


def test_the_newest_reading_and_the_series_of_the_last_hour(db, service, check, rounds):
    other = make_check(db, service, name="other")
    rounds("pf", check, other)
    readings.take(db, service, {check.id: Reading(outcome="pass", value=3.5, sentence="3.5 ms")}, at=now())

    assert readings.newest(db, [check, other])[check.id].value == 3.5
    assert readings.newest(db, [check, other])[other.id].outcome == "fail"
    assert [r.outcome for r in readings.series(db, [check], minutes=120)[check.id]] == ["pass", "fail", "pass"]


def test_old_readings_are_forgotten(db, service, check):
    db.add(CheckReading(check_id=check.id, outcome="pass", at=now() - timedelta(days=3)))
    readings.take(db, service, {check.id: Reading(outcome="pass", sentence="")}, at=now())

    assert db.query(CheckReading).count() == 1


def test_scrapes_are_kept_for_the_next_reading(db, service, check):
    readings.take(db, service, {check.id: Reading(outcome="pass", sentence="", parts={"scrapes": [{"at": 1}]})}, at=now())
    assert check.earlier == {"scrapes": [{"at": 1}]}
