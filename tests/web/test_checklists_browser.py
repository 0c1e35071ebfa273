"""Checklists in a real browser: a tick, what others tick, a tick that did not arrive, targets for a thumb."""

import os

import pytest
from axe_playwright_python.sync_playwright import Axe

from app.checklists import actions, queries
from app.core.database import transaction
from app.response import declare
from tests.factories import make_person, make_service
from tests.web.test_checklists import ALL

HAND = "Communication prepared"
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def world(app):
    """Ana, Bo and an incident with its lists."""
    with transaction() as db:
        ana, bo = make_person(db), make_person(db, "Bo Lind")
        incident = declare.declare(db, title="Log-in fails", form_nonce="n", by=ana, service_ids=(make_service(db, "login").id,))
        items = {item.text: item for found in queries.of_incident(db, incident) for item in found.items}
    return ana, bo, incident, items[HAND]


def test_a_tick_shows_at_once_and_others_see_it_without_reloading(open_page, world):
    ana, bo, incident, item = world
    mine, theirs = (open_page(f"/incidents/{incident.id}/checklists", person) for person in (ana, bo))
    theirs.locator("[data-live-words]", has_text="Live").wait_for()
    mine.get_by_role("button", name=HAND, exact=True).click()
    mine.locator(f"#item-{item.id}[data-state=ticked]").wait_for()
    theirs.locator(f"#item-{item.id}[data-state=ticked]", has_text="Ana Ruiz").wait_for()
    theirs.locator(f"#incident-{incident.id}-ticks", has_text="1/").wait_for()


def test_a_tick_that_did_not_arrive_says_so_until_it_does(open_page, world):
    ana, _, incident, item = world
    page = open_page(f"/incidents/{incident.id}/checklists", ana, width=390)
    page.locator("[data-live-words]", has_text="Live").wait_for()
    page.context.set_offline(True)
    page.get_by_role("button", name=HAND, exact=True).click()
    problem = page.locator(f"#item-{item.id} [data-tick-problem]")
    problem.filter(has_text="Not saved: what you did at").wait_for()
    with transaction() as db:
        assert queries.get_item(db, item.id, reach=ALL).state == "open"
    page.context.set_offline(False)
    with transaction() as db:  # another item of the list changes: the list is fetched again, and the words stay
        other = next(one for one in queries.get(db, item.checklist_id, reach=ALL).items if one.id != item.id)
        actions.own(db, other, owner_id=ana.id, by=ana)
    page.locator(f"#item-{other.id}", has_text="Ana Ruiz").wait_for()
    assert "Not saved" in problem.text_content()
    page.get_by_role("button", name=HAND, exact=True).click()
    page.locator(f"#item-{item.id}[data-state=ticked]").wait_for()
    assert problem.text_content() == ""
    open_page.complaints.clear()  # that a request failed is what this story is about


def test_on_a_phone_everything_that_is_tapped_is_44_px_high(open_page, world):
    ana, _, incident, _ = world
    page = open_page(f"/incidents/{incident.id}/checklists", ana, width=390)
    for locator in (page.locator("button.lg-tick"), page.locator(".lg-take"), page.locator(".lg-item-page")):
        heights = [one.bounding_box()["height"] for one in locator.all()]
        assert heights
        assert min(heights) >= 44
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_without_javascript_a_tick_comes_back_to_its_place(open_page, world):
    ana, _, incident, item = world
    page = open_page(f"/incidents/{incident.id}/checklists", ana, javascript=False)
    page.get_by_role("button", name=HAND, exact=True).click()
    page.wait_for_url(f"**/incidents/{incident.id}/checklists#item-{item.id}")
    assert page.locator(f"#item-{item.id}").get_attribute("data-state") == "ticked"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(open_page, world, theme):
    ana, _, incident, item = world
    with transaction() as db:
        actions.skip(db, queries.get_item(db, item.id, reach=ALL), reason="nobody outside sees it", by=ana)
        bound = next(one for one in queries.get(db, item.checklist_id, reach=ALL).items if one.binding)
        actions.overrule(db, bound, ticked=True, reason="told by phone", by=ana)
    paths = [
        f"/incidents/{incident.id}",
        f"/incidents/{incident.id}/checklists",
        f"/checklist-items/{bound.id}",
        "/services/login/checklists",
        "/checklist-templates",
        "/checklist-templates/1",
        "/checklist-templates/1/edit",
    ]
    page, found = open_page(paths[0], ana, theme=theme), {}
    for path in paths:
        page.goto(page.url.split("/incidents")[0].split("/checklist")[0].split("/services")[0] + path)
        seen = Axe().run(page).response["violations"]
        found |= {path: [(one["id"], [node["html"][:120] for node in one["nodes"]][:2]) for one in seen]} if seen else {}
        if folder := os.environ.get("LASTGOOD_SHOTS"):
            page.screenshot(path=f"{folder}/{theme}{path.replace('/', '-')}.png", full_page=True)
            page.set_viewport_size({"width": 390, "height": 844})
            page.screenshot(path=f"{folder}/{theme}{path.replace('/', '-')}-390.png", full_page=True)
            page.set_viewport_size({"width": 1440, "height": 900})
    assert found == {}
