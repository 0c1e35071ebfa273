"""Checklists for scripts: read, tick, be told who was faster; templates in versions."""

import pytest

from app.core.database import transaction
from tests.factories import make_person
from tests.web.api.conftest import problem

HAND = "No data corruption"


@pytest.fixture
def lists(script, world):
    """The owner's script, and the lists of the world's incident by name."""
    mine = script(world.me)
    found = mine.get(f"/incidents/{world.incident.id}/checklists").json()["items"]
    return mine, {one["name"]: one for one in found}


def item(lists, text):
    return next(one for found in lists.values() for one in found["items"] if one["text"] == text)


def test_an_incident_has_the_shipped_lists_in_the_order_of_its_phases(lists):
    _, found = lists
    assert list(found) == ["Immediate assessment", "Before the rollback", "During the rollback", "Verification", "After"]
    assert [one["text"] for one in found["Immediate assessment"]["items"]] == [
        "Severity confirmed",
        "Impact assessed",
        "Rollback decision made",
        "Team notified",
    ]


def test_a_tick_is_answered_with_the_item_and_a_repeat_with_the_same(lists, world):
    mine, found = lists
    path = f"/checklist-items/{item(found, HAND)['id']}"
    first = mine.post(f"{path}/tick", {"seen": "open"}, key="k")
    assert (first.status_code, first.json()["state"], first.json()["marked_by"]) == (200, "ticked", world.me.name)
    assert mine.post(f"{path}/tick", {"seen": "open"}, key="k").json() == first.json()
    assert mine.post(f"{path}/untick", {}).json()["state"] == "open"


def test_the_slower_of_two_is_told_who_was_faster(lists, script):
    mine, found = lists
    with transaction() as session:
        bo = make_person(session, "Bo Lind")
    path = f"/checklist-items/{item(found, HAND)['id']}/tick"
    script(bo).post(path, {"seen": "open"})
    assert "Somebody was faster: Bo Lind ticked it at" in problem(mine.post(path, {"seen": "open"}), 409)


def test_what_evidence_ticks_is_overruled_with_a_reason_and_lifted(lists):
    mine, found = lists
    path = f"/checklist-items/{item(found, 'Team notified')['id']}"
    assert "cannot be ticked by hand" in problem(mine.post(f"{path}/tick", {}), 422)
    assert mine.post(f"{path}/overrule", {"ticked": True, "reason": "told by phone"}).json()["is_overruled"]
    assert mine.post(f"{path}/lift").json()["state"] == "open"


def test_skip_own_due_and_note(lists, world):
    mine, found = lists
    path = f"/checklist-items/{item(found, HAND)['id']}"
    assert "say why" in problem(mine.post(f"{path}/skip", {"reason": ""}), 422)
    assert mine.post(f"{path}/skip", {"reason": "read only"}).json()["reason"] == "read only"
    assert mine.post(f"{path}/own", {"owner_id": world.me.id}).json()["owner"]["name"] == world.me.name
    assert mine.post(f"{path}/due", {"due_at": "2036-11-24T14:00:00Z"}).json()["due_at"].startswith("2036-11-24T14:00")
    assert mine.post(f"{path}/notes", {"body": "Orders 1 to 900"}).json()["notes"] == 1


def test_a_deployment_list_is_begun_for_a_service_again_and_again_and_for_an_incident_once(lists, world):
    mine, _ = lists
    template = next(one for one in mine.get("/checklist-templates").json()["items"] if one["phase"] == "deployment")
    wanted = {"template_id": template["id"]}
    first, second = (mine.post(f"/services/{world.service.slug}/checklists", wanted) for _ in range(2))
    assert (first.status_code, first.json()["service_id"]) == (201, world.service.id)
    assert first.json()["id"] != second.json()["id"]
    assert len(mine.get(f"/services/{world.service.slug}/checklists").json()["items"]) == 2
    ids = {mine.post(f"/incidents/{world.incident.id}/checklists", wanted).json()["id"] for _ in range(2)}
    assert len(ids) == 1
    assert mine.get(f"/checklists/{ids.pop()}").json()["name"] == "Deployment"


def test_templates_are_made_and_changed_in_versions_and_running_lists_keep_what_they_say(lists, world):
    mine, found = lists
    template = mine.get(f"/checklist-templates/{found['After']['template_id']}").json()
    body = {"name": "After", "items": [{"text": "Customers called"}], "seen": template["version"], "reason": "we forgot to call"}
    changed = mine.post(f"/checklist-templates/{template['id']}", body)
    assert (changed.json()["version"], changed.json()["reason"]) == (2, "we forgot to call")
    assert "while you were writing" in problem(mine.post(f"/checklist-templates/{template['id']}", body), 409)
    kept = mine.get(f"/checklists/{found['After']['id']}").json()
    assert (kept["version"], len(kept["items"])) == (1, 5)
    made = mine.post("/checklist-templates", {"name": "Vendors", "phase": "before", "items": [{"text": "Vendor called"}]})
    assert (made.status_code, made.json()["version"]) == (201, 1)
    wrong = mine.post("/checklist-templates", {"name": "", "phase": "before", "items": [{"text": "x", "binding": "moon.full"}]})
    assert set(wrong.json()["fields"]) == {"name", "item-1"}
