from datetime import timedelta

import pytest
from icalendar import Calendar
from sqlalchemy import select

from app.core.clock import now
from app.core.database import transaction
from app.core.errors import Conflict, Invalid, Refused
from app.statuspage import maintenance, picture
from app.statuspage.models import Maintenance
from app.statuspage.states import Standing, Work


@pytest.fixture
def work(db, page, checkout, ana):
    ahead = {"starts_at": now() + timedelta(hours=1), "ends_at": now() + timedelta(hours=2)}
    told = {"title": "Move of the order database", "text": "Orders go on.", "component_ids": [checkout.id]}
    return maintenance.plan(db, page, by=ana, **told, **ahead)


def brought_forward(db, work):
    """As if the hour had come."""
    work.starts_at, work.ends_at = now() - timedelta(minutes=1), now() + timedelta(minutes=30)
    db.commit()


def test_it_is_announced_on_the_page_and_in_the_calendar(work, written):
    assert "Move of the order database" in written("oakline")
    entry = Calendar.from_ical(written("oakline", "maintenance.ics")).walk("VEVENT")[0]
    assert entry["summary"] == "Move of the order database"
    assert entry.decoded("dtstart") == work.starts_at.replace(microsecond=0)
    assert entry["status"] == "CONFIRMED"


def test_it_begins_and_ends_by_the_clock(db, page, work, ana):
    maintenance.advance(db)
    assert work.state == Work.SCHEDULED
    brought_forward(db, work)
    maintenance.advance(db)
    assert work.state == Work.IN_PROGRESS
    assert picture.take(db, page).parts[0].standing is Standing.MAINTENANCE
    work.ends_at = now() - timedelta(seconds=1)
    db.flush()
    maintenance.advance(db)
    assert work.state == Work.COMPLETED
    assert picture.take(db, page).parts[0].standing is Standing.WORKING


def test_what_is_not_automatic_waits_for_a_person(db, page, work, ana):
    work.is_automatic = False
    brought_forward(db, work)
    maintenance.advance(db)
    assert work.state == Work.SCHEDULED
    maintenance.move(db, page, work, "in_progress", by=ana)
    maintenance.move(db, page, work, "verifying", text="We look at it.", by=ana)
    maintenance.move(db, page, work, "completed", by=ana)
    assert [told.words for told in picture.take(db, page).work[0].told] == ["Done", "Being checked", "In progress", "Planned"]


def test_two_sweeps_at_once_begin_it_once(db, work):
    brought_forward(db, work)
    with transaction() as first, transaction() as second:
        maintenance.advance(first)
        maintenance.advance(second)
    db.expire_all()
    assert db.scalars(select(Maintenance.updates)).one() == 2


def test_it_goes_only_where_it_can_and_says_who_was_first(db, page, work, ana):
    with pytest.raises(Refused, match="cannot go there"):
        maintenance.move(db, page, work, "completed", by=ana)
    maintenance.move(db, page, work, "in_progress", seen=1, by=ana)
    with pytest.raises(Conflict, match="in progress now"):
        maintenance.move(db, page, work, "cancelled", seen=1, by=ana)


def test_moved_to_another_time_it_keeps_its_name_in_calendars(db, page, work, ana, written):
    def entry():
        return Calendar.from_ical(written("oakline", "maintenance.ics")).walk("VEVENT")[0]

    first = entry()
    maintenance.reschedule(db, page, work, starts_at=now() + timedelta(days=1), ends_at=now() + timedelta(days=1, hours=1), text="", by=ana)
    second = entry()
    assert first["uid"] == second["uid"]
    assert second["sequence"] > first["sequence"]
    maintenance.move(db, page, work, "cancelled", text="Not needed.", by=ana)
    assert entry()["status"] == "CANCELLED"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("title", {"title": ""}),
        ("text", {"text": ""}),
        ("starts_at", {"starts_at": now() - timedelta(days=1)}),
        ("ends_at", {"ends_at": now() + timedelta(minutes=30)}),
        ("ends_at", {"ends_at": None}),
    ],
)
def test_what_cannot_be_planned_is_named(db, page, ana, field, wrong):
    told = {"title": "Work", "text": "Soon.", "starts_at": now() + timedelta(hours=1), "ends_at": now() + timedelta(hours=2)}
    with pytest.raises(Invalid) as refused:
        maintenance.plan(db, page, by=ana, **told | wrong)
    assert field in refused.value.problems


def test_it_leaves_the_first_page_two_days_after_it_is_over(db, page, work, ana, monkeypatch):
    maintenance.move(db, page, work, "cancelled", text="Not needed.", by=ana)
    drawn = picture.take(db, page)
    assert len(drawn.work) == 1
    assert drawn.until <= work.ended_at + picture.WORK_SHOWN_FOR
    work.changed_at -= picture.WORK_SHOWN_FOR
    db.flush()
    drawn = picture.take(db, page)
    assert (len(drawn.work), len(drawn.calendar)) == (0, 1)
