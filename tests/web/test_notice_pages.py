"""The pages of notices and channels in a real browser: axe by day and by night, a phone, the countdown, a preview while one types."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from sqlalchemy import func, select

from app.accounts.policy import Role
from app.core.database import transaction
from app.incidents.states import Severity
from app.notifications import notices
from app.notifications.models import Delivery, Notice
from app.response import declare as declaring
from tests import factories
from tests.running import until

pytestmark = pytest.mark.browser


@pytest.fixture
def on(console):
    """An incident with an alert that went out and did not arrive everywhere, and a post that waits."""
    with transaction() as session:
        ana = factories.make_person(session, "Ana Ruiz", Role.COMMANDER, Role.ADMIN)
        incident = declaring.declare(session, title="Nobody can sign in", severity=Severity.CRITICAL, form_nonce="n", by=ana)
        mail = factories.make_channel(session, "mail", name="Ops mail")
        for name in ("ana", "bo"):
            factories.make_recipient(session, mail, name=name, address=f"{name}@example.org")
        alert, post = session.scalars(select(Notice).order_by(Notice.kind)).all()
        notices.send(session, alert, incident, seen=1, seen_last=None, next_in=timedelta(minutes=5), by=ana)
        failed = session.scalars(select(Delivery).order_by(Delivery.id)).first()
        failed.state, failed.ended_at, failed.reason = (
            "failed",
            func.now(),
            "smtp.example.org:587 refuses ana@example.org: 550 No such person",
        )
        return ana, incident, alert, post, mail


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
def test_axe_finds_nothing_and_nothing_runs_over_on_any_page(open_page, on, width, theme):
    ana, incident, alert, post, mail = on
    addresses = [f"/incidents/{incident.id}/notices", f"/notices/{post.id}", f"/notices/{alert.id}", f"/channels/{mail.id}"]
    addresses += ["/channels", "/channels/new", "/channels/new?kind=mail", "/notice-templates", "/notice-templates/1"]
    page, found = open_page(addresses[0], ana, width=width, theme=theme), []
    origin = page.url.partition("/incidents")[0]
    for address in addresses:
        page.goto(origin + address)
        found += [(address, one["id"], one["nodes"][0]["html"]) for one in Axe().run(page).response["violations"]]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append((address, "runs over"))
    assert not found


def test_the_countdown_turns_amber_and_red_by_itself_whatever_the_clock_of_the_browser_says(open_page, on):
    ana, incident, *_ = on
    page = open_page("/sign-in", ana)
    page.add_init_script("const now = Date.now; Date.now = () => now() - 7200e3")  # two hours behind
    page.goto(f"{page.url.rpartition('/')[0]}/incidents/{incident.id}/timeline")
    page.wait_for_selector("[data-due][data-mood=calm]")
    for left, mood, said in (("181.5", "soon", "The next update is due within three minutes."), ("1.2", "late", "The update is late.")):

        def says_so(left=left, mood=mood):
            """As a fresh header would say it; the page's own fetching of its header brings the true time back meanwhile."""
            page.evaluate("left => { document.querySelector('[data-due]').dataset.left = left; }", left)
            return page.get_attribute("[data-due]", "data-mood") == mood

        until(says_so, seconds=15, every_s=0.2, what=mood)
        assert page.text_content("[data-due-said]") == said
    assert page.inner_text("[data-due] time").endswith(" late")


def test_the_preview_follows_the_typing_and_what_was_typed_is_sent(open_page, on):
    ana, _, _, post, _ = on
    page = open_page(f"/notices/{post.id}", ana)
    page.fill("#impact", "You cannot sign in")
    page.wait_for_selector(".lg-notice-text:has-text('You cannot sign in')")
    page.click("button[value=send]")
    page.wait_for_selector("text=Released")
    with transaction() as session:
        assert "You cannot sign in" in session.get_one(Notice, post.id).public_text


def test_a_draft_is_sent_without_javascript(open_page, on):
    ana, incident, *_ = on
    page = open_page(f"/incidents/{incident.id}/notices", ana, javascript=False)
    page.click("text=Prepare it")
    page.click("text=Send to 2 receivers")
    assert "0 of 2 sent" in page.text_content("main")
