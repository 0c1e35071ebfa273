"""The page of a decision: facts with source and age, rules, one recommendation, a choice; forms work without JavaScript."""

import re
from datetime import timedelta

import pytest

from app.accounts.policy import Role
from app.catalog.models import CheckReading
from app.core.clock import now
from app.core.database import transaction
from app.decisions import actions, objections, queries, reports, rulebook
from app.incidents import timeline
from app.incidents.models import Incident
from tests.factories import make_check, make_person
from tests.web import stages

ERRORS = {"url": "https://p.example.org", "measure": "error_ratio", "requests": "r", "errors": "e", "limit": 1.0}
HX = {"HX-Request": "true"}


@pytest.fixture
def on(client, sign_in):
    """A service with a bad release and an error rate of 12.4 %; Jonas is signed in."""
    with transaction() as session:
        made = stages.stage(session, "login")
        check = make_check(session, made.service, "metric", "error rate", **ERRORS)
        for minutes, value in ((2, 0.3), (0, 12.4)):
            at = now() - timedelta(minutes=minutes)
            reading = CheckReading(check_id=check.id, at=at, outcome="fail", value=value, sentence=f"{value} %, over 1 %.")
            session.add(reading)
        actions.begin(session, made.incident, by=made.commander)
    sign_in(client, made.commander)
    return made


@pytest.fixture
def url(on):
    return f"/incidents/{on.incident.id}/decision"


def words(html):
    """The text of a page, blanks folded."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace("\u00a0", " ")


def stand(on):
    with transaction() as session:
        return queries.current_decision(session, session.get_one(Incident, on.incident.id))


def test_the_page_shows_facts_with_their_source_rules_and_the_recommendation(client, url):
    text = words(client.get(url).text)
    assert "error rate of login: 12.4 %, over 1 %. 0 s ago" in text or "error rate of login: 12.4 %, over 1 %." in text
    assert "For rolling back 1 of 6 applies" in text
    assert "Roll back to v1.2.3" in text
    assert "Nobody has said yet." in text
    assert "It cannot be fixed forward within 30 minutes : cannot be told unknown" in text


def test_the_piece_is_the_same_partial_as_the_page(client, url):
    piece = client.get(f"{url}/desk").text
    assert piece.lstrip().startswith("<div id=")
    assert 'data-live="incident-' in piece


def test_a_fact_is_said_by_form_and_by_htmx(client, on, url):
    answer = client.post(f"{url}/facts", data={"fact": "fix_minutes", "value": "45"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{url}#fact-fix_minutes")
    answer = client.post(f"{url}/facts", data={"fact": "data_corruption", "value": "no"}, headers=HX)
    assert answer.status_code == 200
    text = words(answer.text)
    assert "It cannot be fixed forward within 30 minutes : applies 45 min" in text
    assert "Said by Jonas Weber." in text


def test_a_fact_that_cannot_be_is_said_beside_its_field_and_keeps_what_was_typed(client, url):
    answer = client.post(f"{url}/facts", data={"fact": "error_rate", "value": "120"})
    assert answer.status_code == 422
    assert "Error rate is a number from 0 to 100" in answer.text
    assert 'value="120"' in answer.text
    assert client.post(f"{url}/facts", data={"fact": "moon", "value": "1"}).status_code == 422


def test_a_word_can_be_taken_back(client, on, url):
    client.post(f"{url}/facts", data={"fact": "error_rate", "value": "3"})
    assert "Measured: 12.4 %" in words(client.get(url).text)
    client.post(f"{url}/facts", data={"fact": "error_rate", "measured": "1"})
    assert "Measured: 12.4 %" not in words(client.get(url).text)


def test_deciding_records_who_and_why_and_moves_the_incident(client, on, url):
    sent = {"choice": "rollback", "rationale": "Users cannot sign in.", "seen": "", "recommended": "rollback"}
    assert client.post(url, data=sent).headers["location"] == url
    decision = stand(on)
    assert (decision.choice, decision.by_name, decision.rationale) == ("rollback", "Jonas Weber", "Users cannot sign in.")
    text = words(client.get(url).text)
    assert "Users cannot sign in." in text
    assert "Decide anew" in text
    assert "Preview the rollback of login to v1.2.3" in text


def test_against_the_recommendation_the_page_wants_a_reason(client, on, url):
    sent = {"choice": "fix_forward", "rationale": "", "seen": "", "recommended": "rollback"}
    answer = client.post(url, data=sent)
    assert answer.status_code == 422
    assert "against the recommendation" in answer.text
    assert stand(on) is None


def test_the_second_of_two_sees_the_first(client, on, url, sign_in):
    sent = {"choice": "rollback", "rationale": "", "seen": "", "recommended": "rollback"}
    client.post(url, data=sent)
    with transaction() as session:
        bo = make_person(session, "Bo Lind", Role.RESPONDER)
    sign_in(client, bo)
    answer = client.post(url, data=sent | {"choice": "fix_forward", "rationale": "No"})
    assert answer.status_code == 409
    assert "Jonas Weber decided to roll back" in answer.text


def test_facts_that_turned_meanwhile_are_shown_first(client, on, url):
    answer = client.post(url, data={"choice": "rollback", "seen": "", "recommended": "open"})
    assert answer.status_code == 409
    assert "The facts have changed since you looked" in answer.text


def test_the_rollback_is_offered_before_and_after_any_decision(client, on, url):
    button = "Preview the rollback of login to v1.2.3"
    assert button in client.get(url).text
    client.post(url, data={"choice": "fix_forward", "rationale": "The flag is off.", "seen": "", "recommended": "rollback"})
    assert button in client.get(url).text


def test_the_clock_is_set_in_minutes_from_now(client, on, url):
    assert "as the rules say for high" in words(client.get(url).text)
    client.post(f"{url}/clock", data={"minutes": "20"})
    assert "set by Jonas Weber" in words(client.get(url).text)
    assert client.post(f"{url}/clock", data={"minutes": "-4"}).status_code == 422
    assert client.post(f"{url}/clock", data={"minutes": "999999"}).status_code == 422


def test_everyone_is_asked_in_the_header_of_every_tab_and_answers_with_one_tap(client, on, url, sign_in):
    with transaction() as session:
        bo = make_person(session, "Bo Lind", Role.RESPONDER)
        timeline.note(session, session.get_one(Incident, on.incident.id), body="here", by=bo)
    client.post(f"{url}/objections", data={"choice": "rollback"})
    cockpit = f"/incidents/{on.incident.id}"
    assert "Strong objection to rolling back?" not in client.get(cockpit).text
    sign_in(client, bo)
    page = client.get(cockpit).text
    assert "Strong objection to rolling back?" in page
    number = re.search(r'name="round" value="(\d+)"', page)[1]
    answer = client.post(f"{url}/objections/answer", data={"round": number, "answer": "none", "tab": "cockpit"}, headers=HX)
    assert f'id="incident-{on.incident.id}-header"' in answer.text
    assert "Strong objection to rolling back?" not in answer.text
    assert "1 of 1 answered, nobody objects" in words(client.get(url).text)


def test_an_answer_to_a_question_that_is_over_lands_on_the_page_with_the_sentence(client, on, url):
    answer = client.post(f"{url}/objections/answer", data={"round": "7", "answer": "objects"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{url}#objections")
    assert "not open any more" in client.get(url).text


def test_user_reports_are_written_down_once_and_taken_back(client, on, url):
    for _ in range(2):
        client.post(
            f"{url}/reports", data={"count": "12", "body": "Cannot <b>sign in</b>", "url": "https://s.example.org/7", "nonce": "n1"}
        )
    page = client.get(url).text
    assert "Cannot &lt;b&gt;sign in&lt;/b&gt;" in page
    with transaction() as session:
        (report,) = queries.reports_of(session, on.incident)
    client.post(f"{url}/reports/{report.id}/take-back")
    assert "none written down" in client.get(url).text
    assert client.post(f"{url}/reports", data={"count": "0"}).status_code == 422
    assert client.post(f"{url}/reports", data={"url": "javascript:alert(1)"}).status_code == 422


def test_only_who_wrote_a_report_takes_it_back(client, on, url, sign_in):
    with transaction() as session:
        report = reports.add(session, session.get_one(Incident, on.incident.id), count=2, by=on.commander)
        sign_in_as = make_person(session, "Bo Lind", Role.RESPONDER)
    sign_in(client, sign_in_as)
    assert client.post(f"{url}/reports/{report.id}/take-back").status_code == 403


def test_every_assessment_is_listed_and_shown_as_it_was(client, on, url):
    client.post(f"{url}/facts", data={"fact": "fix_minutes", "value": "45"})
    listed = words(client.get(f"{url}/assessments").text)
    assert "when it was declared" in listed
    assert "a fact was said, Jonas Weber" in listed
    with transaction() as session:
        first = queries.assessments_of(session, on.incident)[-1]
    kept = words(client.get(f"{url}/assessments/{first.id}").text)
    assert "It is kept as it was." in kept
    assert "45 min" not in kept
    assert client.get(f"{url}/assessments/{first.id + 999}").status_code == 404


def test_a_viewer_reads_and_changes_nothing(client, on, url, sign_in):
    with transaction() as session:
        vic = make_person(session, "Vic Low", Role.VIEWER)
    sign_in(client, vic)
    page = client.get(url).text
    assert "Roll back to v1.2.3" in page
    assert "<form" not in page.partition('class="lg-desk"')[2].partition("</main>")[0]
    assert client.post(url, data={"choice": "rollback"}).status_code == 403


def test_an_incident_without_services_has_a_decision_too(client, on):
    with transaction() as session:
        from tests.factories import make_incident

        bare = make_incident(session, by=on.commander)
    assert "It is not known what runs." in client.get(f"/incidents/{bare.id}/decision").text


def test_the_kind_of_trouble_is_offered_on_declare_and_among_the_facts(client, on, url):
    assert "Data corruption" in client.get("/incidents/new").text
    sent = {"title": "Orders twice", "service": "login", "trouble": "data_corruption", "nonce": "n9"}
    address = client.post("/incidents", data=sent).headers["location"]
    page = words(client.get(f"{address}/decision").text)
    assert "Data corruption is occurring : applies yes" in page
    assert client.post("/incidents", data=sent | {"trouble": "aliens", "nonce": "n10"}).status_code == 422


def test_the_cockpit_leads_to_the_decision_and_never_hides_the_rollback(client, on, url):
    page = client.get(f"/incidents/{on.incident.id}").text
    assert f'href="{url}"' in page
    assert "Decide: roll back or fix forward" in page
    assert "Roll back login to v1.2.3" in page
    client.post(url, data={"choice": "rollback", "seen": "", "recommended": "rollback"})
    page = client.get(f"/incidents/{on.incident.id}").text
    assert "Decide: roll back or fix forward" not in page
    assert "login goes back to v1.2.3: that is decided." in page
    assert "Roll back login to v1.2.3" in page


def loud(client, on):
    return set(re.findall(r'btn-primary [^"]*"[^>]*>([^<]+)<', client.get(f"/incidents/{on.incident.id}").text))


def test_the_loud_button_of_the_cockpit_follows_the_rules(client, on, url):
    assert loud(client, on) == {"Roll back login to v1.2.3"}
    client.post(f"{url}/facts", data={"fact": "rollback_loses_data", "value": "yes"})
    assert loud(client, on) == {"Decide: roll back or fix forward"}
    assert "Roll back login to v1.2.3" in client.get(f"/incidents/{on.incident.id}").text
    client.post(url, data={"choice": "fix_forward", "rationale": "Orders would be lost.", "seen": "", "recommended": "ask"})
    assert loud(client, on) == {"Verify login"}
    assert "Roll back login to v1.2.3" in client.get(f"/incidents/{on.incident.id}").text


def rule_fields(**over):
    lines = {
        "rules.0.side": "rollback",
        "rules.0.text": "The error rate is above 3 %",
        "rules.0.fact": "error_rate",
        "rules.0.is": "above",
        "rules.0.value": "3",
        "rules.1.side": "fix_forward",
        "rules.1.text": "A fix is quick",
        "rules.1.fact": "fix_minutes",
        "rules.1.is": "at_most",
        "rules.1.value": "10",
        "rules.2.text": "",
        "rules.2.value": "",
    }
    minutes = {"within.critical": "5", "within.high": "10", "within.medium": "30", "within.low": "120"}
    return lines | minutes | {"seen": "1", "note": "Stricter"} | over


def test_the_rules_are_read_by_everybody_and_edited_in_versions(client, on):
    page = client.get("/decision-rules").text
    assert "The error rate is above 5 %" in page
    assert "Edit the rules" in page
    assert "rules.9.text" in client.get("/decision-rules/edit").text
    assert client.post("/decision-rules", data=rule_fields()).headers["location"] == "/decision-rules"
    page = client.get("/decision-rules").text
    assert "The error rate is above 3 %" in page
    assert "Stricter" in page
    assert "The error rate is above 5 %" in client.get("/decision-rules?version=1").text


@pytest.mark.parametrize(
    ("over", "sentence"),
    [
        ({"rules.0.fact": "moon_phase"}, "which nobody knows"),
        ({"rules.0.value": "a lot"}, "the value is a number"),
        ({"rules.1.drop": "1"}, "No rule speaks for"),
        ({"within.low": "soon"}, "whole minutes"),
    ],
)
def test_a_rule_that_cannot_be_judged_is_drawn_again_with_its_problem(client, on, over, sentence):
    answer = client.post("/decision-rules", data=rule_fields(**over))
    assert answer.status_code == 422
    assert sentence in answer.text
    with transaction() as session:
        assert rulebook.current(session).version == 1


def test_of_two_editors_the_second_sees_the_first(client, on):
    client.post("/decision-rules", data=rule_fields())
    answer = client.post("/decision-rules", data=rule_fields(**{"rules.0.value": "4"}))
    assert answer.status_code == 409
    assert "Jonas Weber saved version 2" in answer.text


def test_somebody_who_responds_reads_the_rules_and_edits_none(client, on, sign_in):
    with transaction() as session:
        bo = make_person(session, "Bo Lind", Role.RESPONDER)
    sign_in(client, bo)
    assert "Edit the rules" not in client.get("/decision-rules").text
    assert client.get("/decision-rules/edit").status_code == 403


def test_asking_where_nobody_else_takes_part_says_so(client, on, url):
    with transaction() as session:
        assert [user.name for user in objections.taking_part(session, on.incident)] == ["Jonas Weber"]
    answer = client.post(f"{url}/objections", data={"choice": "rollback"})
    assert answer.status_code == 422
    assert "Nobody else takes part" in answer.text
