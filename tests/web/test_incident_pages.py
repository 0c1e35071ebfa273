"""The board and the pages of an incident in a real browser: axe, live, phone, keyboard, without JavaScript."""

import re
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from sqlalchemy import select

from app.core.database import transaction
from app.incidents import timeline
from app.incidents.models import Incident, TimelineEntry
from tests.factories import make_incident
from tests.web import seeds, stages

pytestmark = pytest.mark.browser
PAGES = ("", "/timeline", "/roles", "/facts", "/state", "/services", "/timeline/{note}/edit")
LONG = "Checkout is slow in the EU: HTTP_504_upstream_response_timeout_" + "x" * 130


@pytest.fixture
def shop(console):
    """People, services and two incidents: one in full, one with a title as long as they come."""
    with transaction() as db:
        ana, jonas, *_ = seeds.people(db)
        login = seeds.shop(db)[0]
        one = seeds.incident(db, login, by=ana, helper=jonas)
        note = timeline.edit(db, timeline.note(db, one, body="Two pods redy", by=ana), body="Two pods ready", by=ana)
        two = make_incident(db, by=ana, title=LONG, is_drill=True)
    return ana, jonas, one, two, note


def addresses(one, two, note):
    yield from ("/", "/incidents", "/incidents/new")
    yield from (f"/incidents/{one.id}{path.format(note=note.id)}" for path in PAGES)
    yield f"/incidents/{two.id}"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(open_page, shop, theme):
    ana, _, one, two, note = shop
    page = open_page("/", ana, theme=theme)
    root = page.url.rstrip("/")
    for path in addresses(one, two, note):
        page.goto(root + path)
        found = Axe().run(page).response["violations"]
        assert [(path, rule["id"], [node["html"][:120] for node in rule["nodes"]]) for rule in found] == []


def test_nothing_scrolls_sideways_on_a_phone(open_page, shop):
    ana, _, one, two, note = shop
    page = open_page("/", ana, width=390)
    root = page.url.rstrip("/")
    for path in addresses(one, two, note):
        page.goto(root + path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_a_note_appears_for_everybody_who_looks_while_their_own_draft_stays(open_page, shop):
    ana, jonas, one, *_ = shop
    mine, theirs = open_page(f"/incidents/{one.id}", ana), open_page(f"/incidents/{one.id}", jonas)
    for page in (mine, theirs):
        page.locator("[data-state=live]").wait_for()
    theirs.locator("#note-body").fill("a draft")
    mine.keyboard.press("n")
    mine.keyboard.type("**Seen** by two")
    began = time.monotonic()
    mine.keyboard.press("Control+Enter")
    theirs.get_by_text("by two").first.wait_for()
    took = time.monotonic() - began
    assert theirs.locator("#note-body").input_value() == "a draft"
    mine.get_by_text("by two").first.wait_for()
    assert mine.locator("#note-body").input_value() == ""
    assert mine.locator(".lg-prose", has_text="by two").count() == 1
    assert took < 3  # half a second on a machine of its own


def test_a_change_of_state_reaches_header_panel_and_board(open_page, shop):
    ana, jonas, one, *_ = shop
    cockpit, board = open_page(f"/incidents/{one.id}", jonas), open_page("/", jonas)
    for page in (cockpit, board):
        page.locator("[data-state=live]").wait_for()
    mover = open_page(f"/incidents/{one.id}/state", ana)
    mover.get_by_label("Recovering").check()
    mover.get_by_role("button", name="Change the state").click()
    cockpit.locator(".lg-phase-now", has_text="Recovering").wait_for()
    board.locator(f"#board-incident-{one.id}", has_text="Recovering").wait_for()


def test_the_running_card_stands_in_the_cockpit(open_page, console):
    with transaction() as db:
        on = stages.stage(db, "login-live")
        plan = stages.make_plan(db, on)
        run = stages.make_run(db, on, plan, state="running", steps=[stages.taken(), stages.under_way(stages.COMING)])
    page = open_page(f"/incidents/{on.incident.id}", on.commander)
    assert page.get_by_text("The rollback is running. Two of three pods serve v1.2.3.").is_visible()
    assert page.locator(f"#run-{run.id}").is_visible()
    assert Axe().run(page).response["violations"] == []


def test_an_incident_is_declared_from_the_board_with_three_keys_and_a_title(open_page, shop):
    ana, *_ = shop
    page = open_page("/", ana)
    page.keyboard.press("d")
    page.wait_for_url("**/incidents/new")
    page.keyboard.type("Payments fail")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/incidents/\d+$"))
    assert page.get_by_role("heading", level=1).inner_text() == "Payments fail"


def test_keys_of_one_letter_can_be_turned_off(open_page, shop):
    page = open_page("/", shop[0])
    page.get_by_role("button", name="Turn the keys off").click()
    page.locator("h1").click()
    page.keyboard.press("d")
    page.get_by_role("button", name="Turn the keys on").wait_for()
    assert page.url.endswith("/")


def test_everything_works_without_javascript(open_page, shop):
    ana, _, one, *_ = shop
    page = open_page(f"/incidents/{one.id}", ana, javascript=False)
    page.locator("#note-body").fill("Written without script")
    page.get_by_role("button", name="Add", exact=True).click()
    assert page.locator(".lg-prose", has_text="Written without script").is_visible()
    page.get_by_role("button", name="Take it").first.click()
    page.locator(".lg-sev-menu summary").click()
    page.get_by_role("button", name="Low").click()
    page.goto(page.url + "/roles")
    page.locator("#role-1-briefing").fill("Watch the error rate")
    page.locator("#role-1-to").select_option(label="Jonas Weber")
    page.get_by_role("button", name="Hand over").first.click()
    with transaction() as db:
        bodies = list(db.scalars(select(TimelineEntry.body).where(TimelineEntry.incident_id == one.id).order_by(TimelineEntry.id.desc())))
        assert db.get_one(Incident, one.id).severity == "low"
    assert bodies[:3] == [
        "handed command to Jonas Weber: Watch the error rate",
        "set the severity from critical to low",
        "took the role of communications lead",
    ]


def test_a_deep_link_marks_its_line_and_a_fold_opens_for_it(open_page, shop):
    ana, _, one, *_ = shop
    with transaction() as db:
        tick = db.scalars(select(TimelineEntry).where(TimelineEntry.incident_id == one.id, TimelineEntry.is_system)).first()
    page = open_page(f"/incidents/{one.id}/timeline?entry={tick.id}#entry-{tick.id}", ana)
    page.locator(f"#entry-{tick.id}").wait_for()
    assert page.locator(f"#entry-{tick.id}").is_visible()
