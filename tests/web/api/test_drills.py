import pytest

from app.accounts.policy import Role
from app.core.database import transaction
from app.drills import queries
from tests import factories
from tests.web.api.conftest import problem


@pytest.fixture
def script_id(app):
    with transaction() as session:
        return queries.scripts(session)[0][0].id


def test_a_drill_is_started_led_and_ended_by_a_script(script, world, script_id):
    by = script(world.me)
    assert "practise" in problem(by.post("/services/login-api/drills", {"script_id": script_id, "target_id": world.stage.target.id}), 422)
    begun = by.post("/services/login-api/drills", {"script_id": script_id}).json()
    assert [fact["state"] for fact in begun["facts"]] == ["waiting"] * 4
    way = f"/drills/{begun['id']}"
    first, second = (fact["id"] for fact in begun["facts"][:2])
    by.post(f"{way}/facts/{first}/tell")
    assert [fact["state"] for fact in by.post(f"{way}/facts/{second}/skip").json()["facts"][:2]] == ["injected", "skipped"]
    incident = by.post("/incidents", {"title": "A rehearsal", "is_drill": True, "services": ["login-api"]}).json()["id"]
    assert by.get(way).json()["incident_id"] == incident
    ended = by.post(f"{way}/end", {"reason": "Seen enough"}).json()
    assert ended["end_reason"] == "Seen enough"
    assert ended["score"]["declare"] >= 0
    assert [one["id"] for one in by.get("/drills").json()["items"]] == [begun["id"]]


def test_who_takes_part_is_not_told_what_is_to_come(script, world, script_id):
    begun = script(world.me).post("/services/login-api/drills", {"script_id": script_id}).json()
    with transaction() as session:
        ben = factories.make_person(session, "Ben Okafor", Role.RESPONDER)
    assert script(ben).get(f"/drills/{begun['id']}").json()["facts"] == []
    assert script(ben).post(f"/drills/{begun['id']}/lead").status_code == 403


def test_figures_are_told_without_drills(script, world):
    by = script(world.me)
    before = by.get("/insights").json()["items"][-1]["count"]
    by.post("/incidents", {"title": "A rehearsal", "is_drill": True})
    assert by.get("/insights").json()["items"][-1]["count"] == before >= 1
