"""A page as it may look after a bad quarter: for tests of the whole page, the pictures and the benchmark."""

from datetime import timedelta

from sqlalchemy import update

from app.core.clock import now
from app.statuspage import actions, maintenance, pages
from app.statuspage.felt import Felt
from app.statuspage.models import Component, Impact, PublicIncident, PublicUpdate
from app.statuspage.states import Standing

PAST = (
    ("Search results were out of date", 1, 38, "Shop and search", Standing.DEGRADED),
    ("Some card payments were declined", 26, 24, "Checkout and payment", Standing.PARTIAL),
    ("Sign-in was not possible", 48, 52, "Sign-in", Standing.OUTAGE),
)


def full_page(session, by, *, slug="oakline", **facts):
    """Five components, two disturbances going on, three over, planned work. Returns the page."""
    page = pages.create(
        session, name="Oakline status", slug=slug, support="Oakline Store, support at support.oakline.example", by=by, **facts
    )
    names = ("Sign-in", "Shop and search", "Checkout and payment", "Orders and delivery", "Support chat")
    parts = {name: pages.add_component(session, page, name=name, by=by) for name in names}
    session.execute(update(Component).where(Component.page_id == page.id).values(since=now() - timedelta(days=60)))
    for title, days, minutes, part, standing in PAST:
        _over(session, page, parts[part], by, title=title, days=days, minutes=minutes, standing=standing)
    _going_on(session, page, parts, by)
    when = {"starts_at": now() + timedelta(days=2), "ends_at": now() + timedelta(days=2, hours=1)}
    text = "Orders can be placed as usual. Changing an order is not possible for up to ten minutes."
    ids = [parts["Orders and delivery"].id]
    maintenance.plan(session, page, title="Move of the order database", text=text, component_ids=ids, by=by, **when)
    return page


def _over(session, page, part, by, *, title, days, minutes, standing):
    """Something that began and ended in the past: published now, then put back in time."""
    began = now() - timedelta(days=days, hours=3)
    ended = began + timedelta(minutes=minutes)
    told = {"title": title, "text": "We look into it.", "state": "investigating", "began_at": began, "felt": {part.id: Felt(standing)}}
    first = actions.publish(session, page, by=by, **told)
    subject = session.get_one(PublicIncident, first.public_incident_id)
    actions.publish(session, page, about=subject, text="It is over, nothing was lost.", state="resolved", by=by)
    subject.resolved_at = ended
    mine = PublicUpdate.public_incident_id == subject.id
    session.execute(update(PublicUpdate).where(mine).values(at=began + (PublicUpdate.number * timedelta(minutes=5))))
    session.execute(update(Impact).where(Impact.public_incident_id == subject.id).values(ended_at=ended))


def _going_on(session, page, parts, by):
    began = now() - timedelta(minutes=50)
    slow = {parts["Checkout and payment"].id: Felt(Standing.DEGRADED, "Slow in the EU")}
    text = "Paying takes up to 20 s longer. Your order goes through once, please do not press the button twice."
    told = {"title": "Checkout is slow in the EU", "state": "investigating", "began_at": began, "next_at": now() + timedelta(minutes=20)}
    actions.publish(session, page, text=text, felt=slow, by=by, **told)
    began = now() - timedelta(minutes=22)
    told = {"title": "Sign-in fails in the mobile app", "state": "investigating", "began_at": began}
    partial = {parts["Sign-in"].id: Felt(Standing.PARTIAL)}
    first = actions.publish(session, page, text="Some sign-ins fail. We are looking for the cause.", felt=partial, by=by, **told)
    subject = session.get_one(PublicIncident, first.public_incident_id)
    found = "We found the cause. A new version of our login service rejects the mobile app before 5.2. The web shop is not affected."
    actions.publish(session, page, about=subject, text=found, state="identified", by=by)
    back = "We are returning login to the previous version. Sign-in already works again for most of you."
    actions.publish(session, page, about=subject, text=back, state="recovering", next_at=now() + timedelta(minutes=14), by=by)
