import re
from datetime import timedelta

import pytest
from icalendar import Calendar

from app.accounts.policy import Role
from app.core.clock import now
from app.core.database import transaction
from app.incidents import queries as incidents
from app.incidents.models import Incident
from app.reviews import actions as reviews
from app.reviews.models import Kind, Publication, Section
from app.statuspage import pages as statuspages
from app.verification.models import Verification
from tests.factories import make_incident, make_person, make_service
from tests.web import stages


@pytest.fixture
def people(app):
    with transaction() as db:
        return make_person(db), make_person(db, "Nadia Haddad"), make_person(db, "Vic Low", Role.VIEWER)


@pytest.fixture
def ana(client, sign_in, people):
    return sign_in(client, people[0])


@pytest.fixture
def incident(ana):
    with transaction() as db:
        return make_incident(db, make_service(db, "login"), by=ana, title="Login fails", impact="Nobody signs in.")


@pytest.fixture
def report(incident, ana):
    with transaction() as db:
        return reviews.begin(db, db.get_one(Incident, incident.id), Kind.REPORT, by=ana).id


def section(review_id, key):
    with transaction() as db:
        return db.get_one(Section, (review_id, key))


def test_a_report_is_begun_from_its_tab_and_read_by_people_who_change_nothing(client, ana, incident, people, sign_in):
    begin = client.get(f"/incidents/{incident.id}/report").text
    assert "No report has been begun" in begin
    made = client.post(f"/incidents/{incident.id}/reviews", data={"kind": "report"}).headers["location"]
    assert client.get(f"/incidents/{incident.id}/report").headers["location"] == made
    assert (
        client.post(f"/incidents/{incident.id}/reviews", data={"kind": "novel"}).headers["location"] == f"/incidents/{incident.id}/report"
    )
    page = client.get(made).text
    assert "Nobody signs in." in page
    assert "Drafted<span" in page
    assert "Send for review" in page
    assert "Login fails" in client.get("/reviews").text
    preview = client.get(f"{made}?preview").text
    assert "Drafted<span" not in preview
    sign_in(client, people[2])
    read = client.get(made).text
    assert "Send for review" not in read
    assert "Draft again" not in read
    assert client.post(f"{made}/sections/summary", data={"body": "x", "version": "1"}).status_code == 403


def test_a_section_is_written_in_place_and_scripts_stay_text(client, report):
    url = f"/reviews/{report}/sections/root_cause"
    form = client.get(url, headers={"HX-Request": "true"}).text
    assert form.strip().startswith('<form id="section-root_cause"')
    assert "<html" in client.get(url).text
    body = {"body": "**Cause** <script>alert(1)</script> [x](javascript:alert(1))", "version": "1"}
    piece = client.post(url, data=body, headers={"HX-Request": "true"}).text
    assert piece.strip().startswith('<section id="section-root_cause"')
    assert "<strong>Cause</strong>" in piece
    assert "<script>" not in piece
    assert 'href="javascript' not in piece
    plain = client.post(url, data={"body": "Again", "version": "2"})
    assert (plain.status_code, plain.headers["location"]) == (303, f"/reviews/{report}#section-root_cause")
    assert "3 versions" in client.get(f"/reviews/{report}").text
    listed = client.get(f"{url}/versions").text
    assert listed.index("Version 3") < listed.index("Version 2") < listed.index("Drafted from the record")
    assert client.get(f"/reviews/{report}/sections/nonsense").status_code == 404


def test_a_timeline_that_cannot_be_read_is_not_saved_and_nothing_typed_is_lost(client, report):
    refused = client.post(f"/reviews/{report}/sections/timeline", data={"body": "at noon it broke", "version": "1"})
    assert refused.status_code == 422
    assert "is no mark of the timeline" in refused.text
    assert "at noon it broke" in refused.text
    good = "2026-03-12 14:15 broke v1.2.4 went out\n2026-03-12 14:35 to 14:37 done rolled back"
    assert client.post(f"/reviews/{report}/sections/timeline", data={"body": good, "version": "1"}).status_code == 303
    page = client.get(f"/reviews/{report}").text
    assert '<svg class="lg-lanes"' in page
    assert "What was done: 14:35 rolled back" in page


def test_the_second_of_two_writers_gets_both_texts(client, report, people, sign_in):
    url = f"/reviews/{report}/sections/summary"
    sign_in(client, people[1])
    client.post(url, data={"body": "Nadia's text", "version": "1"})
    sign_in(client, people[0])
    for headers in ({}, {"HX-Request": "true"}):
        merge = client.post(url, data={"body": "Ana's text", "version": "1"}, headers=headers)
        assert merge.status_code == 409
        assert "Nadia Haddad saved this section while you wrote" in merge.text
        assert "Nadia&#39;s text" in merge.text
        assert "Ana&#39;s text" in merge.text
    version = re.search(r'name="version" value="(\d+)"', merge.text)[1]
    assert client.post(url, data={"body": "Both texts", "version": version}).status_code == 303
    assert section(report, "summary").body == "Both texts"
    assert "Nadia&#39;s text" in client.get(f"{url}/versions").text


def test_a_newer_draft_stands_beside_what_was_written(client, ana, report, incident):
    url = f"/reviews/{report}/sections/impact"
    client.post(url, data={"body": "Nobody could pay.", "version": "1"})
    with transaction() as db:
        db.get_one(Incident, incident.id).impact = "Nobody signs in or pays."
    assert "sections say something else now" in client.get(client.post(f"/reviews/{report}/draft").headers["location"]).text
    page = client.get(f"/reviews/{report}").text
    assert "Nobody could pay." in page
    assert "The record says something else by now" in page
    client.post(f"{url}/keep")
    assert section(report, "impact").draft is None
    with transaction() as db:
        db.get_one(Incident, incident.id).impact = "Nobody signs in, pays or returns."
    client.post(f"/reviews/{report}/draft")
    client.post(f"{url}/draft", data={"version": "2"})
    assert section(report, "impact").body == "Nobody signs in, pays or returns."


def test_a_review_is_sent_signed_and_opened_again_by_an_edit(client, ana, report, people, sign_in):
    refused = client.post(f"/reviews/{report}/send", data={})
    assert "Choose who reads and signs it" in refused.text
    client.post(f"/reviews/{report}/send", data={"to": str(people[1].id)})
    sign_in(client, people[1])
    page = client.get(f"/reviews/{report}").text
    assert "In review" in page
    assert "Sign or send back" in page
    late = client.post(f"/reviews/{report}/sign", data={"version": "99"})
    assert late.status_code == 409
    assert "changed since you opened it" in late.text
    client.post(f"/reviews/{report}/changes", data={"version": "1", "note": "The cause is missing"})
    assert "Nadia Haddad asked for changes: The cause is missing" in client.get(f"/reviews/{report}").text
    sign_in(client, people[0])
    client.post(f"/reviews/{report}/send", data={"to": str(people[1].id)})
    sign_in(client, people[1])
    client.post(f"/reviews/{report}/sign", data={"version": "1"})
    assert ">Signed<" in client.get(f"/reviews/{report}").text
    client.post(f"/reviews/{report}/sections/summary", data={"body": "Other", "version": "1"})
    page = client.get(f"/reviews/{report}").text
    assert "In review" in page
    assert "signed an older version" in page
    assert "Version 2 by now" in client.get(f"/reviews/{report}/bar?seen=1").text


def test_the_meeting_comes_with_an_invitation(client, report):
    assert client.get(f"/reviews/{report}/invitation.ics").status_code == 303
    ahead = (now() + timedelta(days=2)).replace(second=0, microsecond=0)
    past = client.post(f"/reviews/{report}/meeting", data={"meets_at": "2020-01-01T10:00", "minutes": "60"})
    assert "lies in the past" in past.text
    client.post(f"/reviews/{report}/meeting", data={"meets_at": f"{ahead:%Y-%m-%dT%H:%M}", "minutes": "45", "place": "Room 2"})
    answer = client.get(f"/reviews/{report}/invitation.ics")
    assert answer.headers["content-type"].startswith("text/calendar")
    (event,) = Calendar.from_ical(answer.text).walk("VEVENT")
    assert event.decoded("dtstart") == ahead
    assert event.decoded("dtend") - ahead == timedelta(minutes=45)
    assert event["location"] == "Room 2"
    assert event["url"] == f"https://testserver/reviews/{report}"
    assert event["attendee"] == "MAILTO:" + event["attendee"].partition(":")[2]
    client.post(f"/reviews/{report}/meeting/off")
    assert "No date yet" in client.get(f"/reviews/{report}").text


def test_a_report_is_taken_along_as_markdown_html_and_pdf(client, report, incident):
    client.post(f"/reviews/{report}/sections/root_cause", data={"body": "Łódź: `v2` tokens only.\n\n- one\n- two", "version": "1"})
    client.post(f"/incidents/{incident.id}/actions", data={"title": "A smoke check", "kind": "test", "due_on": "2026-12-01"})
    answers = {kind: client.get(f"/reviews/{report}/export.{kind}") for kind in ("md", "html", "pdf")}
    for kind, answer in answers.items():
        assert answer.headers["content-disposition"] == f'attachment; filename="inc-{incident.id}-report.{kind}"'
    assert answers["md"].text.startswith("# Login fails\n")
    assert "## Root cause\n\nŁódź" in answers["md"].text
    assert "| A smoke check | test | nobody yet | 1 Dec 2026 | Open |" in answers["md"].text
    assert "<code>v2</code>" in answers["html"].text
    assert "/static/" not in answers["html"].text
    assert answers["pdf"].content.startswith(b"%PDF-")
    assert client.get(f"/reviews/{report}/export.docx").status_code == 404


def test_nothing_private_is_published_unseen(client, ana, report):
    with transaction() as db:
        page = statuspages.create(db, slug="shop", name="Shop status", by=ana)
    url = f"/reviews/{report}/public"
    sent = {"title": "Log-in failed", "body": "Ana Ruiz restarted 10.2.3.4.", "page_id": str(page.id), "do": "publish"}
    checked = client.post(url, data=sent | {"do": "check"}).text
    assert "As public" in checked
    assert "name of a person" in checked
    refused = client.post(url, data=sent)
    assert refused.status_code == 422
    assert "may be private" in refused.text
    assert "Ana Ruiz restarted" in refused.text
    assert client.post(url, data=sent | {"confirmed": "10.2.3.4"}).status_code == 422
    assert client.post(url, data=sent | {"body": "We restarted 10.2.3.4.", "confirmed": "10.2.3.4"}).status_code == 303
    with transaction() as db:
        (done,) = db.query(Publication).all()
        assert (done.page_name, done.title, done.confirmed) == ("Shop status", "Log-in failed", ["10.2.3.4"])
    assert "Published on Shop status" in client.get(f"/reviews/{report}").text


def test_what_is_open_is_shown_and_overruled_on_the_page_that_resolves(client, ana, incident):
    with transaction() as db:
        (service,) = incidents.service_ids(db, db.get_one(Incident, incident.id))
        ended = {"state": "done", "verdict": "not", "ended_at": now(), "deadline_at": now()}
        one = Verification(service_id=service, incident_id=incident.id, contract=stages.CONTRACT, **ended)
        db.add(one)
        db.flush()
        name = f"verification-{one.id}"
    moved = client.post(f"/incidents/{incident.id}/state", data={"state": "resolved"})
    assert moved.headers["location"] == f"/incidents/{incident.id}/resolve"
    page = client.get(f"/incidents/{incident.id}/resolve").text
    assert "has not recovered" in page
    assert f'name="seen" value="{name}"' in page
    assert client.post(f"/incidents/{incident.id}/resolve", data={"seen": name}).status_code == 422
    done = client.post(f"/incidents/{incident.id}/resolve", data={"seen": name, "overrule_reason": "The check is wrong"})
    assert done.headers["location"] == f"/incidents/{incident.id}"
    assert "is resolved already" in client.get(f"/incidents/{incident.id}/resolve").text
