"""Reports and action items in a real browser: written in place, without a barrier, and on a phone without scrolling sideways."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe

from app.core.clock import now
from app.core.database import transaction
from app.incidents import actions as incidents
from app.incidents import affected, roles
from app.incidents.states import State
from app.reviews import actions, items, meeting, signing
from app.reviews.models import Kind
from app.statuspage import pages as statuspages
from tests.factories import make_incident, make_person
from tests.web import stages

AXE = Axe()
WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}


@pytest.fixture
def scene(app):
    """A report that says something in every shape, one that waits for a signature, and an incident without any."""
    with transaction() as db:
        on = stages.stage(db, "login")
        ana, nadia, incident = on.commander, make_person(db, "Nadia Haddad"), on.incident
        roles.take(db, incident, roles.COMMANDER, by=ana)
        affected.suspect(db, incident, on.service, on.bad, by=ana)
        run = {"started_at": now() - timedelta(minutes=6), "ended_at": now() - timedelta(minutes=4), "sentence": "3 of 3 pods serve v1.2.3"}
        stages.make_run(db, on, stages.make_plan(db, on), state="succeeded", steps=[stages.taken()], **run)
        incidents.move(db, incident, State.RESOLVED, by=ana)
        report = actions.begin(db, incident, Kind.REPORT, by=ana)
        actions.write(db, report, "impact", body="Nobody could pay, says Ana Ruiz.", version=1, by=ana)
        incident.impact = "Nobody signs in."
        db.flush()
        actions.redraft(db, report, by=ana)
        meeting.schedule(db, report, at=now() + timedelta(days=2), place="Room 2", by=ana)
        item = items.add(db, incident, title="A smoke check", owner_id=ana.id, due_on=now().date() - timedelta(days=4), by=ana)
        other = make_incident(db, on.service, by=ana, title="Checkout is slow")
        asked = actions.begin(db, other, Kind.RETROSPECTIVE, by=ana)
        signing.send(db, asked, to={nadia.id}, by=ana)
        bare = make_incident(db, on.service, by=ana, title="Search is slow")
        statuspages.create(db, slug="shop", name="Shop status", by=ana)
        mine = [
            f"/reviews/{report.id}",
            f"/reviews/{report.id}?preview",
            f"/reviews/{report.id}/sections/timeline",
            f"/reviews/{report.id}/sections/impact/versions",
            f"/reviews/{report.id}/send",
            f"/reviews/{report.id}/meeting",
            f"/reviews/{report.id}/public",
            "/reviews",
            f"/incidents/{bare.id}/report",
            f"/incidents/{bare.id}/resolve",
            f"/incidents/{incident.id}/actions/new?measure=smoke",
            "/actions",
            f"/actions/{item.id}",
        ]
        return ana, nadia, report.id, asked.id, mine


def barriers(page):
    return [f"{page.url}: {one['id']}, {one['nodes'][0]['html'][:140]}" for one in AXE.run(page, options=WCAG).response["violations"]]


@pytest.mark.browser
@pytest.mark.timeout(400)
def test_a_report_is_written_in_place_and_no_page_has_a_barrier(open_page, scene):
    ana, nadia, report, asked, mine = scene
    page = open_page(f"/reviews/{report}", ana)
    base = page.url.partition("/reviews")[0]
    page.get_by_role("link", name="Edit Root cause").click()
    page.get_by_role("textbox", name="Root cause").fill("**Cause**: the tokens")
    page.get_by_role("button", name="Save as version 2").click()
    page.locator("#section-root_cause strong").wait_for()
    page.get_by_role("link", name="Edit Root cause").click()
    page.get_by_role("link", name="Leave it as it is").click()
    page.locator("#section-root_cause strong").wait_for()
    found = []
    for path in mine:
        page.goto(base + path)
        found += barriers(page)
    sign = open_page(f"/reviews/{asked}/sign", nadia)
    found += barriers(sign)
    sign.goto(f"{sign.url.partition('/reviews')[0]}/")
    found += barriers(sign)
    assert not found, "\n".join(found)


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_on_a_phone_nothing_scrolls_sideways_but_the_picture(open_page, scene):
    ana, _, report, _, mine = scene
    page = open_page(f"/reviews/{report}", ana, width=390)
    base, wide = page.url.partition("/reviews")[0], []
    for path in mine:
        page.goto(base + path)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(path)
    assert not wide
    page.goto(f"{base}/reviews/{report}")
    assert page.evaluate("(box => box.scrollWidth > box.clientWidth)(document.querySelector('.lg-lanes-box'))")
    assert page.locator(".lg-bar .btn-primary").is_visible()
