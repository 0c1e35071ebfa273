from datetime import timedelta

import pytest

from app.core.clock import now
from app.core.database import transaction
from app.incidents.models import Incident
from app.reviews import actions as reviews
from app.reviews import items, signing
from app.reviews.models import ActionItem, Kind
from tests.factories import make_incident, make_person, make_service


@pytest.fixture
def ana(client, sign_in):
    with transaction() as db:
        person = make_person(db)
    return sign_in(client, person)


@pytest.fixture
def incident(ana):
    with transaction() as db:
        return make_incident(db, make_service(db, "login"), by=ana)


def item_of(incident, ana, **facts):
    with transaction() as db:
        return items.add(db, db.get_one(Incident, incident.id), by=ana, **{"title": "A smoke check", **facts}).id


def test_a_ready_made_measure_becomes_an_item_by_two_taps(client, ana, incident):
    form = client.get(f"/incidents/{incident.id}/actions/new?measure=smoke").text
    assert "A smoke check of what users could not do, on Login" in form
    assert f'value="{now().date() + timedelta(days=14)}"' in form
    sent = {"title": "A smoke check", "kind": "test", "priority": "high", "owner_id": str(ana.id), "due_on": "2027-01-05", "nonce": "n"}
    for _ in range(2):
        answer = client.post(f"/incidents/{incident.id}/actions", data=sent)
        assert answer.headers["location"] == f"/incidents/{incident.id}/report"
    with transaction() as db:
        (item,) = db.query(ActionItem).all()
    assert (item.kind, item.priority, item.owner_id, f"{item.due_on}") == ("test", "high", ana.id, "2027-01-05")
    refused = client.post(f"/incidents/{incident.id}/actions", data={"title": "", "due_on": "soon"})
    assert refused.status_code == 422
    assert "is not a day like" in refused.text


def test_the_board_shows_ones_own_first_and_what_is_overdue_in_words(client, ana, incident):
    yesterday = now().date() - timedelta(days=1)
    mine = item_of(incident, ana, owner_id=ana.id, due_on=yesterday)
    item_of(incident, ana, title="Somebody else's")
    board = client.get("/actions").text
    assert board.index("Yours") < board.index("A smoke check") < board.index("Others") < board.index("Somebody else&#39;s")
    assert "2 items to do, 1 overdue" in board
    assert "Somebody else" not in client.get("/actions?owner=me").text
    assert "No action item fits" in client.get("/actions?kind=training").text
    assert client.get("/actions/list?state=nonsense&owner=x&incident=%00").status_code == 200
    assert f"overdue since {yesterday:%-d %b}" in client.get("/").text
    client.post(f"/actions/{mine}/state", data={"state": "in_progress"})
    client.post(f"/actions/{mine}/state", data={"state": "done"})
    assert "1 item to do, none overdue" in client.get("/actions").text


def test_an_item_changed_by_somebody_else_meanwhile_is_not_overwritten(client, ana, incident):
    item = item_of(incident, ana)
    url = f"/actions/{item}"
    assert client.post(url, data={"title": "Other", "version": "1"}).headers["location"] == url
    late = client.post(url, data={"title": "Third", "version": "1"})
    assert late.status_code == 409
    assert 'value="Third"' in late.text
    assert "why it is dropped" in client.post(url, data={"state": "dropped", "outcome": "", "version": "2"}).text


def test_what_waits_for_a_signature_is_on_the_board(client, ana, incident, sign_in):
    with transaction() as db:
        nadia = make_person(db, "Nadia Haddad")
        report = reviews.begin(db, db.get_one(Incident, incident.id), Kind.REPORT, by=ana)
        signing.send(db, report, to={nadia.id}, by=ana)
    assert "waits for your signature" not in client.get("/").text
    sign_in(client, nadia)
    assert "waits for your signature" in client.get("/").text
