from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.accounts.models import User
from app.accounts.policy import Role
from app.core.clock import now
from app.core.errors import Conflict, Forbidden, Invalid, Refused
from app.incidents import actions as incidents
from app.incidents import facts, roles
from app.incidents.models import TimelineEntry
from app.incidents.states import Severity, State
from app.notifications import cadence, drafting, nagging, notices, queries
from app.notifications.kinds import Audience, Kind
from app.notifications.models import Delivery, Nag, UpdateClock
from app.response import declare as declaring
from tests import factories


@pytest.fixture
def ana(console, db):
    return factories.make_person(db, "Ana Ruiz")


@pytest.fixture
def incident(db, ana):
    return declaring.declare(db, title="Nobody can sign in", severity=Severity.CRITICAL, form_nonce="n", by=ana)


def minutes(session, incident):
    """How far the due time lies behind the declaration."""
    at = cadence.due_at(session, incident)
    return None if at is None else round((at - incident.declared_at).total_seconds() / 60, 1)


def be_late(db, minutes=0):
    db.execute(update(UpdateClock).values(due_at=func.clock_timestamp() - timedelta(minutes=minutes, seconds=1)))
    db.expire_all()


def send_update(db, incident, by, **other):
    factories.make_recipient(db, factories.make_channel(db, "webhook", url="https://x", secret="s"))
    notice = drafting.make(db, incident, Kind.UPDATE, Audience.INSIDE, by=by)
    notices.send(db, notice, incident, **{"seen": 1, "seen_last": None, "next_in": timedelta(minutes=5), "by": by, **other})


def reminded(db):
    return [(one.rung, db.get(User, one.user_id).name if one.user_id else None) for one in db.scalars(select(Nag).order_by(Nag.id))]


def test_a_critical_incident_promises_an_update_five_minutes_after_declaring_and_five_after_each(db, incident, ana):
    assert minutes(db, incident) == 5
    send_update(db, incident, ana)
    left = cadence.due_at(db, incident) - now()
    assert timedelta(minutes=4, seconds=50) < left <= timedelta(minutes=5)


def test_the_rule_of_a_severity_can_be_set(db, ana):
    cadence.change_rule(db, "critical", first_min=3, every_min=7, by=ana)
    assert minutes(db, declaring.declare(db, title="X", severity=Severity.CRITICAL, form_nonce="m", by=ana)) == 3
    with pytest.raises(Invalid) as refused:
        cadence.change_rule(db, "low", first_min=0, every_min=None, by=ana)
    assert set(refused.value.problems) == {"first-low", "every-low"}
    with pytest.raises(Forbidden):
        cadence.change_rule(db, "low", first_min=1, every_min=1, by=factories.make_person(db, "Vi", Role.VIEWER))


def test_snoozing_needs_a_reason_and_says_so_in_the_timeline(db, incident, ana):
    later = now() + timedelta(minutes=20)
    with pytest.raises(Refused, match="Say in a few words why"):
        cadence.set_next(db, incident, at=later, by=ana)
    cadence.set_next(db, incident, at=later, reason="the restore runs", by=ana)
    assert cadence.due_at(db, incident) == later
    assert "the restore runs" in db.scalars(select(TimelineEntry.body).where(TimelineEntry.kind == "notice")).one()
    with pytest.raises(Refused, match="lies in the past"):
        cadence.set_next(db, incident, at=now() - timedelta(minutes=1), reason="x", by=ana)
    with pytest.raises(Conflict, match="somebody was faster"):
        cadence.set_next(db, incident, at=later, reason="x", seen=now(), by=ana)
    cadence.set_next(db, incident, at=None, reason="only we are affected", by=ana)
    assert cadence.due_at(db, incident) is None


def test_the_communications_lead_is_reminded_then_the_commander_then_everybody_each_once(db, incident, ana, monkeypatch):
    bo = factories.make_person(db, "Bo Lind")
    roles.take(db, incident, roles.COMMANDER, by=ana)
    roles.take(db, incident, roles.COMMS, by=bo)
    factories.make_channel(db, "mail", name="Ops mail")
    nagging.sweep(db)
    assert reminded(db) == []
    be_late(db)
    for reached in (1, 2, 3):
        rungs = {rung: timedelta(0) if rung <= reached else timedelta(hours=1) for rung in nagging.RUNGS}
        monkeypatch.setattr(nagging, "RUNGS", rungs)
        for _ in range(2):
            nagging.sweep(db)
    assert reminded(db) == [(1, "Bo Lind"), (2, "Ana Ruiz"), (3, None)]
    assert {one.address for one in db.scalars(select(Delivery).where(Delivery.about.startswith("nag-")))} == {ana.email, bo.email}


def test_when_the_communications_lead_has_left_the_reminder_goes_on_to_the_commander(db, incident, ana):
    bo = factories.make_person(db, "Bo Lind")
    roles.take(db, incident, roles.COMMANDER, by=ana)
    roles.take(db, incident, roles.COMMS, by=bo)
    db.execute(update(User).where(User.id == bo.id).values(state="disabled"))
    be_late(db)
    nagging.sweep(db)
    assert reminded(db) == [(2, "Ana Ruiz")]


def test_where_nobody_holds_a_role_everybody_is_reminded_at_once_on_the_page_if_there_is_no_channel(db, incident):
    be_late(db)
    nagging.sweep(db)
    assert reminded(db) == [(3, None)]
    line = db.scalars(select(TimelineEntry).where(TimelineEntry.kind == "notice")).one()
    assert "reminded everybody" in line.body
    assert "on the page only" in line.body


def test_a_clock_that_goes_back_reminds_nobody_twice_and_breaks_no_promise(db, incident, ana):
    roles.take(db, incident, roles.COMMS, by=ana)
    be_late(db)
    due = cadence.due_at(db, incident)
    db.add(Nag(incident_id=incident.id, due_at=due, rung=1, user_id=ana.id, at=now() + timedelta(hours=1)))  # written before it went back
    db.flush()
    nagging.sweep(db)
    assert reminded(db) == [(1, "Ana Ruiz")]
    assert cadence.due_at(db, incident) == due
    assert db.scalars(select(Delivery)).all() == []


def test_a_graver_severity_shortens_the_promise_unless_a_person_set_it(db, ana):
    incident = declaring.declare(db, title="X", severity=Severity.LOW, form_nonce="m", by=ana)
    assert minutes(db, incident) == 60
    facts.change(db, incident, severity="critical", by=ana)
    cadence.follow(db)
    assert minutes(db, incident) == pytest.approx(5, abs=0.2)
    other = declaring.declare(db, title="Y", severity=Severity.LOW, form_nonce="o", by=ana)
    cadence.set_next(db, other, at=now() + timedelta(minutes=50), by=ana)
    facts.change(db, other, severity="critical", by=ana)
    cadence.follow(db)
    assert minutes(db, other) == pytest.approx(50, abs=0.2)


def test_an_end_stops_the_clock_and_a_reopened_incident_starts_it_again(db, incident, ana):
    incidents.move(db, incident, State.RESOLVED, by=ana)
    assert cadence.due_at(db, incident) is None
    cadence.follow(db)
    assert db.scalars(select(UpdateClock.due_at)).one() is None
    nagging.sweep(db)
    assert reminded(db) == []
    incidents.move(db, incident, State.VERIFYING, reason="it fails again", by=ana)
    cadence.follow(db)
    assert cadence.due_at(db, incident) > now()


def test_a_post_for_the_status_page_keeps_no_promise_to_people(db, incident, ana):
    before = cadence.due_at(db, incident)
    post = next(one for one in queries.drafts(db, incident) if one.kind == "post")
    notices.send(db, post, incident, seen=1, seen_last=None, next_in=timedelta(minutes=30), by=ana)
    assert cadence.due_at(db, incident) == before
