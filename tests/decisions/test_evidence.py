"""Facts fill themselves from what the console has seen, say where they come from, and are unknown where they cannot be told."""

from datetime import timedelta

import pytest

from app.core.clock import now
from app.decisions import actions, assessing
from app.incidents import facts
from app.runs.models import Plan, Run
from tests.decisions.conftest import ERRORS, LATENCY


@pytest.fixture
def fact(db, scene):
    return lambda key: assessing.look(db, scene.incident).facts[key]


def test_the_error_rate_is_the_newest_reading_with_its_source_and_age(read, fact):
    read("error rate", ERRORS, 0.3, ago=2)
    reading = read("error rate", ERRORS, 12.4, sentence="12.4 %, over 1 %.")
    found = fact("error_rate")
    assert (found.value, found.at, found.source) == (12.4, reading.at, "check")
    assert found.said == "error rate of Login: 12.4 %, over 1 %."


def test_an_old_reading_says_nothing_about_now(read, fact):
    read("error rate", ERRORS, 12.4, ago=20)
    assert fact("error_rate").value is None
    assert "last read 20" in fact("error_rate").said


def test_without_a_check_the_error_rate_is_unknown_and_says_why(fact):
    assert (fact("error_rate").value, fact("error_rate").said) == (None, "No check measures the error rate.")


def test_a_reading_without_a_number_is_unknown(read, fact):
    read("error rate", ERRORS, None, outcome="inconclusive", sentence="3 requests in 60 s, 20 are needed.")
    assert fact("error_rate").value is None
    assert "20 are needed" in fact("error_rate").said


def test_the_worst_of_several_checks_counts(read, fact):
    read("errors of the app", ERRORS, 0.2)
    read("errors of the web", ERRORS, 7.0)
    assert fact("error_rate").value == 7.0


def test_latency_is_compared_with_the_half_hour_before_the_suspect_release(read, fact):
    for minute, value in ((50, 9000.0), (40, 400.0), (35, 380.0), (30, 420.0), (18.5, 5000.0)):
        read("p95", LATENCY, value, ago=minute)  # the first is too old and the last within the margin: neither counts
    for minute in (10, 5):
        read("p95", LATENCY, 1500.0, ago=minute)
    read("p95", LATENCY, 1640.0)
    found = fact("latency_ratio")
    assert found.value == pytest.approx(4.1)
    assert "was 400" in found.said
    assert "v1.2.4" in found.said


def test_without_enough_readings_from_before_the_release_there_is_no_baseline(read, fact):
    read("p95", LATENCY, 1640.0)
    assert fact("latency_ratio").value is None
    assert "from before v1.2.4 there are too few readings" in fact("latency_ratio").said


def test_the_share_of_users_is_estimated_from_requests_that_fail(read, fact):
    read("error rate", ERRORS, 12.4)
    assert fact("users_affected").value == 12.4
    assert fact("users_affected").said.startswith("Estimated from traffic")


def test_few_failing_requests_tell_nothing_of_users_while_something_else_fails(read, fact):
    read("error rate", ERRORS, 0.2)
    read("health", {"url": "https://login.example.org/health"}, None, kind="health", outcome="fail")
    assert fact("users_affected").value is None


def test_what_the_incident_says_of_users_wins_and_names_who_said_it(db, scene, ana, read, fact):
    read("error rate", ERRORS, 12.4)
    facts.change(db, scene.incident, affected_percent=30.0, by=ana)
    found = fact("users_affected")
    assert (found.value, found.by) == (30.0, "Ana Ruiz")


def test_a_required_health_check_that_fails_says_that_something_critical_is_broken(read, fact):
    read("health", {"url": "https://login.example.org/health"}, None, kind="health", outcome="fail", sentence="login answers 502.")
    assert fact("critical_broken").value is True
    assert "502" in fact("critical_broken").said


def test_a_health_check_that_passes_proves_little_and_a_smoke_test_more(read, fact):
    read("health", {"url": "https://login.example.org/health"}, None, kind="health", outcome="pass")
    assert fact("critical_broken").value is None
    read("sign in", {"steps": [{"url": "https://login.example.org/"}]}, None, kind="smoke", outcome="pass")
    assert fact("critical_broken").value is False


@pytest.mark.parametrize(
    ("trouble", "key"),
    [("critical_bug", "critical_broken"), ("data_corruption", "data_corruption"), ("vulnerability", "vulnerability")],
)
def test_the_kind_of_trouble_fills_a_fact(db, scene, ana, fact, trouble, key):
    assert fact(key).value is None
    facts.change(db, scene.incident, trouble=trouble, by=ana)
    assert (fact(key).value, fact(key).by) == (True, "Ana Ruiz")


def test_the_way_back_is_known_with_its_version_and_why_it_is_good(db, scene):
    way = assessing.look(db, scene.incident).way
    assert (way.running, way.version, way.proven, way.good) == ("v1.2.4", "v1.2.3", True, "proven")


def test_a_release_that_is_alone_leaves_nothing_to_go_back_to(db, scene, fact):
    scene.good.standing = "suspect"
    db.flush()
    assert fact("good_release").value == "none"


def test_how_long_a_rollback_takes_comes_from_own_history(db, scene, ana, fact):
    assert fact("rollback_minutes").value is None
    for number, seconds in enumerate((96, 108, 126)):
        facts_ = {"kind": "rollback", "service_id": scene.service.id, "target_id": scene.target.id, "request": {}, "made_by_id": ana.id}
        plan = Plan(**facts_, state="ready", digest=f"d{number}")
        db.add(plan)
        db.flush()
        ended = now()
        db.add(
            Run(
                plan_id=plan.id,
                plan_digest=plan.digest,
                service_id=scene.service.id,
                idempotency_key=f"k{number}",
                requested_by_id=ana.id,
                state="succeeded",
                started_at=ended - timedelta(seconds=seconds),
                ended_at=ended,
            )
        )
        db.flush()
    assert fact("rollback_minutes").value == pytest.approx(1.8)
    assert "Median of 3" in fact("rollback_minutes").said


def test_the_release_has_an_age(fact):
    assert fact("release_age").value == pytest.approx(18, abs=0.5)


def test_what_people_say_stands_over_what_is_measured_until_they_take_it_back(db, scene, ana, read, fact):
    read("error rate", ERRORS, 12.4)
    actions.state_fact(db, scene.incident, "error_rate", 3.0, by=ana)
    assert (fact("error_rate").value, fact("error_rate").by, fact("error_rate").measured.value) == (3.0, "Ana Ruiz", 12.4)
    actions.take_back_fact(db, scene.incident, "error_rate", by=ana)
    assert (fact("error_rate").value, fact("error_rate").source) == (12.4, "check")


def test_people_may_say_that_nobody_knows(db, scene, ana, read, fact):
    read("error rate", ERRORS, 12.4)
    actions.state_fact(db, scene.incident, "error_rate", None, by=ana)
    assert (fact("error_rate").value, fact("error_rate").said) == (None, "Ana Ruiz says that nobody knows.")


def test_an_incident_without_services_has_facts_too(db, ana, console):
    from tests.factories import make_incident

    picture = assessing.look(db, make_incident(db, by=ana))
    assert picture.way is None
    assert picture.weighed.recommendation == "open"
