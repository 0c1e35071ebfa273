"""The pages of people in a real browser: no violation of WCAG 2.2 AA, no complaint in the console, light and dark, desk and phone."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from app.accounts import api_tokens, invitations, setup
from app.accounts.policy import P, Role
from app.core.database import transaction
from tests import factories

pytestmark = pytest.mark.browser
SHOTS = os.environ.get("LASTGOOD_TEST_SHOTS", "")  # a folder: keep a picture of each
WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}


@pytest.fixture
def scene(app):
    """Some people, services and keys, and the addresses of the pages about them."""
    with transaction() as session:
        ida = factories.make_person(session, "Ida Berg", Role.ADMIN, Role.AUDITOR, Role.COMMANDER)
        login, checkout = factories.make_service(session, "login"), factories.make_service(session, "checkout")
        leo = factories.make_person(session, "Leo Brandt", Role.RESPONDER, service=login)
        factories.make_person(session, "Nadia Haddad", Role.COMMANDER, Role.APPROVER)
        factories.make_person(session, "Łukasz Wiśniewski", Role.VIEWER, service=checkout, state="disabled")
        api_tokens.create(session, name="deploy pipeline", scopes=(P.READ, P.DECLARE), days=90, by=ida)
        link = invitations.invite(session, email="mei@example.org", name="Mei Tan", role=Role.RESPONDER, by=ida)
        factories.make_incident(session, login, by=ida)
    return {
        "invitation": (link.removeprefix("https://testserver"), None),
        "sign-in": ("/sign-in", None),
        "me": ("/me", ida),
        "people": ("/people", ida),
        "person": (f"/people/{leo.id}", ida),
        "audit": ("/audit", ida),
        "missing": ("/nothing-here", ida),
    }


DRESSES = [(1440, "light"), (390, "light"), (1440, "dark"), (390, "dark"), (1440, "auto")]


def barriers(page, name, width, theme):
    """What axe finds on the page, by rule; keeps a picture where a folder is named."""
    if SHOTS:
        page.wait_for_timeout(300)
        page.screenshot(path=Path(SHOTS) / f"{name}-{width}-{theme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} scrolls sideways"
    found = Axe().run(page, options=WCAG).response["violations"]
    return {f"{name}: {one['id']}": [node["html"] for node in one["nodes"]] for one in found}


@pytest.mark.parametrize(("width", "theme"), DRESSES)
def test_pages_have_no_barriers(scene, open_page, width, theme):
    found = {}
    for name, (path, person) in scene.items():
        found |= barriers(open_page(path, person, width=width, theme=theme), name, width, theme)
    open_page.complaints[:] = [text for text in open_page.complaints if "/nothing-here" not in text]
    assert not found


@pytest.mark.parametrize(("width", "theme"), DRESSES[1:3])
def test_the_set_up_page_has_no_barriers(app, open_page, width, theme):
    with transaction() as session:
        path = setup.new_link(session).removeprefix("https://testserver")
    assert not barriers(open_page(path, width=width, theme=theme), "setup", width, theme)
