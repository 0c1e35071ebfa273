"""The pages of plans and runs in a real browser: accessible in every state, live, and whole without JavaScript."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from app.core import live
from app.core.database import transaction
from app.runs import actions
from app.runs.models import Run
from tests.web import gallery, stages
from tests.web.stages import COMING, make_plan, make_run, taken, under_way

pytestmark = pytest.mark.browser
AXE = Axe()


@pytest.fixture
def on(app):
    with transaction() as session:
        return stages.stage(session, "login")


def seeded(name):
    with transaction() as session:
        return gallery.make(session, name)


def violations(page):
    return [f"{found['id']}: {found['nodes'][0]['html'][:200]}" for found in AXE.run(page).response["violations"]]


@pytest.mark.parametrize("page_of", ["plan", "run"])
@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
def test_no_state_has_an_accessibility_violation_or_scrolls_sideways(app, open_page, page_of, width, theme):
    with transaction() as session:
        scenes = [gallery.make(session, name) for name in gallery.MAKERS if name.startswith(page_of)]
    for scene in scenes:
        page = open_page(scene.address, scene.viewer, width=width, theme=theme)
        assert violations(page) == [], scene.name
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), scene.name
        page.context.close()


def test_a_preview_appears_by_itself_when_the_target_has_been_read(on, open_page):
    with transaction() as session:
        plan = make_plan(session, on, state="resolving")
    page = open_page(f"/plans/{plan.id}", on.commander)
    page.get_by_text("Reading deployment/login in shop").wait_for()
    with transaction() as session:
        stages.finish_plan(session, session.get_one(type(plan), plan.id))
        live.tell(session, f"plan-{plan.id}")
    page.get_by_role("button", name="Roll back login to v1.2.3").wait_for()
    assert page.get_by_text("env TOKEN_FORMAT").is_visible()


def test_a_button_opens_by_itself_when_the_target_is_free_again(on, open_page):
    with transaction() as session:
        holder = make_run(session, on, make_plan(session, on), state="queued", steps=[{"state": "pending"}, {"state": "pending"}])
        plan = make_plan(session, on)
    page = open_page(f"/plans/{plan.id}", on.commander)
    page.locator("[data-state=live]").wait_for()
    page.get_by_role("button", name="Cancel that and start this").wait_for()
    with transaction() as session:
        actions.cancel(session, session.get_one(Run, holder.id), by=on.commander)
    page.get_by_role("button", name="Roll back login to v1.2.3").wait_for(timeout=2000)


def test_progress_appears_within_a_moment_and_an_open_history_stays_open(on, open_page):
    with transaction() as session:
        run = make_run(session, on, make_plan(session, on), state="running", steps=[taken(), under_way(COMING)])
    page = open_page(f"/runs/{run.id}", on.commander)
    page.locator("[data-state=live]").wait_for()
    page.get_by_text("What happened, line by line").click()
    with transaction() as session:
        changed = session.get_one(Run, run.id)
        changed.state, changed.attention = "needs_attention", "Nobody knows whether it happened."
        changed.lease_owner = changed.lease_until = None
        live.tell(session, f"run-{run.id}")
    page.get_by_text("The rollback needs you. Nobody knows whether it happened.").wait_for(timeout=2000)
    assert page.get_by_text("Taken by runner-run-1.").is_visible()


def test_what_is_being_typed_survives_a_live_update(on, open_page):
    scene = seeded("run_needs_attention")
    page = open_page(scene.address, scene.viewer)
    page.locator("[data-state=live]").wait_for()
    page.get_by_label("What you saw, and where").fill("kubectl shows v1.2.4")
    page.get_by_label("It did not happen").check()
    with page.expect_response(lambda response: response.url.endswith("/piece")), transaction() as session:
        live.tell(session, scene.address.removeprefix("/").replace("runs/", "run-"))
    assert page.get_by_label("What you saw, and where").input_value() == "kubectl shows v1.2.4"
    assert page.get_by_label("It did not happen").is_checked()


def test_without_javascript_a_plan_is_confirmed_and_its_run_cancelled(on, open_page):
    with transaction() as session:
        plan = make_plan(session, on)
    page = open_page(f"/plans/{plan.id}", on.commander, javascript=False)
    page.get_by_role("button", name="Roll back login to v1.2.3").click()
    page.get_by_text("The rollback starts in a moment.").wait_for()
    page.get_by_role("button", name="Cancel rollback").click()
    page.get_by_text("Nothing was changed").first.wait_for()


def test_on_a_phone_the_bottom_bar_holds_the_one_primary_action(on, open_page):
    with transaction() as session:
        plan = make_plan(session, on)
    page = open_page(f"/plans/{plan.id}", on.commander, width=390)
    buttons = page.get_by_role("button", name="Roll back login to v1.2.3")
    assert buttons.count() == 1
    assert buttons.bounding_box()["y"] > 700
    buttons.click()
    page.get_by_text("The rollback starts in a moment.").wait_for()


def test_the_limits_are_edited_on_the_preview_and_kept_when_refused(on, open_page):
    with transaction() as session:
        plan = make_plan(session, on)
    page = open_page(f"/plans/{plan.id}", on.commander)
    page.get_by_text("Change it for this run").click()
    page.get_by_label("Limit, %").fill("lots")
    page.get_by_role("button", name="Roll back login to v1.2.3").click()
    page.get_by_text("must be a number").wait_for()
    assert page.get_by_label("Limit, %").input_value() == "lots"
    open_page.complaints.clear()  # the browser notes the 422
    page.get_by_label("Limit, %").fill("0.5")
    page.get_by_role("button", name="Roll back login to v1.2.3").click()
    page.get_by_text("The rollback starts in a moment.").wait_for()
