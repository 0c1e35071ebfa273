import re

import pytest
from sqlalchemy import select

from app.accounts.policy import Reach
from app.audit import queries as audit_queries
from app.audit.models import AuditEntry, AuditPending
from app.checklists import actions, queries
from app.checklists.models import Item
from app.core.errors import Conflict, Refused
from tests.factories import make_person

ALL = Reach(everything=True, service_ids=frozenset())
HAND = "No data corruption"
BOUND = "Rollback decision made"


def fresh(session, item):
    return session.get_one(Item, item.id, populate_existing=True, options=[])


def load(session, item):
    return queries.get_item(session, item.id, reach=ALL)


def test_a_tick_says_who_and_when_and_can_be_taken_back(db, item, ana, bo):
    one = item(HAND)
    actions.tick(db, one, by=ana)
    assert (one.state, one.marked_by, one.marked_by_id) == ("ticked", "Ana Ruiz", ana.id)
    assert one.marked_at is not None
    actions.untick(db, one, by=bo)
    assert (one.state, one.marked_by) == ("open", "Bo Lind")
    assert [mark.state for mark in queries.history(db, one)] == ["open", "ticked"]


def test_the_second_click_of_one_person_changes_nothing_and_is_no_conflict(db, item, ana):
    one = item(HAND)
    for _ in range(2):
        actions.tick(db, one, seen="open", by=ana)
    assert len(queries.history(db, one)) == 1


def test_of_two_at_once_on_one_item_the_second_is_told_who_was_faster(db, item, ana, bo, at_once):
    one = item(HAND)
    db.commit()
    answers = at_once(
        lambda session: actions.tick(session, load(session, one), seen="open", by=ana),
        lambda session: actions.tick(session, load(session, one), seen="open", by=bo),
    )
    (lost,) = [answer for answer in answers if answer is not None]
    assert isinstance(lost, Conflict)
    assert re.search(r"Somebody was faster: (Ana Ruiz|Bo Lind) ticked it at \d\d:\d\d:\d\d UTC", lost.sentence)
    db.expire_all()
    assert len(queries.history(db, one)) == 1


def test_a_tick_on_what_somebody_opened_meanwhile_is_refused_by_the_state_seen(db, item, ana, bo):
    one = item(HAND)
    actions.skip(db, one, reason="no data is written here", by=bo)
    with pytest.raises(Conflict, match="Bo Lind skipped it"):
        actions.tick(db, one, seen="open", by=ana)
    assert one.state == "skipped"


def test_many_tick_at_once_and_none_is_lost(db, incident, item, at_once):
    people = [make_person(db, f"Person{number} X") for number in range(10)]
    hands = [one for found in queries.of_incident(db, incident) for one in found.items if not one.binding][:10]
    db.commit()
    answers = at_once(
        *(
            lambda session, one=one, who=who: actions.tick(session, load(session, one), by=who)
            for one, who in zip(hands, people, strict=False)
        )
    )
    assert answers == [None] * len(hands)
    assert len(hands) >= 5
    db.expire_all()
    assert {fresh(db, one).state for one in hands} == {"ticked"}
    assert len(db.scalars(select(AuditEntry).where(AuditEntry.action == "checklist.tick")).all()) == len(hands)
    assert audit_queries.verify(db) == ""
    assert db.scalars(select(AuditPending)).all() == []


def test_a_skip_needs_a_reason_and_stands_in_the_timeline_at_once(db, incident, item, ana):
    one = item(HAND)
    with pytest.raises(Refused, match="say why"):
        actions.skip(db, one, reason="  ", by=ana)
    actions.skip(db, one, reason="nothing was written", by=ana)
    assert (one.state, one.reason) == ("skipped", "nothing was written")
    actions.untick(db, one, by=ana)
    assert (one.state, one.reason) == ("open", "")


def test_a_bound_item_cannot_be_ticked_by_hand(db, item, ana):
    with pytest.raises(Refused, match="ticked when a decision is taken"):
        actions.tick(db, item(BOUND), by=ana)


def test_a_person_may_overrule_with_a_reason_and_let_the_evidence_decide_again(db, item, ana):
    one = item(BOUND)
    with pytest.raises(Refused, match="say why"):
        actions.overrule(db, one, ticked=True, reason="", by=ana)
    actions.overrule(db, one, ticked=True, reason="decided on the call", by=ana)
    assert (one.state, one.is_overruled, one.reason) == ("ticked", True, "decided on the call")
    actions.lift(db, one, by=ana)
    assert (one.state, one.is_overruled) == ("open", False)


def test_what_people_tick_cannot_be_overruled(db, item, ana):
    with pytest.raises(Refused, match="nothing to overrule"):
        actions.overrule(db, item(HAND), ticked=True, reason="why not", by=ana)


def test_an_item_has_one_owner_and_of_two_who_take_it_one_is_told(db, item, ana, bo):
    one = item(HAND)
    actions.own(db, one, owner_id=ana.id, by=ana)
    assert one.owner.name == "Ana Ruiz"
    with pytest.raises(Conflict, match="Ana Ruiz has it"):
        actions.own(db, one, owner_id=bo.id, seen=None, by=bo)
    actions.own(db, one, owner_id=bo.id, seen=ana.id, by=ana)
    assert one.owner.name == "Bo Lind"
    actions.own(db, one, owner_id=None, seen=bo.id, by=bo)
    assert one.owner is None


def test_somebody_who_cannot_respond_owns_nothing(db, item, ana):
    reader = make_person(db, "Rea Der", "viewer")
    with pytest.raises(Refused, match="cannot respond here"):
        actions.own(db, item(HAND), owner_id=reader.id, by=ana)


def test_a_note_sent_twice_is_one(db, item, ana):
    one = item(HAND)
    for _ in range(2):
        actions.note_item(db, one, body="Looked at orders 1 to 900", form_nonce="n", by=ana)
    db.refresh(one)
    assert (one.notes, [note.body for note in queries.notes(db, one)]) == (1, ["Looked at orders 1 to 900"])
    with pytest.raises(Refused, match="1 to 2,000 characters"):
        actions.note_item(db, one, body=" ", by=ana)
