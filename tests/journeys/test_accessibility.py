"""The main job by keyboard alone, then every page that it leaves behind looked at by axe, by day and by night.

The states that a story does not pass through (approvals, questions, failures) are looked at in tests/web.
"""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

AXE = Axe()
WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}
BY_THE_COMMANDER = [
    "/",
    "/incidents",
    "/incidents/new",
    "/incidents/1",
    "/incidents/1/timeline",
    "/incidents/1/roles",
    "/incidents/1/services",
    "/incidents/1/facts",
    "/incidents/1/state",
    "/plans/1",
    "/runs",
    "/runs/1",
    "/verifications/1",
    "/services",
    "/services/shop",
    "/releases/1",
    "/me",
]
BY_THE_ADMINISTRATOR = [
    "/people",
    "/people/1",
    "/audit",
    "/clusters",
    "/clusters/new",
    "/services/new",
    "/services/shop/edit",
    "/services/shop/contacts",
    "/services/shop/links",
    "/services/shop/targets/new",
    "/services/shop/targets/new?kind=kubernetes",
    "/services/shop/targets/new?kind=git",
    "/targets/1/edit",
    "/services/shop/checks/new",
    "/services/shop/checks/new?kind=health",
    "/services/shop/checks/new?kind=version",
    "/services/shop/checks/new?kind=smoke",
    "/services/shop/checks/new?kind=metric",
    "/checks/1/edit",
]
MOST_STOPS = 80


@pytest.mark.timeout(420)
def test_the_main_job_by_keyboard_and_no_page_has_a_barrier(demo, arrives):
    ana = arrives(demo)
    demo.signs_in(ana, "ana")
    ana.sees("Shop: Failed log-ins", within=60)
    the_main_job_by_keyboard(ana)
    looks_at(ana, BY_THE_COMMANDER)
    with ana.forgiving("status of 40"):
        looks_at(ana, ["/nothing-here", "/people"])
    dana = arrives(demo)
    dana.opens("/sign-in")
    looks_at(dana, ["/sign-in"])
    demo.signs_in(dana, "dana")
    looks_at(dana, BY_THE_ADMINISTRATOR)


def the_main_job_by_keyboard(ana):
    goes_by_tab(ana, "Declare incident for Shop")
    ana.page.keyboard.press("Enter")
    ana.lands_on(r"/incidents/new.*")
    expect(ana.page.get_by_label("What fails?")).to_be_focused()
    ana.page.keyboard.type("Log-ins fail for some customers")
    ana.page.keyboard.press("Enter")
    ana.lands_on(r"/incidents/\d+")
    goes_by_tab(ana, "Roll back Shop to v1.2.3")
    ana.page.keyboard.press("Enter")
    ana.lands_on(r"/plans/\d+")
    ana.sees("Commits taken back")
    goes_by_tab(ana, "Roll back Shop to v1.2.3")
    ana.page.keyboard.press("Enter")
    ana.lands_on(r"/runs/\d+")
    ana.is_offered("See whether it helped", within=60)
    goes_by_tab(ana, "See whether it helped")
    ana.page.keyboard.press("Enter")
    ana.lands_on(r"/verifications/\d+")


def goes_by_tab(ana, name):
    """Press Tab until it is there. Whatever has the focus on the way shows it."""
    wanted = ana.button(name)
    expect(wanted).to_be_visible()
    for _ in range(MOST_STOPS):
        ana.page.keyboard.press("Tab")
        if wanted.evaluate("(one) => one === document.activeElement"):
            outline = wanted.evaluate("(one) => getComputedStyle(one).outlineStyle + getComputedStyle(one).boxShadow")
            assert outline != "nonenone", f"{name} does not show that it has the focus"
            return
    raise AssertionError(f"{name} was not reached by {MOST_STOPS} tabs")


def looks_at(person, paths):
    """Open each path and let axe look, by day and by night; "" is the page as it stands."""
    found = {}
    for path in paths:
        if path:
            person.opens(path)
        for theme in ("light", "dark"):
            person.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            for one in AXE.run(person.page, options=WCAG).response["violations"]:
                found[f"{path} {theme} {one['id']}"] = [node["html"][:160] for node in one["nodes"]][:3]
    assert found == {}
