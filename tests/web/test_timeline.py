import json
import re
from datetime import timedelta

import pytest

from app.core.clock import now
from app.core.database import transaction
from app.incidents import queries, timeline
from app.incidents.models import Incident
from tests.factories import make_incident, make_person
from tests.web import seeds


@pytest.fixture
def ana(client, sign_in):
    with transaction() as db:
        person = make_person(db)
    return sign_in(client, person)


@pytest.fixture
def incident(ana):
    with transaction() as db:
        return make_incident(db, by=ana)


def note(incident, body, by, **facts):
    with transaction() as db:
        return timeline.note(db, db.get_one(Incident, incident.id), body=body, by=by, **facts)


def bodies(incident):
    with transaction() as db:
        return [entry.body for entry in queries.newest_entries(db, incident)]


def test_a_note_works_without_script_and_answers_htmx_with_the_log(client, ana, incident):
    plain = client.post(f"/incidents/{incident.id}/notes", data={"body": "Two pods", "nonce": "a", "from": "cockpit"})
    assert (plain.status_code, plain.headers["location"]) == (303, f"/incidents/{incident.id}")
    piece = client.post(f"/incidents/{incident.id}/notes", data={"body": "**Three**", "nonce": "b"}, headers={"HX-Request": "true"})
    assert piece.status_code == 200
    assert "<strong>Three</strong>" in piece.text
    assert piece.text.strip().startswith(f'<section id="incident-{incident.id}-log"')


def test_the_same_note_sent_twice_is_one_line(client, ana, incident):
    for _ in range(2):
        client.post(f"/incidents/{incident.id}/notes", data={"body": "Two pods", "nonce": "same"})
    assert bodies(incident).count("Two pods") == 1


def test_a_refused_note_is_drawn_again_with_its_words(client, ana, incident):
    future = f"{now() + timedelta(days=1):%Y-%m-%dT%H:%M}"
    for headers in ({}, {"HX-Request": "true"}):
        answer = client.post(f"/incidents/{incident.id}/notes", data={"body": "Kept words", "at": future}, headers=headers)
        assert answer.status_code == 422
        assert "Kept words" in answer.text
        assert "lies in the future" in answer.text
    assert "is not a time" in client.post(f"/incidents/{incident.id}/notes", data={"body": "x", "at": "yesterday"}).text
    assert len(bodies(incident)) == 1


def test_a_note_is_put_at_a_past_moment_and_says_when_it_was_written(client, ana, incident):
    at = now() - timedelta(hours=2)
    answer = client.post(f"/incidents/{incident.id}/notes", data={"body": "It began here", "at": f"{at:%Y-%m-%dT%H:%M:%S}"})
    assert "#entry-" in answer.headers["location"]
    page = client.get(answer.headers["location"]).text
    assert page.index("declared the incident") < page.index("Before it was declared") < page.index("It began here")
    assert "written <time" in page


def test_a_deep_link_opens_an_old_page_and_pages_lead_up_and_down(client, ana, incident):
    first = note(incident, "Far down", ana, at=now() - timedelta(minutes=30))
    with transaction() as db:
        seeds.many_lines(db, db.get_one(Incident, incident.id), 350)
    assert "Far down" not in client.get(f"/incidents/{incident.id}/timeline").text
    page = client.get(f"/incidents/{incident.id}/timeline?entry={first.id}").text
    assert f'id="entry-{first.id}"' in page
    newer = re.search(r'href="([^"]+)">Newer lines', page)[1].replace("&amp;", "&")
    assert client.get(newer).status_code == 200
    older = re.search(r'href="([^"]+)">Older lines', client.get(f"/incidents/{incident.id}/timeline").text)[1].replace("&amp;", "&")
    assert "line 200<" in client.get(older).text
    assert client.get(f"/incidents/{incident.id}/timeline?entry=999999").status_code == 404
    assert client.get(f"/incidents/{incident.id}/timeline?before=x&after=,&person=x&kind=x&who=x").status_code == 200


def test_an_edit_shows_the_versions_and_the_loser_of_two_is_led_to_the_winner(client, ana, incident):
    first = note(incident, "Two pods redy", ana)
    url = f"/incidents/{incident.id}/timeline/{first.id}/edit"
    assert "Two pods redy" in client.get(url).text
    saved = client.post(url, data={"body": "Two pods ready"})
    page = client.get(saved.headers["location"]).text
    assert "Two pods ready" in page
    assert "1 older version" in page
    assert f'id="entry-{first.id}"' in page  # links to the first version still arrive
    lost = client.post(url, data={"body": "Three"})
    assert lost.status_code == 409
    assert "edited since you opened it" in lost.text
    assert "Three" in lost.text


def test_nobody_edits_the_note_of_another(client, sign_in, ana, incident):
    mine = note(incident, "Mine", ana)
    with transaction() as db:
        bo = make_person(db, "Bo Lind")
    sign_in(client, bo)
    assert client.post(f"/incidents/{incident.id}/timeline/{mine.id}/edit", data={"body": "Other"}).status_code == 422
    assert bodies(incident)[0] == "Mine"


def test_an_entry_of_another_incident_is_not_found(client, ana, incident):
    with transaction() as db:
        other = make_incident(db, by=ana)
    theirs = note(other, "Theirs", ana)
    assert client.get(f"/incidents/{incident.id}/timeline/{theirs.id}/edit").status_code == 404
    assert client.get(f"/incidents/{incident.id}/timeline?entry={theirs.id}").status_code == 404


def test_filters_stand_in_the_address_and_noise_is_folded(client, ana, incident):
    note(incident, "Seen by eye", ana)
    with transaction() as db:
        row = db.get_one(Incident, incident.id)
        for tick in range(4):
            timeline.record(db, row, f"heard {tick}", kind="system", by=ana, is_system=True)
    page = client.get(f"/incidents/{incident.id}/timeline").text
    assert "4 system events" in page
    only = client.get(f"/incidents/{incident.id}/timeline?kind=note").text
    assert "Seen by eye" in only
    assert "heard" not in only
    assert "Seen by eye" not in client.get(f"/incidents/{incident.id}/timeline?who=system").text
    assert "No line fits" in client.get(f"/incidents/{incident.id}/timeline?kind=run").text


def test_exports_stream_the_whole_incident(client, ana, incident):
    with transaction() as db:
        seeds.many_lines(db, db.get_one(Incident, incident.id), 1200)
    whole = client.get(f"/incidents/{incident.id}/export.json")
    assert whole.headers["content-disposition"] == f'attachment; filename="inc-{incident.id}.json"'
    assert len(json.loads(whole.text)["timeline"]) == 1201
    text = client.get(f"/incidents/{incident.id}/export.md").text
    assert text.startswith(f"# INC-{incident.id}")
    assert "line 1199" in text


def test_the_cockpit_names_the_way_to_a_line_that_happened_earlier(client, ana, incident):
    assert f'href="/incidents/{incident.id}/timeline#note"' in client.get(f"/incidents/{incident.id}").text
    assert 'name="at"' in client.get(f"/incidents/{incident.id}/timeline").text
