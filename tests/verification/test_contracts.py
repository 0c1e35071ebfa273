import pytest

from app.core.errors import Invalid
from app.executors.checks.defaults import defaults_for
from app.verification import contracts
from tests.factories import make_check, make_cluster, make_service, make_target

METRICS = [dict(check, check_id=None) for check in defaults_for("endpoint", "https://shop.example.org/metrics")]
CONTRACT = {"soak_s": 300, "deadline_s": 960, "every_s": 12, "checks": METRICS}


def test_the_default_holds_every_check_and_times_that_fit_them(db):
    service = make_service(db)
    make_check(db, service, url="https://shop.example.org/health")
    make_check(db, service, "metric", "Error rate", **METRICS[0]["config"])
    contract = contracts.default(db, service)
    assert [check["name"] for check in contract["checks"]] == ["health", "Error rate"]
    assert {name: contract[name] for name in ("soak_s", "deadline_s", "every_s")} == {"soak_s": 300, "deadline_s": 960, "every_s": 12}


def test_a_service_that_proves_its_releases_fast_is_verified_fast(db):
    service = make_service(db, good_after_s=20)
    make_check(db, service, "metric", "Error rate", **METRICS[0]["config"] | {"window_s": 10})
    contract = contracts.default(db, service)
    assert (contract["soak_s"], contract["deadline_s"], contract["every_s"]) == (20, 150, 2)


def test_the_version_is_watched_even_where_nobody_thought_of_it(db, console):
    service = make_service(db)
    on_cluster = make_target(db, service, cluster=make_cluster(db))
    by_git = make_target(db, service)
    by_git.config = by_git.config | {"version_url": "https://shop.example.org/version", "version_path": "version"}
    (pods,) = contracts.default(db, service, target=on_cluster)["checks"]
    (address,) = contracts.default(db, service, target=by_git)["checks"]
    assert (pods["name"], pods["config"]) == ("Version on each replica", {})
    assert address["config"] == {"source": "url", "url": "https://shop.example.org/version", "json_path": "version"}
    make_check(db, service, "version", "Version", source="pods")
    assert [check["name"] for check in contracts.default(db, service, target=on_cluster)["checks"]] == ["Version"]


def test_the_promises_read_as_sentences():
    checks = [
        {"name": "Health", "kind": "health", "config": {"url": "https://shop.example.org/health"}, "required": True},
        {"name": "Version", "kind": "version", "config": {}, "required": True},
        {"name": "Log in", "kind": "smoke", "config": {"steps": "https://shop.example.org/login"}, "required": True},
        METRICS[0],
        METRICS[2] | {"required": False},
    ]
    assert contracts.sentences(CONTRACT | {"checks": checks}) == [
        ("Health", "answers 200 at shop.example.org/health for 5\u00a0min"),
        ("Version", "the intended version on every pod for 5\u00a0min"),
        ("Log in", "a request answers as expected for 5\u00a0min"),
        ("Error rate", "under 1\u00a0% for 5\u00a0min"),
    ]
    assert contracts.summary(CONTRACT) == "3 checks for 5\u00a0min, at the latest 16\u00a0min after the last step"


@pytest.mark.parametrize(
    ("text", "seconds"), [("5 min", 300), ("90s", 90), ("1,5 h", 5400), ("300", 300), ("2\u00a0min", 120), ("soon", None), ("-5", None)]
)
def test_times_are_typed_as_people_say_them(text, seconds):
    assert contracts.duration(text) == seconds


def test_a_form_changes_times_limits_and_which_checks_count():
    form = {
        "soak": "2 min",
        "deadline": "20 min",
        "checks": "3",
        "required-0": "on",
        "limit-0": "0,5",
        "limit-1": "1,200",
        "window-0": "30 s",
    }
    new = contracts.edited(CONTRACT, form)
    assert (new["soak_s"], new["deadline_s"]) == (120, 1200)
    assert [check["required"] for check in new["checks"]] == [True, False, False]
    assert [check["config"]["limit"] for check in new["checks"]] == [0.5, 1200.0, 0.5]
    assert new["checks"][0]["config"]["window_s"] == 30
    assert CONTRACT["soak_s"] == 300
    assert CONTRACT["checks"][0]["config"]["limit"] == 1.0


def test_what_the_form_does_not_send_stays():
    assert contracts.edited(CONTRACT, {"digest": "abc"}) == CONTRACT


@pytest.mark.parametrize(
    ("form", "field", "sentence"),
    [
        ({"soak": "soon"}, "soak", "Write a time like 5 min, 90 s or 1 h."),
        ({"soak": "2 days"}, "soak", "Write a time like 5 min, 90 s or 1 h."),
        ({"soak": "0"}, "soak", "The time must lie between 1\u00a0s and 24\u00a0h."),
        ({"deadline": "3 min"}, "deadline", "The checks need 6\u00a0min even when all goes well. Give them longer than that."),
        ({"limit-0": "few"}, "limit-0", "The limit of Error rate must be a number, like 1 or 0.5."),
        ({"window-0": "2 h"}, "window-0", "This must be at most 3600."),
        ({"checks": "3"}, "required-0", "At least one check must count, or there is no verdict. Tick one."),
    ],
)
def test_what_makes_no_sense_is_named_field_by_field(form, field, sentence):
    with pytest.raises(Invalid) as error:
        contracts.edited(CONTRACT, form)
    assert error.value.problems[field] == sentence
