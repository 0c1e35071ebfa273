"""The pages of a decision in a real browser: axe by day and by night, a phone, one tap, live; what is typed stays while figures move."""

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from sqlalchemy import insert

from app.accounts.policy import Role
from app.catalog.models import CheckReading, Link
from app.core import live
from app.core.clock import now
from app.core.database import transaction
from app.decisions import actions, objections, queries, reports
from app.incidents import roles, timeline
from app.incidents.models import Incident
from tests.factories import make_check, make_person
from tests.web import seeds, stages

pytestmark = pytest.mark.browser
LATENCY = {"url": "https://p.example.org", "measure": "latency", "latency": "l", "limit": 500.0}


@pytest.fixture
def on(console):
    """A service that fails since its last release, an incident with facts from people, an open question and user reports."""
    with transaction() as session:
        made = stages.stage(session, "login")
        seeds.figures(session, made.service, [0.3, 0.2, 0.4] * 30 + [9.4, 11.8, 12.4, 12.1, 12.6, 12.4])
        check = make_check(session, made.service, "metric", "p95", **LATENCY)
        rows = [(50 - step, 400.0 if step < 29 else 1640.0) for step in range(51)]
        session.execute(
            insert(CheckReading),
            [
                {"check_id": check.id, "at": now() - timedelta(minutes=ago), "outcome": "pass", "value": v, "sentence": f"{v:g} ms."}
                for ago, v in rows
            ],
        )
        session.add(
            Link(service_id=made.service.id, position=1, label="Dashboard: login overview", url="https://grafana.example.org/login")
        )
        mei = make_person(session, "Mei Tan", Role.RESPONDER)
        incident = session.get_one(Incident, made.incident.id)
        actions.begin(session, incident, by=made.commander)
        roles.take(session, incident, roles.COMMANDER, by=made.commander)
        timeline.note(session, incident, body="Found it: v1.2.4 rejects old tokens.", by=mei)
        actions.state_fact(session, incident, "fix_minutes", 45, by=mei)
        actions.state_fact(session, incident, "rollback_loses_data", False, by=made.commander)
        reports.add(session, incident, count=12, body="Cannot sign in on the app", url="https://support.example.org/t/7", by=mei)
        objections.ask(session, incident, "rollback", by=made.commander)
    return SimpleNamespace(**vars(made), mei=mei)


def decided(on):
    with transaction() as session:
        return queries.current_decision(session, session.get_one(Incident, on.incident.id))


def addresses(on):
    with transaction() as session:
        kept = queries.assessments_of(session, on.incident)[-1].id
    desk = f"/incidents/{on.incident.id}/decision"
    return [
        desk,
        f"{desk}/assessments",
        f"{desk}/assessments/{kept}",
        "/decision-rules",
        "/decision-rules/edit",
        f"/incidents/{on.incident.id}",
    ]


def reader(on, address):
    """Mei was asked and sees the question; the matrix is edited by the commander."""
    return on.commander if address.endswith("/edit") else on.mei


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(open_page, on, theme):
    found = {}
    for address in addresses(on):
        page = open_page(address, reader(on, address), theme=theme)
        found[address] = [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in Axe().run(page).response["violations"]]
        page.close()
    assert not any(found.values()), found


def test_on_a_phone_nothing_scrolls_sideways(open_page, on):
    for address in addresses(on):
        page = open_page(address, reader(on, address), width=390)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
        page.close()


def test_a_fact_is_one_tap_and_the_recommendation_follows_without_reloading(open_page, on):
    page = open_page(f"/incidents/{on.incident.id}/decision", on.commander)
    expect(page.locator("#decide .lg-decide-big")).to_have_text("Roll back to v1.2.3")
    page.evaluate("window.same = true")
    page.locator("#fact-rollback_loses_data").get_by_role("button", name=re.compile("^Yes")).click()
    expect(page.locator("#decide .lg-decide-big")).to_have_text("Weigh the loss of data")
    assert page.evaluate("window.same")
    assert page.locator("#fact-rollback_loses_data [aria-pressed=true]").inner_text().startswith("Yes")


def test_what_is_typed_stays_while_figures_come_in(open_page, on):
    page = open_page(f"/incidents/{on.incident.id}/decision", on.commander)
    page.fill("#rationale", "Users cannot sign in.")
    page.locator("#fact-fix_minutes input[name=value]").fill("50")
    page.locator("input[name=choice][value=fix_forward]").check()
    with transaction() as session:
        incident = session.get_one(Incident, on.incident.id)
        actions.state_fact(session, incident, "minor_with_workaround", False, by=on.mei)
        live.tell(session, f"service-{on.service.id}")
    expect(page.locator("#fact-minor_with_workaround [aria-pressed=true]")).to_have_text(re.compile("^No"))
    assert page.input_value("#rationale") == "Users cannot sign in."
    assert page.locator("#fact-fix_minutes input[name=value]").input_value() == "50"
    assert page.locator("input[name=choice][value=fix_forward]").is_checked()


def test_the_decision_is_recorded_and_everybody_sees_it(open_page, on):
    other = open_page(f"/incidents/{on.incident.id}/decision", on.mei)
    page = open_page(f"/incidents/{on.incident.id}/decision", on.commander)
    page.get_by_role("button", name="Record the decision").click()
    expect(page.locator(".lg-decided")).to_contain_text("by Jonas Weber")
    expect(other.locator(".lg-decided")).to_contain_text("by Jonas Weber")
    assert decided(on).choice == "rollback"


def test_a_question_reaches_the_cockpit_and_is_answered_with_one_tap(open_page, on):
    page = open_page(f"/incidents/{on.incident.id}", on.mei)
    strip = page.locator(".lg-question")
    expect(strip).to_contain_text("Strong objection to rolling back?")
    strip.get_by_role("button", name="No objection").click()
    expect(strip).to_have_count(0)
    with transaction() as session:
        assert [one.answer for one in queries.open_round(session, on.incident).answers] == ["none"]


def test_without_javascript_the_rules_are_edited(open_page, on):
    page = open_page("/decision-rules/edit", on.commander, javascript=False)
    page.fill('input[name="rules.1.value"]', "3")
    page.fill('input[name="rules.1.text"]', "The error rate is above 3 %")
    page.get_by_role("button", name="Save the rules").click()
    expect(page.locator("main")).to_contain_text("The error rate is above 3 %")
