import uuid

import pytest
from fastapi.testclient import TestClient

from app.accounts import api_tokens
from app.core.clock import now
from app.core.database import transaction
from app.verification.models import Verification
from tests.web import stages


@pytest.fixture
def on(app):
    with transaction() as db:
        return stages.stage(db, "login")


@pytest.fixture
def script(app, on):
    """A pipeline with the commander's token: `script(method, path, body)`."""
    with transaction() as db:
        token = api_tokens.create(db, name="pipeline", scopes=api_tokens.SCOPES, days=1, by=on.commander)
    client = TestClient(app, base_url="https://testserver", headers={"Authorization": f"Bearer {token}"})

    def run(method, path, body=None):
        return client.request(method, f"/api/v1{path}", json=body, headers={"Idempotency-Key": uuid.uuid4().hex})

    return run


def test_a_script_learns_what_is_open_and_overrules_it_with_a_reason(script, on):
    incident = on.incident.id
    with transaction() as db:
        ended = {"state": "done", "verdict": "not", "ended_at": now(), "deadline_at": now()}
        db.add(Verification(service_id=on.service.id, incident_id=incident, contract=stages.CONTRACT, **ended))
    told = script("GET", f"/incidents/{incident}/obstacles").json()
    assert [(one["is_final"], one["sentence"]) for one in told["resolved"]] == [
        (False, "The verification says that login has not recovered")
    ]
    assert {one["name"]: one["standing"] for one in told["durations"]}["resolve"] == "pending"
    refused = script("POST", f"/incidents/{incident}/state", {"state": "resolved", "reason": "fixed"})
    assert (refused.status_code, list(refused.json()["fields"])) == (422, ["overrule_reason"])
    done = script("POST", f"/incidents/{incident}/state", {"state": "resolved", "overrule_reason": "The check is wrong"})
    assert done.json()["state"] == "resolved"


def test_a_script_writes_a_report_and_never_over_a_newer_text(script, on):
    made = script("POST", f"/incidents/{on.incident.id}/reviews", {"kind": "post_mortem"})
    assert made.status_code == 201
    review = made.json()
    where = f"/reviews/{review['id']}/sections/went_well"
    written = script("POST", where, {"body": "The rollback took two minutes.", "version": 1}).json()
    assert {one["key"]: one["version"] for one in written["sections"]}["went_well"] == 2
    late = script("POST", where, {"body": "Mine", "version": 1})
    assert (late.status_code, late.json()["link"]) == (409, f"/reviews/{review['id']}")
    assert script("POST", f"/reviews/{review['id']}/sections/nonsense", {"body": "x", "version": 1}).status_code == 422
    assert script("POST", f"/reviews/{review['id']}/draft").json()["version"] == written["version"]
    assert [one["kind"] for one in script("GET", f"/incidents/{on.incident.id}/reviews").json()["items"]] == ["post_mortem"]
    assert script("GET", f"/reviews/{review['id']}").json()["state"] == "draft"


def test_a_script_carries_action_items(script, on):
    facts = {"title": "A smoke check", "kind": "test", "owner_id": on.commander.id, "due_on": "2026-01-05"}
    made = script("POST", f"/incidents/{on.incident.id}/action-items", facts).json()
    assert (made["owner"]["name"], made["due_on"], made["page"]) == ("Jonas Weber", "2026-01-05", f"/actions/{made['id']}")
    assert [one["id"] for one in script("GET", "/action-items?state=overdue").json()["items"]] == [made["id"]]
    done = script("POST", f"/action-items/{made['id']}", {"state": "done", "version": made["version"], "owner_id": None}).json()
    assert (done["state"], done["owner"], done["title"]) == ("done", None, "A smoke check")
    assert script("GET", "/action-items").json()["items"] == []
    assert script("GET", f"/action-items/{made['id']}").json()["ended_at"]
    assert script("POST", f"/action-items/{made['id']}", {"version": 1, "title": "x"}).status_code == 409
