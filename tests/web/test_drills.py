import re

import pytest

from app.accounts.policy import Role
from app.core.database import transaction
from app.drills import following, queries
from app.drills.models import Drill
from tests import factories
from tests.drills.conftest import go_on

DECLARE = {"nonce": "i1", "title": "Log-in fails", "severity": "high", "is_drill": "1"}


@pytest.fixture
def scene(app):
    """Ana leads drills of login, which runs in staging; Ben responds."""
    with transaction() as session:
        ana, ben = factories.make_person(session), factories.make_person(session, "Ben Okafor", Role.RESPONDER)
        login = factories.make_service(session, "login", name="Login")
        staging = factories.make_target(session, login, environment="staging")
        production = factories.make_target(session, login)
        script = queries.scripts(session)[0][0].id
    return {"ana": ana, "ben": ben, "login": login, "staging": staging, "production": production, "script": script}


def started(client, scene, **more):
    form = {"nonce": "n1", "script": str(scene["script"]), "target": str(scene["staging"].id)} | more
    return client.post("/services/login/drills", data=form)


def test_a_drill_is_started_declared_led_and_its_result_is_shown(client, sign_in, scene):
    sign_in(client, scene["ana"])
    assert "There to practise on" in client.get("/services/login/drills/new").text
    drill = started(client, scene).headers["location"]
    led = client.get(drill).text
    assert "Support: the first five users write that they cannot sign in." in led

    sign_in(client, scene["ben"])
    seen = client.get(drill).text
    assert "Nobody has declared it yet" in seen
    assert "the first five users" not in seen, "what is to come is for who leads it"
    declare = re.search(r'href="(/incidents/new\?is_drill=1[^"]*)"', seen)[1].replace("&amp;", "&")
    assert re.search(r'name="is_drill" value="1" checked', client.get(declare).text)
    incident = client.post("/incidents", data=DECLARE | {"service": "login"}).headers["location"]
    assert f"It runs as INC-{incident.rpartition('/')[2]}" in client.get(drill).text

    sign_in(client, scene["ana"])
    fact = re.search(rf'action="({drill}/facts/\d+/tell)"', client.get(drill).text)[1]
    assert client.post(fact).status_code == 303
    timeline = client.get(f"{incident}/timeline").text
    assert "Injected</span>" in timeline
    assert "the first five users" in timeline
    assert client.post(f"{drill}/end", data={"reason": "Seen enough"}).status_code == 303
    over = client.get(drill).text
    assert "Ended by Ana Ruiz: Seen enough." in over
    assert "Time to declare" in over
    assert "first drill of Login that counts" in over


def test_production_is_refused_beside_its_box(client, sign_in, scene):
    sign_in(client, scene["ana"])
    refused = started(client, scene, target=str(scene["production"].id))
    assert refused.status_code == 422
    assert 'id="accepts_production-error"' in refused.text
    drill = started(client, scene, target=str(scene["production"].id), accepts_production="1").headers["location"]
    assert "is what people use" in client.get(drill).text


def test_a_responder_starts_and_leads_nothing(client, sign_in, scene):
    sign_in(client, scene["ana"])
    drill = started(client, scene).headers["location"]
    sign_in(client, scene["ben"])
    assert client.get("/services/login/drills/new").status_code == 403
    assert client.post(f"{drill}/lead").status_code == 403
    assert client.get("/drill-scripts").status_code == 403


def test_another_commander_leads_after_taking_it_over(client, sign_in, scene):
    sign_in(client, scene["ana"])
    drill = started(client, scene).headers["location"]
    with transaction() as session:
        cara = factories.make_person(session, "Cara Lund")
    sign_in(client, cara)
    assert "facts/" not in client.get(drill).text
    refused = client.post(f"{drill}/end")
    assert refused.headers["location"] == drill
    assert "Ana Ruiz leads this drill" in client.get(drill).text
    client.post(f"{drill}/lead")
    assert f"{drill}/facts/" in client.get(drill).text


def test_scripts_are_written_and_edited(client, sign_in, scene):
    sign_in(client, scene["ana"])
    form = {"name": "Slow pages", "signal": "A customer calls.", "minute-1": "4", "text-1": "Another one.", "minute-2": "x", "text-2": "Y"}
    assert "is not a whole number" in client.post("/drill-scripts", data=form).text
    way = client.post("/drill-scripts", data=form | {"minute-2": "2"}).headers["location"]
    shown = client.get(way).text
    assert shown.index('value="Y"') < shown.index('value="Another one."'), "by minute"
    assert client.post(way, data=form | {"minute-2": "2", "signal": "Two call.", "seen": "1"}).status_code == 303
    assert client.post(way, data=form | {"minute-2": "2", "signal": "Three call.", "seen": "1"}).status_code == 409
    client.post(f"{way}/put-away")
    assert "Slow pages" not in client.get("/services/login/drills/new").text


def test_a_second_drill_is_compared_with_the_first(client, sign_in, scene):
    sign_in(client, scene["ana"])
    for nonce, minutes in (("a", 4), ("b", 2)):
        drill = started(client, scene, nonce=nonce).headers["location"]
        with transaction() as session:
            go_on(session, session.get_one(Drill, int(drill.rpartition("/")[2])), minutes)
        incident = client.post("/incidents", data=DECLARE | {"nonce": nonce, "service": "login"}).headers["location"]
        client.post(f"{incident}/resolve", data={"overrule_reason": "It is a drill."})
        client.post(f"{incident}/state", data={"state": "cancelled", "reason": "x"})
        with transaction() as session:
            following.sweep(session)
    page = client.get(drill).text
    assert "faster" in page
    assert "1 earlier drill of Login" in page


def test_the_board_and_the_service_say_what_was_not_practised(client, sign_in, scene, monkeypatch):
    with transaction() as session:
        session.merge(scene["login"]).created_at = scene["login"].created_at.replace(year=2020)
    sign_in(client, scene["ben"])
    assert "1 service was not practised for long" in client.get("/").text
    assert "Never practised in a drill." in client.get("/services/login").text
    assert "over 90 days" in client.get("/drills").text
    assert "not practised for long" in client.get("/insights").text


def test_figures_are_tables_without_drills(client, sign_in, scene):
    with transaction() as session:
        factories.make_incident(session, scene["login"], by=scene["ana"])
        factories.make_incident(session, scene["login"], by=scene["ana"], is_drill=True)
    sign_in(client, scene["ben"])
    row = re.search(r"High</span>.*?</tr>", client.get("/insights").text, re.S)[0]
    assert '<td data-label="Incidents">1<' in row
