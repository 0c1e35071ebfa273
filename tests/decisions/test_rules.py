"""A rule is data: it holds, does not hold, or cannot be told; the matrix turns facts into one recommendation with its reasons."""

import importlib.util
from pathlib import Path

import pytest

from app.core.errors import Invalid, Refused
from app.decisions import rules, weighing
from app.decisions.facts import Fact
from app.decisions.feasibility import Way
from app.decisions.kinds import KINDS
from tests.decisions import shipped

MATRIX = rules.checked(shipped.RULES)
WAY = Way(
    1, "Login", "login", 1, "deployment/login", "v1.2.4", "2026-11-24T14:00:00+00:00", 7, "v1.2.3", proven=True, durations=[96, 108, 126]
)


def weighed(*, way=WAY, **values):
    facts = {key: Fact(key, values.get(key), "said") for key in KINDS}
    facts["good_release"] = Fact("good_release", values.get("good_release", way.good if way else None), "said")
    return weighing.weigh(weighing.judge(MATRIX, facts), facts, way)


def fired(**values):
    facts = {key: Fact(key, values.get(key), "said") for key in KINDS}
    return {verdict.rule.id for verdict in weighing.judge(MATRIX, facts) if verdict.holds}


def test_the_shipped_rules_are_those_of_the_procedure():
    assert [(rule.side, rule.text) for rule in MATRIX] == [
        ("rollback", "Critical functionality is broken"),
        ("rollback", "The error rate is above 5 %"),
        ("rollback", "The response time is above 1.5 times the baseline"),
        ("rollback", "Data corruption is occurring"),
        ("rollback", "A security vulnerability was introduced"),
        ("rollback", "It cannot be fixed forward within 30 minutes"),
        ("fix_forward", "It is a minor bug with a workaround"),
        ("fix_forward", "A fix is available within 15 minutes"),
        ("fix_forward", "Fewer than 1 % of users are affected"),
        ("fix_forward", "Rolling back would lose data"),
    ]


def test_the_migration_ships_the_same_rules_as_the_code():
    path = Path(__file__).parents[2] / "migrations" / "versions" / "0003_decisions.py"
    spec = importlib.util.spec_from_file_location("decisions", path)
    migration = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(migration)
    assert (migration.RULES, migration.DECIDE_WITHIN) == (shipped.RULES, shipped.DECIDE_WITHIN)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"critical_broken": True}, {"critical-broken"}),
        ({"error_rate": 5.0}, set()),
        ({"error_rate": 5.1}, {"error-rate"}),
        ({"latency_ratio": 1.5}, set()),
        ({"latency_ratio": 1.6}, {"slow"}),
        ({"data_corruption": True}, {"corruption"}),
        ({"vulnerability": True}, {"vulnerability"}),
        ({"fix_minutes": 30.0}, set()),
        ({"fix_minutes": 31.0}, {"no-quick-fix"}),
        ({"fix_minutes": 15.0}, {"quick-fix"}),
        ({"fix_minutes": 20.0}, set()),
        ({"minor_with_workaround": True}, {"workaround"}),
        ({"users_affected": 0.9}, {"few-users"}),
        ({"users_affected": 1.0}, set()),
        ({"rollback_loses_data": True}, {"loses-data"}),
        ({"critical_broken": False, "data_corruption": False, "rollback_loses_data": False}, set()),
    ],
)
def test_a_shipped_rule_applies_just_beyond_its_limit(values, expected):
    assert fired(**values) == expected


def test_an_unknown_fact_makes_a_rule_that_cannot_be_told():
    facts = {key: Fact(key, None, "said") for key in KINDS}
    assert {verdict.holds for verdict in weighing.judge(MATRIX, facts)} == {None}


def test_one_side_alone_is_recommended_with_its_reasons_in_one_sentence():
    found = weighed(error_rate=12.4, latency_ratio=4.1)
    assert found.recommendation == "rollback"
    reasons = "the error rate is above 5 % (12.4 %) and the response time is above 1.5 times the baseline (4.1 times)"
    assert found.sentence.replace("\u00a0", " ") == f"Roll back to v1.2.3: {reasons}."
    assert weighed(fix_minutes=10.0).recommendation == "fix_forward"


def test_when_both_sides_apply_rolling_back_wins():
    found = weighed(error_rate=12.4, fix_minutes=10.0)
    assert found.recommendation == "rollback"
    assert "outweighs that a fix is available within 15 minutes" in found.sentence


def test_when_rolling_back_would_lose_data_people_are_asked():
    found = weighed(error_rate=12.4, rollback_loses_data=True)
    assert found.recommendation == "ask"
    assert "would lose data" in found.sentence


def test_losing_data_is_asked_about_even_where_the_matrix_has_no_rule_for_it():
    matrix = [rule for rule in MATRIX if rule.id != "loses-data"]
    facts = {"error_rate": Fact("error_rate", 12.4, ""), "rollback_loses_data": Fact("rollback_loses_data", True, "")}
    assert weighing.weigh(weighing.judge(matrix, facts), facts, WAY).recommendation == "ask"


def test_a_rollback_is_never_recommended_where_there_is_nothing_to_go_back_to():
    nowhere = Way(1, "Login", "login", 1, "git main", "v1.2.4", "2026-11-24T14:00:00+00:00")
    found = weighed(way=nowhere, error_rate=12.4)
    assert found.recommendation == "fix_forward"
    assert "no release to go back to" in found.sentence


def test_without_any_rule_it_stays_open_and_says_how_much_is_unknown():
    assert weighed().recommendation == "open"
    assert "unknown" in weighed().sentence


def test_each_choice_says_what_it_costs():
    facts = {key: Fact(key, None, "said") for key in KINDS} | {
        "rollback_minutes": Fact("rollback_minutes", 1.8, ""),
        "fix_minutes": Fact("fix_minutes", 45.0, ""),
        "users_affected": Fact("users_affected", 30.0, ""),
    }
    costs = weighing.costs(facts, WAY)
    assert "A rollback usually takes 1\u00a0min 48\u00a0s." in costs["rollback"]
    assert "Whether it would lose data is unknown: nobody has said." in costs["rollback"]
    assert costs["fix_forward"][:2] == ["A fix is expected in 45\u00a0min.", "Until then 30\u00a0% of users stay affected."]


GOOD = {"side": "rollback", "text": "Too slow", "fact": "latency_ratio", "is": "above", "value": 2}
OTHER = {"side": "fix_forward", "text": "Quick", "fact": "fix_minutes", "is": "at_most", "value": 5}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"fact": "moon_phase"}, "fact"),
        ({"is": "is"}, "is"),
        ({"is": "like"}, "is"),
        ({"value": "much"}, "value"),
        ({"value": None}, "value"),
        ({"value": -1}, "value"),
        ({"side": "both"}, "side"),
        ({"text": ""}, "text"),
        ({"text": "x" * 121}, "text"),
        ({"then": "run"}, "text"),
    ],
)
def test_a_rule_that_cannot_be_judged_is_refused_by_its_place(change, field):
    with pytest.raises(Invalid) as refused:
        rules.checked([OTHER, GOOD | change])
    assert list(refused.value.problems) == [f"rules.1.{field}"]


def test_a_matrix_without_one_side_is_refused():
    with pytest.raises(Invalid, match="Fix forward"):
        rules.checked([GOOD])


def test_typed_values_are_read_as_people_write_them():
    (rule, _) = rules.checked([GOOD | {"value": "2,5"}, OTHER])
    assert rule.value == 2.5
    (rule, _) = rules.checked([GOOD | {"fact": "critical_broken", "is": "is", "value": "yes"}, OTHER])
    assert rule.value is True


def test_rules_of_the_same_words_keep_names_of_their_own():
    assert [rule.id for rule in rules.checked([GOOD, GOOD, OTHER])] == ["too-slow", "too-slow-2", "quick"]


def test_a_choice_is_compared_by_being_it_or_not():
    rule = rules.checked([GOOD | {"fact": "severity", "is": "is_not", "value": "low"}, OTHER])[0]
    assert (rule.holds("critical"), rule.holds("low"), rule.holds(None)) == (True, False, None)


@pytest.mark.parametrize(
    ("key", "typed"), [("error_rate", "101"), ("error_rate", "nan"), ("critical_broken", "maybe"), ("severity", "huge")]
)
def test_a_fact_takes_only_values_that_it_can_have(key, typed):
    with pytest.raises(Refused):
        KINDS[key].read(typed)


def test_empty_and_unknown_are_unknown():
    assert {KINDS["error_rate"].read(typed) for typed in ("", " ", "unknown")} == {None}
