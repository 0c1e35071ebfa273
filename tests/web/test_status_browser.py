"""The public page and its makers in a real browser: axe by day and by night, a phone, the reader's zone, an update without reloading."""

from types import SimpleNamespace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from app.accounts.policy import Role
from app.core.database import transaction
from app.statuspage import actions, publishing, queries
from app.statuspage.models import StatusPage
from tests import factories
from tests.statuspage.scene import full_page


@pytest.fixture
def on(app):
    with transaction() as session:
        ana = factories.make_person(session, "Ana Ruiz", Role.COMMANDER, Role.ADMIN)
        page = full_page(session, ana)
        incident = factories.make_incident(session, factories.make_service(session, "login"), by=ana)
        ref, work = queries.active(session, page)[0].ref, queries.ahead(session, page)[0].ref
    publishing.carry(page.id)
    public = [
        "/status/oakline/",
        "/status/oakline/history.html",
        f"/status/oakline/incident-{ref}.html",
        "/status/oakline/subscribe?kind=webhook",
    ]
    own = [f"/status-pages/{page.id}{rest}" for rest in ("", "/components", "/publish", f"/published/{ref}", f"/maintenance/{work}")]
    own.append(f"/incidents/{incident.id}/status/{page.id}")
    return SimpleNamespace(ana=ana, page=page, ref=ref, addresses=[(one, None) for one in public] + [(one, ana) for one in own])


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(open_page, on, theme, width):
    found = {}
    for address, who in on.addresses:
        page = open_page(address, who, theme=theme, width=width)
        found[address] = [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in Axe().run(page).response["violations"]]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found[address].append("scrolls sideways")
        page.close()
    assert not any(found.values()), found


def test_without_a_script_everything_is_there_in_utc(open_page, on):
    page = open_page("/status/oakline/", javascript=False)
    expect(page.get_by_role("heading", name="Sign-in fails in the mobile app")).to_be_visible()
    expect(page.locator(".lg-sp-as-of time")).to_contain_text("UTC")
    page.get_by_text("Checkout is slow in the EU").click()
    expect(page.get_by_text("Paying takes up to 20 s longer.")).to_be_visible()


def test_a_page_that_is_open_shows_the_next_update_by_itself(open_page, on):
    page = open_page("/status/oakline/subscribe?kind=webhook")
    page.clock.install()
    page.goto(page.url.partition("subscribe")[0])
    expect(page.get_by_text("this page updates itself")).to_be_visible()
    with transaction() as session:
        shown = session.get_one(StatusPage, on.page.id)
        about = queries.get_published(session, shown, on.ref)
        actions.publish(session, shown, about=about, text="Everybody can sign in again.", state="monitoring", by=on.ana)
    publishing.carry(on.page.id)
    expect(page.get_by_text("Everybody can sign in again.")).to_have_count(0)
    page.clock.fast_forward(31_000)
    expect(page.get_by_text("Everybody can sign in again.")).to_be_visible()
