import uuid

import pytest

from app.accounts import api_tokens
from app.accounts.policy import Role
from app.catalog.actions import ContactFacts, set_contacts
from app.core.database import transaction
from app.response import declare
from tests import factories


@pytest.fixture
def scene(app):
    with transaction() as session:
        mei = factories.make_person(session, "Mei Tan", Role.RESPONDER)
        factories.make_channel(session, "mail", name="Ops mail")
        login = factories.make_service(session, "login")
        set_contacts(session, login, [ContactFacts(role="On-call", name="Ana Ruiz", email="ana@example.org")], by=mei)
        incident = declare.declare(session, title="Log-in fails", form_nonce="n", service_ids=(login.id,), by=mei)
        token = api_tokens.create(session, name="all", scopes=api_tokens.SCOPES, days=1, by=mei)
    return {"way": f"/api/v1/incidents/{incident.id}", "headers": {"Authorization": f"Bearer {token}"}}


def test_a_script_sees_the_paging_takes_it_and_writes_down_who_was_reached(client, scene):
    way, headers = scene["way"], scene["headers"]

    def post(path, body=None):
        return client.post(way + path, json=body, headers=headers | {"Idempotency-Key": uuid.uuid4().hex})

    paging = client.get(f"{way}/paging", headers=headers).json()
    assert (paging["state"], paging["attempts"][0]["name"], paging["attempts"][0]["state"]) == ("paging", "Ana Ruiz", "queued")
    assert post("/paging/answer").json()["answered_by"] == "Mei Tan"
    assert post("/paging").json()["state"] == "paging"
    [contact] = client.get(f"{way}/contacts", headers=headers).json()["items"]
    assert (contact["outcome"], contact["services"]) == ("", ["Login"])
    assert post(f"/contacts/{contact['contact_id']}", {"outcome": "reached"}).json()["said_by"] == "Mei Tan"
    assert post(f"/contacts/{contact['contact_id']}", {"outcome": "maybe"}).status_code == 422
    assert client.get(f"{way}/alerts", headers=headers).json()["items"] == []
