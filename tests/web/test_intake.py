import re

import pytest
from sqlalchemy import func, select

from app.accounts.policy import Role
from app.core.database import transaction
from app.incidents.models import Incident
from app.notifications import integrations
from app.notifications.alerting_models import Integration
from tests import factories
from tests.response.test_intake import alert, alertmanager


@pytest.fixture
def scene(app):
    with transaction() as session:
        admin = factories.make_person(session, "Ida Berg", Role.ADMIN)
        mei = factories.make_person(session, "Mei Tan", Role.RESPONDER)
        factories.make_service(session, "login")
        source, token = integrations.add(session, name="Alertmanager prod", kind="alertmanager", by=admin)
    return {"admin": admin, "mei": mei, "source": source, "token": token, "way": f"/intake/{source.hook}"}


def test_alertmanager_opens_an_incident_and_a_responder_reads_where_it_came_from(client, sign_in, scene):
    del client.headers["Origin"]
    answer = client.post(scene["way"], json=alertmanager(alert()), headers={"Authorization": f"Bearer {scene['token']}"})
    assert answer.json() == {"opened": ["INC-1"], "joined": [], "known": 0, "resolved": 0, "ignored": 0}
    sign_in(client, scene["mei"])
    shown = client.get("/incidents/1").text
    assert "Alertmanager prod" in shown
    assert 'href="http://prometheus.example.org:9090/graph?g0.expr=x"' in shown


def test_a_wrong_token_and_a_wrong_address_get_the_same_answer_as_json(client, scene):
    answers = [
        client.post(way, json=alertmanager(alert()), headers={"Authorization": f"Bearer {token}"})
        for way, token in ((scene["way"], "wrong"), ("/intake/nowhere", scene["token"]), ("/intake/%00", "x"))
    ]
    assert {(answer.status_code, answer.text) for answer in answers} == {(404, answers[0].text)}
    assert answers[0].json()["detail"].startswith("Nothing takes alerts")
    with transaction() as session:
        assert session.scalar(select(func.count(Incident.id))) == 0


def test_what_cannot_be_read_is_too_large_or_too_much_is_said(client, scene):
    headers = {"Authorization": f"Bearer {scene['token']}"}
    assert client.post(scene["way"], content=b"x", headers=headers).status_code == 422
    assert client.post(scene["way"], content=b"x" * 1_000_001, headers=headers).status_code == 413
    integrations_a_minute, integrations.A_MINUTE = integrations.A_MINUTE, 0
    try:
        much = client.post(scene["way"], json=alertmanager(alert()), headers=headers)
    finally:
        integrations.A_MINUTE = integrations_a_minute
    assert (much.status_code, much.headers["retry-after"]) == (429, "60")
    assert "no more are taken" in much.json()["detail"]


def test_an_administrator_makes_arranges_renews_and_removes_a_source(client, sign_in, scene):
    sign_in(client, scene["admin"])
    assert "Alertmanager prod" in client.get("/integrations").text
    assert client.post("/integrations", data={"name": "alertmanager PROD", "kind": "grafana"}).status_code == 422
    made = client.post("/integrations", data={"name": "Scripts", "kind": "webhook"})
    secret = re.search(r"whsec_[\w+/=]+", made.text)[0]
    with transaction() as session:
        source = session.scalars(select(Integration).where(Integration.name == "Scripts")).one()
    way = f"/integrations/{source.id}"
    assert secret not in client.get(way).text
    told = {"label": "app", "severity": "low", "services": "login-api = login"}
    assert client.post(way, data=told | {"services": "login-api"}).status_code == 422
    assert client.post(way, data=told | {"services": "a = nowhere"}).status_code == 422
    assert client.post(way, data=told).status_code == 303
    assert "login-api = login" in client.get(way).text
    assert secret not in client.post(f"{way}/rotate").text
    assert client.post(f"{way}/remove").status_code == 303
    assert client.get(way).status_code == 404
    sign_in(client, scene["mei"])
    assert client.get("/integrations").status_code == 403
