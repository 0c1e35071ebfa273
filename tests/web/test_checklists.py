"""The pages of checklists: forms first, htmx beside them; who was faster, what the evidence says, what may not be faked."""

import re

import pytest

from app.accounts.policy import Reach
from app.audit import queries as audit
from app.checklists import actions, queries
from app.checklists.models import Checklist
from app.core.database import transaction
from app.incidents import actions as incidents
from app.incidents import queries as incident_queries
from app.incidents.models import Incident
from app.incidents.states import State
from app.response import declare
from app.web.audience import audience
from tests.factories import make_person, make_service

ALL = Reach(everything=True, service_ids=frozenset())
HAND, BOUND = "Communication prepared", "Team notified"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def ana(client, sign_in):
    with transaction() as db:
        person = make_person(db)
        make_service(db, "login")
    return sign_in(client, person)


@pytest.fixture
def incident(client, ana):
    """Declared as people do it, by the form."""
    client.post("/incidents", data={"title": "Log-in fails", "severity": "high", "service": "login", "nonce": "n"})
    with transaction() as db:
        return db.get_one(Incident, 1)


def find(incident, text):
    with transaction() as db:
        lists = queries.of_incident(db, incident)
        return next(one for found in lists for one in found.items if one.text == text)


def post(client, item, verb, headers=HTMX, **fields):
    return client.post(f"/checklist-items/{item.id}/{verb}", data=fields, headers=headers)


def test_declaring_attaches_the_lists_and_the_cockpit_shows_the_one_of_the_phase(client, ana, incident):
    page = client.get(f"/incidents/{incident.id}").text
    assert "Immediate assessment" in page
    assert "During the rollback" not in page
    assert 'id="incident-1-ticks"' in page
    with transaction() as db:
        incidents.move(db, db.get_one(Incident, incident.id), State.RECOVERING, by=ana)
    pane = client.get(f"/incidents/{incident.id}/checklists/pane").text
    assert pane.strip().startswith(f'<section id="incident-{incident.id}-lists"')
    assert "During the rollback" in pane


def test_the_tab_has_all_lists_and_the_board_says_how_far_they_are(client, ana, incident):
    page = client.get(f"/incidents/{incident.id}/checklists").text
    assert page.index("Immediate assessment</h2>") < page.index("Before the rollback</h2>") < page.index("After</h2>")
    post(client, find(incident, HAND), "tick", seen="open")
    assert re.search(r'id="incident-1-ticks"[^>]*>1/25<', client.get("/").text)
    assert ">1/25<" in client.get(f"/incidents/{incident.id}/checklists/progress").text


def test_a_tick_works_without_script_and_answers_htmx_with_the_item(client, ana, incident):
    item = find(incident, HAND)
    plain = post(client, item, "tick", headers={}, seen="open", place="cockpit")
    assert (plain.status_code, plain.headers["location"]) == (303, f"/incidents/{incident.id}#item-{item.id}")
    piece = post(client, item, "untick", seen="ticked")
    assert piece.text.strip().startswith(f'<li id="item-{item.id}"')
    assert 'aria-pressed="false"' in piece.text
    with transaction() as db:
        assert audit.verify(db) == ""
        assert [entry.action for entry in audit.newest(db, about=f"item-{item.id}")] == ["checklist.untick", "checklist.tick"]


def test_the_slower_of_two_sees_the_item_as_it_is_and_who_was_faster(client, ana, incident):
    item = find(incident, HAND)
    with transaction() as db:
        bo = make_person(db, "Bo Lind")
        actions.tick(db, queries.get_item(db, item.id, reach=ALL), by=bo)
    late = post(client, item, "tick", seen="open")
    assert late.status_code == 409
    assert 'data-state="ticked"' in late.text
    assert "Somebody was faster: Bo Lind ticked it at" in late.text
    plain = post(client, item, "tick", headers={}, seen="open")
    assert plain.status_code == 303
    assert "Bo Lind ticked it" in client.get(plain.headers["location"]).text


def test_a_bound_item_has_no_button_and_cannot_be_faked(client, ana, incident):
    item = find(incident, BOUND)
    page = client.get(f"/checklist-items/{item.id}").text
    assert f'action="/checklist-items/{item.id}/tick"' not in page
    assert "Ticks when a notice goes out" in page
    refused = post(client, item, "tick", seen="open")
    assert refused.status_code == 422
    assert "cannot be ticked by hand" in refused.text
    assert 'data-state="open"' in refused.text
    overruled = post(client, item, "overrule", to="ticked", reason="<b>told</b> by phone")
    assert "Overruled by Ana Ruiz" in overruled.text
    assert "&lt;b&gt;told&lt;/b&gt; by phone" in overruled.text
    assert "Let the evidence decide again" in client.get(f"/checklist-items/{item.id}").text
    assert 'data-state="open"' in post(client, item, "lift").text


def test_the_severity_is_confirmed_by_one_tap(client, ana, incident):
    assert "Confirm high" in client.get(f"/incidents/{incident.id}").text
    done = client.post(f"/incidents/{incident.id}/severity/confirm", data={"severity": "high", "place": "cockpit"})
    assert done.headers["location"] == f"/incidents/{incident.id}"
    assert find(incident, "Severity confirmed").evidence == "Ana Ruiz confirmed the severity: high"
    late = client.post(f"/incidents/{incident.id}/severity/confirm", data={"severity": "low"})
    assert "is high by now" in client.get(late.headers["location"]).text


def test_take_give_time_skip_and_note_on_the_items_own_page(client, ana, incident):
    item = find(incident, HAND)
    assert "Take it" in client.get(f"/incidents/{incident.id}/checklists").text
    assert "Ana Ruiz" in post(client, item, "own", owner="me").text
    assert "due" in post(client, item, "due", due_at="2036-11-24T14:00").text
    assert "is over already" in post(client, item, "due", due_at="2020-01-01T00:00").text
    assert "is not a time" in post(client, item, "due", due_at="soon").text
    assert "1 note" in post(client, item, "notes", body="Draft is with <i>Priya</i>", nonce="a").text
    assert "Skipped by Ana Ruiz" in post(client, item, "skip", reason="nobody outside sees it", seen="open").text
    page = client.get(f"/checklist-items/{item.id}").text
    assert "Draft is with &lt;i&gt;Priya&lt;/i&gt;" in page
    assert "skipped it: nobody outside sees it" in page


def test_a_list_is_begun_by_hand_for_an_incident_and_for_a_service(client, ana, incident):
    with transaction() as db:
        template = next(one for one, _ in queries.templates(db) if one.phase == "deployment")
    begun = client.post(f"/incidents/{incident.id}/checklists", data={"template": template.id, "nonce": "a"})
    assert f"/incidents/{incident.id}/checklists#checklist-" in begun.headers["location"]
    for nonce in ("b", "b", "c"):
        own = client.post("/services/login/checklists", data={"template": template.id, "nonce": nonce})
    assert "Deployment of Login" in client.get(own.headers["location"]).text
    assert client.get("/services/login/checklists").text.count('href="/checklists/') == 2
    with transaction() as db:
        of_incident = db.query(Checklist).filter(Checklist.incident_id == incident.id).first()
    there = client.get(f"/checklists/{of_incident.id}").headers["location"]
    assert there == f"/incidents/{incident.id}/checklists#checklist-{of_incident.id}"


def test_a_template_is_edited_in_versions_and_a_running_list_is_frozen(client, ana, incident):
    page = client.get("/checklist-templates/1/edit").text
    fields = dict(re.findall(r'name="((?:text|place)-\d+)"[^>]*value="([^"]*)"', page))
    assert fields["text-1"] == "Severity confirmed"
    typed = {"name": "First minutes", "seen": "1", "severity": ["critical"], "incident": incident.id, "reason": "we were late"}
    rows = {"text-1": "Call the vendor", "place-1": "2", "text-2": "Breathe", "place-2": "1", "required-2": "1", "due-1": "5"}
    saved = client.post("/checklist-templates/1/edit", data=typed | rows)
    assert saved.headers["location"] == "/checklist-templates/1"
    shown = client.get("/checklist-templates/1").text
    assert shown.index("Breathe") < shown.index("Call the vendor")
    assert "Version 2 by Ana Ruiz, 2 items: we were late" in shown
    assert f'href="/incidents/{incident.id}">INC-{incident.id}' in shown
    late = client.post("/checklist-templates/1/edit", data=typed | rows)
    assert late.status_code == 409
    assert "Call the vendor" in late.text
    assert "Severity confirmed" in client.get(f"/incidents/{incident.id}/checklists").text
    with transaction() as db:
        high = declare.declare(db, title="Another", form_nonce="x", by=ana)
        assert "First minutes" not in [one.name for one in queries.of_incident(db, high)]


def test_a_template_is_made_refused_with_its_words_and_put_away(client, ana):
    wrong = client.post("/checklist-templates", data={"name": "", "phase": "before", "text-1": "Kept words", "due-1": "0.5"})
    assert wrong.status_code == 422
    assert "Kept words" in wrong.text
    assert "due after one minute" in wrong.text
    made = client.post("/checklist-templates", data={"name": "Vendors", "phase": "before", "text-1": "Vendor called"})
    away = client.post(f"{made.headers['location']}/put-away")
    assert "Use it again" in client.get(away.headers["location"]).text
    assert "Vendors" in client.get("/checklist-templates").text


def test_a_list_for_every_service_is_not_changed_by_a_commander_of_one(client, sign_in):
    with transaction() as db:
        only = make_person(db, "Cara Lim", "commander", service=make_service(db, "shop"))
    sign_in(client, only)
    refused = client.post("/checklist-templates/1/edit", data={"name": "Mine", "seen": "1", "text-1": "x"})
    assert refused.status_code == 422
    assert "beyond those whose procedure you may edit" in refused.text


def test_only_those_who_may_see_the_incident_hear_of_its_lists(client, ana, incident):
    with transaction() as db:
        (checklist, *_) = queries.of_incident(db, incident)
        heard = audience(db, f"checklist-{checklist.id}")
        assert heard.services == incident_queries.service_ids(db, incident)
        assert audience(db, "checklist-999").includes(Reach(everything=False, service_ids=frozenset({1}))) is False
