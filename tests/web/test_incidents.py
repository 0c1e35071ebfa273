import json
import re

import pytest
from sqlalchemy import func, select

from app.accounts.policy import Role
from app.core.database import transaction
from app.incidents import queries, roles
from app.incidents.models import Incident
from app.incidents.states import State
from app.web.incident_forms import drawn
from tests.factories import make_incident, make_person, make_service
from tests.web import seeds

XSS = "<script>alert(1)</script><b onclick=x>\"'"


@pytest.fixture
def ana(client, sign_in):
    with transaction() as db:
        person = make_person(db)
    return sign_in(client, person)


@pytest.fixture
def incident(ana):
    with transaction() as db:
        return make_incident(db, seeds.shop(db)[0], by=ana)


def again(incident):
    with transaction() as db:
        return queries.shown(db, incident)


def lines(incident):
    with transaction() as db:
        return [entry.body for entry in queries.newest_entries(db, incident)]


def test_declaring_needs_a_title_only_and_leads_to_the_cockpit(client, ana):
    form = client.get("/incidents/new").text
    nonce = re.search(r'name="nonce" value="([^"]+)"', form)[1]
    answers = [client.post("/incidents", data={"title": "Log-in fails", "nonce": nonce, "takes_command": "1"}) for _ in range(2)]
    assert {answer.status_code for answer in answers} == {303}
    assert answers[0].headers["location"] == answers[1].headers["location"]
    page = client.get(answers[0].headers["location"])
    assert page.status_code == 200
    assert "No service is named yet" in page.text
    with transaction() as db:
        assert db.scalar(select(func.count()).select_from(Incident)) == 1
        assert roles.holder_of(db, db.scalars(select(Incident)).one(), roles.COMMANDER).user_id == ana.id


def test_a_refused_declaration_keeps_what_was_typed(client, ana):
    with transaction() as db:
        seeds.shop(db)
    typed = {"title": " ", "impact": "Nobody gets in", "affected_percent": "300", "service": "login", "severity": "critical", "nonce": "n"}
    answer = client.post("/incidents", data=typed)
    assert answer.status_code == 422
    for part in ("Nobody gets in", 'value="300"', 'value="login" checked', 'value="n"', "from 0 to 100", "needs a title"):
        assert part in answer.text
    assert re.search(r'value="critical" checked', answer.text)


def test_what_changed_lately_stands_first_when_declaring(client, ana):
    with transaction() as db:
        make_service(db, "aaa", tier=1)
        seeds.shop(db)
    form = client.get("/incidents/new").text
    assert form.index("deployed") < form.index('value="aaa"')
    assert "12\u00a0min ago" in form


def test_the_cockpit_offers_the_rollback_as_its_one_loud_thing(client, ana, incident):
    page = client.get(f"/incidents/{incident.id}").text
    assert "Login went from v1.2.3 to v1.2.4 12\u00a0min ago." in page
    assert "Roll back Login to v1.2.3" in page
    assert page.count("btn-primary") == 2  # the panel's and the phone's bar
    assert f'name="incident_id" value="{incident.id}"' in page
    assert "Mei Tan" in page
    assert "12.4\u00a0%" in page


@pytest.mark.parametrize("piece", ["header", "now", "bar", "sides", "timeline/newest", "timeline/lines"])
def test_every_piece_has_one_root_and_stands_in_a_page_as_it_is(client, ana, incident, piece):
    answer = client.get(f"/incidents/{incident.id}/{piece}", headers={"HX-Request": "true"})
    assert answer.status_code == 200
    root = re.match(r'\s*<(\w+) id="([^"]+)"', answer.text)
    page = client.get(f"/incidents/{incident.id}/timeline" if piece.endswith("lines") else f"/incidents/{incident.id}").text
    assert f'id="{root[2]}"' in page


def test_no_id_stands_twice_on_a_page(client, ana, incident):
    for path in ("", "/timeline", "/roles", "/facts", "/state", "/services"):
        ids = re.findall(r'\sid="([^"]+)"', client.get(f"/incidents/{incident.id}{path}").text)
        assert sorted(ids) == sorted(set(ids)), path


def test_text_of_people_never_becomes_markup(client, sign_in):
    with transaction() as db:
        ana, bo = make_person(db, f"Ana {XSS}"), make_person(db, "Bo Lind")
        made = make_incident(db, seeds.shop(db)[0], by=ana, title=f"T {XSS}", impact=f"I {XSS}")
        held = roles.take(db, made, roles.COMMANDER, by=ana)
        roles.hand_over(db, made, roles.COMMANDER, to=bo.id, briefing=f"B {XSS}", by=ana, holder_id=held.id)
        roles.take(db, made, "r <script>alert(1)</script>", by=ana)
    sign_in(client, ana)
    client.post(f"/incidents/{made.id}/notes", data={"body": f"N {XSS}"})
    for path in ("/", "/incidents", "/incidents/new?title=%3Cscript%3Ealert(1)%3C/script%3E"):
        assert "<script>alert" not in client.get(path).text
    for path in ("", "/timeline", "/roles", "/facts", "/state", "/services", "/export.md"):
        page = client.get(f"/incidents/{made.id}{path}")
        assert page.status_code == 200
        if path != "/export.md":
            assert "<script>alert" not in page.text, path
            assert "<b onclick" not in page.text, path
            assert "hx-ignore" in page.text
        else:
            assert page.headers["content-type"].startswith("text/markdown")
            assert "attachment" in page.headers["content-disposition"]


def test_facts_are_changed_by_a_form_and_two_editors_do_not_overwrite_each_other(client, ana, incident):
    was = drawn(again(incident))
    facts = {"title": "Log-in fails", "severity": "high", "impact": "", "affected_percent": "", "began_at": "", "was": was}
    assert client.post(f"/incidents/{incident.id}/facts", data=facts | {"impact": "Half of them"}).status_code == 303
    assert client.post(f"/incidents/{incident.id}/facts", data=facts | {"affected_percent": "30"}).status_code == 303
    assert (again(incident).impact, again(incident).affected_percent) == ("Half of them", 30)
    lost = client.post(f"/incidents/{incident.id}/facts", data=facts | {"impact": "All of them"})
    assert lost.status_code == 409
    assert "Nothing of yours was saved" in lost.text
    assert "All of them" in lost.text
    assert client.post(f"/incidents/{incident.id}/facts", data=facts | {"was": "["}).status_code == 422
    assert client.post(f"/incidents/{incident.id}/facts", data=facts | {"was": json.dumps([1])}).status_code == 422


def test_after_a_conflict_the_form_shows_what_others_wrote_in_the_fields_that_were_left_alone(client, ana, incident):
    was = drawn(again(incident))
    facts = {"title": "Log-in fails for some users", "severity": "high", "impact": "", "affected_percent": "", "began_at": "", "was": was}
    client.post(f"/incidents/{incident.id}/facts", data=facts | {"severity": "critical", "impact": "Half of them"})
    lost = client.post(f"/incidents/{incident.id}/facts", data=facts | {"impact": "All of them", "is_drill": "1"}).text
    assert 'value="critical" checked' in lost
    assert "All of them</textarea>" in lost
    assert re.search(r'name="is_drill" value="1" checked', lost)
    again_was = re.search(r'name="was" value="([^"]+)"', lost)[1].replace("&#34;", '"')
    saved = client.post(f"/incidents/{incident.id}/facts", data=facts | {"severity": "critical", "impact": "All of them", "was": again_was})
    assert saved.status_code == 303
    assert (again(incident).severity, again(incident).impact) == ("critical", "All of them")


def test_odd_characters_in_any_field_are_no_mistake_of_ours(client, ana, incident):
    odd = "\0\ud7ff\u202e%00'\"<"
    for path, data in (
        ("/incidents", {"title": odd, "impact": odd, "nonce": odd * 50}),
        (f"/incidents/{incident.id}/notes", {"body": odd, "nonce": odd}),
        (f"/incidents/{incident.id}/roles/take", {"role": odd}),
        (f"/incidents/{incident.id}/state", {"state": "duplicate", "reason": odd, "duplicate_of": odd}),
        (f"/incidents/{incident.id}/facts", {"title": odd, "was": odd, "began_at": odd, "affected_percent": odd}),
        (f"/incidents/{incident.id}/severity", {"severity": odd}),
    ):
        assert client.post(path, data=data).status_code in {303, 422}, path


def test_the_severity_is_one_tap(client, ana, incident):
    client.post(f"/incidents/{incident.id}/severity", data={"severity": "critical"})
    assert again(incident).severity == "critical"
    assert client.post(f"/incidents/{incident.id}/severity", data={"severity": "awful"}).status_code == 303
    assert again(incident).severity == "critical"


def test_the_state_moves_forwards_by_one_button_and_backwards_with_a_reason(client, ana, incident):
    url = f"/incidents/{incident.id}/state"
    assert client.post(url, data={"state": "recovering"}).status_code == 303
    refused = client.post(url, data={"state": "detected", "reason": " "})
    assert refused.status_code == 422
    assert "needs a reason" in refused.text
    assert client.post(url, data={"state": "nonsense"}).status_code == 422
    assert client.post(url, data={"state": "duplicate", "reason": "same", "duplicate_of": "INC-999"}).status_code == 422
    with transaction() as db:
        other = make_incident(db, by=ana)
    assert client.post(url, data={"state": "duplicate", "reason": "same", "duplicate_of": other.ref}).status_code == 303
    assert f"Open {other.ref}" in client.get(f"/incidents/{incident.id}").text


def test_a_responder_works_and_does_not_end_the_incident(client, sign_in, incident):
    with transaction() as db:
        rio = make_person(db, "Rio Sol", Role.RESPONDER)
    sign_in(client, rio)
    assert 'value="resolved"' not in client.get(f"/incidents/{incident.id}/state").text
    assert client.post(f"/incidents/{incident.id}/state", data={"state": "resolved"}).status_code == 403
    assert client.post(f"/incidents/{incident.id}/restriction", data={"restricted": "1"}).status_code == 403
    assert again(incident).state == State.DETECTED


def test_a_viewer_reads_and_is_offered_nothing_to_press(client, sign_in, incident):
    with transaction() as db:
        vic = make_person(db, "Vic Low", Role.VIEWER)
    sign_in(client, vic)
    page = client.get(f"/incidents/{incident.id}").text
    assert "<form" not in page.split("</header>")[-1].split('id="main"')[1]
    for path, data in (
        ("notes", {"body": "x"}),
        ("state", {"state": "decided"}),
        ("roles/take", {"role": "scribe"}),
        ("services", {"service": "login"}),
    ):
        assert client.post(f"/incidents/{incident.id}/{path}", data=data).status_code == 403


def test_somebody_of_another_service_does_not_learn_that_it_exists(client, sign_in, incident):
    with transaction() as db:
        far = make_person(db, "Eli Far", Role.COMMANDER, service=make_service(db, "far"))
    sign_in(client, far)
    for path in ("", "/header", "/now", "/sides", "/timeline", "/timeline/newest", "/roles", "/facts", "/export.json"):
        assert client.get(f"/incidents/{incident.id}{path}").status_code == 404
    assert client.post(f"/incidents/{incident.id}/notes", data={"body": "x"}).status_code == 404
    refused = client.post("/incidents", data={"title": "x", "service": "login"})
    assert refused.status_code == 422
    assert "There is no service “login”, or you may not see it" in refused.text


def test_roles_are_taken_handed_over_and_given_back(client, ana, incident):
    url = f"/incidents/{incident.id}/roles"
    with transaction() as db:
        bo = make_person(db, "Bo Lind")
    assert client.post(f"{url}/take", data={"role": "commander", "from": "cockpit"}).headers["location"] == f"/incidents/{incident.id}"
    refused = client.post(f"{url}/hand-over", data={"role": "commander", "to": str(bo.id), "briefing": ""})
    assert refused.status_code == 422
    assert "brief Bo Lind" in refused.text
    assert client.post(f"{url}/hand-over", data={"role": "commander", "to": str(bo.id), "briefing": "Watch"}).status_code == 303
    assert "Briefing: Watch" in client.get(url).text
    client.post(f"{url}/give-back", data={"role": "commander"})
    assert lines(incident)[:2] == ["gave back command, held by Bo Lind", "handed command to Bo Lind: Watch"]


def test_services_come_go_and_are_suspected(client, ana, incident):
    url = f"/incidents/{incident.id}/services"
    assert client.post(f"{url}/remove", data={"service": "login"}).status_code == 303
    assert "only service" in client.get(url).text
    client.post(url, data={"service": "checkout"})
    release = re.search(r'name="release_id" value="(\d+)"', client.get(url).text)[1]
    client.post(f"{url}/suspect", data={"service": "login", "release_id": release})
    assert "Take the suspicion back" in client.get(url).text
    assert lines(incident)[:2] == ["named login v1.2.4 as the suspect", "added the service checkout"]


def test_the_list_is_filtered_and_paged(client, ana):
    with transaction() as db:
        for number in range(55):
            make_incident(db, by=ana, title=f"Slow {number}")
        make_incident(db, by=ana, title="Down", severity="critical")
    first = client.get("/incidents").text
    older = re.search(r'href="(/incidents\?before=\d+)"', first)[1]
    assert "Slow 0<" not in first
    assert "Slow 0<" in client.get(older).text
    assert "Slow" not in client.get("/incidents?severity=critical").text
    assert "No incident fits" in client.get("/incidents?q=nothing+like+it").text
    assert client.get("/incidents?state=nonsense&severity=%00&before=x&service=none&q=%00%27").status_code == 200


def test_pages_of_a_resolved_incident_say_so_and_offer_to_open_it_again(client, ana, incident):
    client.post(f"/incidents/{incident.id}/state", data={"state": "resolved"})
    page = client.get(f"/incidents/{incident.id}").text
    assert "Resolved after" in page
    assert "Open it again" in page
    assert 'data-time="elapsed"' not in page
