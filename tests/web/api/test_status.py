import pytest

from app.accounts.policy import Role
from app.core.database import transaction
from app.statuspage import pages
from tests import factories


@pytest.fixture
def page(script):
    with transaction() as session:
        ida = factories.make_person(session, "Ida Berg", Role.ADMIN)
        login = factories.make_service(session, "login")
        made = pages.create(session, name="Oakline status", slug="oakline", by=ida)
        part = pages.add_component(session, made, name="Sign-in", service_id=login.id, by=ida)
        incident = factories.make_incident(session, login, by=ida)
        ana = factories.make_person(session, "Ana Ruiz", Role.RESPONDER)
    return {"id": made.id, "part": part.id, "incident": incident.id, "api": script(ana)}


def test_a_script_publishes_about_an_incident_and_sees_what_is_public(page):
    api = page["api"]
    told = {"text": "We look.", "state": "investigating", "title": "Sign-in fails", "incident_id": page["incident"], "seen": 0}
    felt = {"felt": [{"component_id": page["part"], "standing": "partial"}]}
    update = api.post(f"/status-pages/{page['id']}/publish", told | felt)
    assert update.status_code == 201
    assert update.json()["number"] == 1
    detail = api.get(f"/status-pages/{page['id']}").json()
    assert detail["active"][0]["title"] == "Sign-in fails"
    again = api.post(f"/status-pages/{page['id']}/publish", told | {"about": detail["active"][0]["public_id"]})
    assert again.status_code == 409
    assert "We look." in again.json()["detail"]
    assert api.get("/status-pages").json()["items"][0]["address"].endswith("/status/oakline/")
