from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.accounts.policy import Role
from app.audit.models import AuditEntry
from app.core.clock import now
from app.core.errors import Conflict, Invalid, NotFound
from app.incidents import queries
from app.notifications.models import Delivery
from app.reviews import items, measures, record, reminding, signing
from app.reviews.items import Filters
from app.reviews.models import ActionItem
from tests import factories


def lines(db, incident):
    return [entry.body for entry in queries.newest_entries(db, incident)]


def test_an_item_is_written_down_once_and_followed_to_its_end(db, on, ana, nadia):
    today = now().date()
    told = {
        "title": "A smoke check",
        "kind": "test",
        "owner_id": nadia.id,
        "due_on": today + timedelta(days=9),
        "form_nonce": "n",
        "by": ana,
    }
    item = items.add(db, on.incident, **told)
    assert items.add(db, on.incident, **told).id == item.id
    assert f"added the action item “A smoke check” for Nadia Haddad, due {item.due_on:%-d %B %Y}" in lines(db, on.incident)
    items.change(db, item, state="in_progress", by=nadia)
    with pytest.raises(Conflict, match="was changed since"):
        items.change(db, item, title="Other", version=1, by=ana)
    with pytest.raises(Invalid, match="why it is dropped"):
        items.change(db, item, state="dropped", by=ana)
    items.change(db, item, state="done", outcome="Merged", by=nadia)
    assert (item.ended_at is not None, item.remind_at) == (True, None)
    assert lines(db, on.incident)[0] == "did the action item “A smoke check”: Merged"
    assert db.scalars(select(AuditEntry).where(AuditEntry.action == "action_item.end")).one().detail["state"] == "done"
    items.change(db, item, state="open", by=ana)
    assert item.ended_at is None
    assert item.remind_at is not None


def test_bad_facts_are_named_all_at_once(db, on, ana):
    viewer = factories.make_person(db, "Vic Low", Role.VIEWER)
    with pytest.raises(Invalid) as refused:
        items.add(db, on.incident, title=" ", kind="wish", link="javascript:alert(1)", owner_id=viewer.id, by=ana)
    assert set(refused.value.problems) == {"title", "kind", "link", "owner_id"}


def test_the_board_shows_what_is_due_first_and_only_what_the_reader_may_see(db, on, ana, nadia):
    today = now().date()
    late = items.add(db, on.incident, title="Late", due_on=today - timedelta(days=1), owner_id=nadia.id, by=ana)
    soon = items.add(db, on.incident, title="Soon", due_on=today + timedelta(days=1), kind="test", by=ana)
    someday = items.add(db, on.incident, title="Some day", by=ana)
    gone = items.add(db, on.incident, title="Gone", by=ana)
    items.change(db, gone, state="dropped", outcome="Not needed", by=ana)
    reach = ana.reach()

    def found(**filters):
        return [item.id for item in items.find(db, Filters(**filters), reach=reach)]

    assert found() == [late.id, soon.id, someday.id]
    assert found(state="overdue") == [late.id] == [item.id for item in items.overdue(db, reach=reach)]
    assert found(kind="test") == [soon.id]
    assert found(owner_id=nadia.id) == [late.id]
    assert found(state="dropped") == [gone.id]
    stranger = factories.make_person(db, "Sam Okafor", Role.RESPONDER, service=factories.make_service(db, "other"))
    assert items.find(db, Filters(), reach=stranger.reach()) == []
    with pytest.raises(NotFound):
        items.get(db, late.id, reach=stranger.reach())


def test_the_owner_is_reminded_before_the_day_on_it_and_every_week_after(db, on, ana, nadia):
    due = now().date() + timedelta(days=10)
    item = items.add(db, on.incident, title="A smoke check", due_on=due, owner_id=nadia.id, by=ana)
    morning = datetime.combine(due, items.MORNING)
    planned = [item.remind_at]
    for after in (morning - timedelta(days=2), morning, morning + timedelta(days=7)):
        items.reminded(item, at=after)
        planned.append(item.remind_at)
    assert planned == [morning - timedelta(days=2), morning, morning + timedelta(days=7), morning + timedelta(days=14)]


def test_a_reminder_goes_out_once_whoever_sweeps(db, on, ana, nadia):
    item = items.add(db, on.incident, title="A smoke check", due_on=now().date() - timedelta(days=3), owner_id=nadia.id, by=ana)
    item.remind_at = datetime(2026, 1, 1, tzinfo=UTC)
    db.flush()
    for _ in range(2):
        reminding.sweep(db)
    said = [line for line in lines(db, on.incident) if line.startswith("reminded")]
    assert said == [f"reminded Nadia Haddad of the action item “A smoke check”, overdue since {item.due_on:%-d %B %Y}{reminding.PAGE_ONLY}"]
    assert item.remind_at > now()
    assert db.scalars(select(ActionItem.reminded_at)).one() is not None


def test_reminders_and_requests_go_out_by_mail_where_there_is_a_channel(db, on, ana, nadia, report):
    factories.make_channel(db, "mail")
    item = items.add(db, on.incident, title="A smoke check", due_on=now().date(), owner_id=nadia.id, by=ana)
    item.remind_at = datetime(2026, 1, 1, tzinfo=UTC)
    db.flush()
    reminding.sweep(db)
    signing.send(db, report, to={nadia.id}, by=ana)
    mails = db.scalars(
        select(Delivery).where(Delivery.about.like("action-item-%") | Delivery.about.like("review-%")).order_by(Delivery.id)
    ).all()
    assert [mail.message["subject"].partition(": ")[2] for mail in mails] == [
        "“A smoke check” is due today",
        "the post-incident report waits for your signature",
    ]
    assert {mail.recipient for mail in mails} == {"Nadia Haddad"}
    assert mails[1].message["url"].endswith(f"/reviews/{report.id}/sign")


def test_ready_made_measures_name_the_service_and_go_once_taken(db, on, ana):
    offered = measures.offered(record.of(db, on.incident), [])
    assert {one.kind for one in offered} == {"fix", "test", "monitoring", "checklist", "staging", "training"}
    smoke = next(one for one in offered if one.key == "smoke")
    assert "login" in smoke.title
    items.add(db, on.incident, title=smoke.title, kind=smoke.kind, by=ana)
    again = measures.offered(record.of(db, on.incident), items.of_incident(db, on.incident))
    assert smoke.key not in {one.key for one in again}
