"""The decision of an incident and the matrix, as a script does them: the same verbs, the same sentences."""

import pytest

from app.accounts.policy import P
from app.core.database import transaction
from tests.decisions import shipped
from tests.web.api.conftest import problem


@pytest.fixture
def by(script, world):
    return script(world.me)


@pytest.fixture
def here(world):
    return f"/incidents/{world.incident.id}"


def fact(desk, key):
    return next(one for one in desk["facts"] if one["key"] == key)


def test_a_kind_of_trouble_is_told_when_declaring(by):
    made = by.post("/incidents", {"title": "Orders twice", "services": ["login-api"], "trouble": "data_corruption"}).json()
    assert made["trouble"] == "data_corruption"
    desk = by.get(f"/incidents/{made['id']}/decision").json()
    assert desk["recommendation"] == "rollback"
    assert fact(desk, "data_corruption")["by"] == by.person.name
    assert by.post("/incidents", {"title": "x", "trouble": "aliens"}).status_code == 422


def test_the_desk_shows_facts_rules_the_way_back_and_what_each_choice_costs(by, here):
    desk = by.get(f"{here}/decision").json()
    assert (desk["recommendation"], desk["rules_version"], desk["decision"]) == ("open", 1, None)
    assert (desk["way"]["running"], desk["way"]["version"], desk["way"]["proven"]) == ("v1.2.4", "v1.2.3", True)
    assert {one["id"] for one in desk["rules"]} == {rule["id"] for rule in shipped.RULES}
    assert set(desk["costs"]) == {"rollback", "fix_forward"}
    assert fact(desk, "fix_minutes")["value"] is None


def test_facts_are_said_taken_back_and_refused(by, here):
    desk = by.post(f"{here}/decision/facts", {"fact": "fix_minutes", "value": 45}).json()
    assert (fact(desk, "fix_minutes")["value"], desk["recommendation"]) == (45.0, "rollback")
    desk = by.post(f"{here}/decision/facts", {"fact": "critical_broken", "value": False}).json()
    assert fact(desk, "critical_broken")["value"] is False
    desk = by.post(f"{here}/decision/facts", {"fact": "fix_minutes", "take_back": True}).json()
    assert fact(desk, "fix_minutes")["value"] is None
    assert "no fact" in problem(by.post(f"{here}/decision/facts", {"fact": "moon", "value": 1}), 422)
    assert "yes or no" in problem(by.post(f"{here}/decision/facts", {"fact": "critical_broken", "value": 3}), 422)
    kept = by.get(f"{here}/assessments").json()["items"]
    assert [one["cause"] for one in kept] == ["fact", "fact", "fact", "declared"]


def test_a_decision_moves_the_incident_and_is_revised_by_naming_it(by, here):
    first = by.post(f"{here}/decision", {"choice": "rollback", "rationale": "Broken."}).json()
    assert by.get(here).json()["state"] == "decided"
    answer = by.post(f"{here}/decision", {"choice": "fix_forward", "rationale": "Merged."})
    assert "decided to roll back" in problem(answer, 409)
    second = by.post(f"{here}/decision", {"choice": "fix_forward", "rationale": "Merged.", "replaces": first["id"]}).json()
    assert second["replaces_id"] == first["id"]
    assert [one["id"] for one in by.get(f"{here}/decisions").json()["items"]] == [second["id"], first["id"]]


def test_against_the_recommendation_a_reason_is_needed(by, here):
    by.post(f"{here}/decision/facts", {"fact": "fix_minutes", "value": 45})
    assert "against the recommendation" in problem(by.post(f"{here}/decision", {"choice": "fix_forward"}), 422)


def test_the_clock_is_set_and_set_back(by, here):
    usual = by.get(f"{here}/decision").json()["decide_by"]
    assert by.post(f"{here}/decision/clock", {"decide_by": "2020-01-01T00:00:00Z"}).status_code == 422
    assert by.post(f"{here}/decision/clock", {"decide_by": None}).json()["decide_by"] == usual


def test_a_question_is_asked_and_answered(by, here, script, world):
    assert by.get(f"{here}/decision/objections").json() is None
    with transaction() as session:
        from tests.factories import make_person

        mei = make_person(session, "Mei Tan")
    other = script(mei)
    other.post(f"{here}/timeline", {"body": "here"})
    asked = by.post(f"{here}/decision/objections", {"choice": "rollback"}).json()
    assert [one["user_name"] for one in asked["answers"]] == ["Mei Tan"]
    said = other.post(f"{here}/decision/objections/answer", {"objects": True, "reason": "It drops the queue"}).json()
    assert said["answers"][0]["answer"] == "objects"
    assert by.get(f"{here}/decision/objections").json()["answers"][0]["reason"] == "It drops the queue"


def test_user_reports_are_written_down_and_taken_back(by, here):
    made = by.post(f"{here}/user-reports", {"count": 12, "body": "No sign-in", "url": "https://s.example.org/7"}).json()
    assert by.get(f"{here}/user-reports").json()["items"] == [made]
    by.post(f"{here}/user-reports/{made['id']}/take-back")
    assert by.get(f"{here}/user-reports").json()["items"] == []
    assert by.post(f"{here}/user-reports", {"url": "ftp://x"}).status_code == 422


def test_the_matrix_is_read_and_written_in_versions(by):
    now = by.get("/decision-rules").json()
    assert (now["version"], now["rules"]) == (1, shipped.RULES)
    wish = {"version": 1, "rules": now["rules"][:9], "decide_within": now["decide_within"], "note": "Shorter"}
    assert by.post("/decision-rules", wish).json()["version"] == 2
    assert "saved version 2" in problem(by.post("/decision-rules", wish), 409)
    wrong = wish | {"version": 2, "rules": [now["rules"][0] | {"fact": "moon"}, now["rules"][7]]}
    answer = by.post("/decision-rules", wrong)
    assert "nobody knows" in problem(answer, 422)
    assert list(answer.json()["fields"]) == ["rules.0.fact"]


def test_a_token_that_only_reads_changes_nothing(script, world, here):
    reader = script(world.me, [P.READ])
    assert reader.get(f"{here}/decision").status_code == 200
    assert reader.post(f"{here}/decision", {"choice": "rollback"}).status_code == 403
    assert reader.post("/decision-rules", {}).status_code == 403
