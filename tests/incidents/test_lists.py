from itertools import pairwise

import pytest

from app.accounts.policy import Reach, Role
from app.core.errors import Forbidden, Refused
from app.incidents.actions import move
from app.incidents.queries import Filters, count_open, find, newest_entries, recently_ended, worst_open
from app.incidents.states import Severity, State
from tests.factories import make_incident, make_person, make_service

ALL = Reach(everything=True, service_ids=frozenset())


def test_the_worst_come_first_and_of_those_the_newest(db, ana):
    made = [make_incident(db, by=ana, severity=severity) for severity in ("low", "critical", "high", "critical")]
    assert [one.id for one in worst_open(db, reach=ALL)] == [made[3].id, made[1].id, made[2].id, made[0].id]
    assert len(worst_open(db, reach=ALL, limit=2)) == 2
    assert count_open(db, reach=ALL, limit=3) == 3


def test_what_ended_last_comes_first(db, ana):
    first, second, third = (make_incident(db, by=ana) for _ in range(3))
    move(db, second, State.RESOLVED, by=ana)
    db.commit()  # the time of a move is its transaction's
    move(db, first, State.CANCELLED, by=ana, reason="false alarm")
    assert [one.id for one in recently_ended(db, reach=ALL)] == [first.id, second.id]
    assert third.resolved_at is None


@pytest.mark.parametrize(
    ("filters", "titles"),
    [
        (Filters(words="log"), {"Log-in fails", "Logs are late"}),
        (Filters(words="fails log"), {"Log-in fails"}),
        (Filters(words="' & | ! :*"), set()),
        (Filters(state="open"), {"Log-in fails", "Logs are late"}),
        (Filters(state="over"), {"Checkout slow"}),
        (Filters(state="resolved"), {"Checkout slow"}),
        (Filters(state="nonsense"), set()),
        (Filters(severity="low"), {"Logs are late"}),
        (Filters(drills=True), {"Logs are late"}),
        (Filters(drills=False), {"Log-in fails", "Checkout slow"}),
    ],
)
def test_the_list_is_narrowed(db, ana, filters, titles):
    make_incident(db, by=ana, title="Log-in fails")
    make_incident(db, by=ana, title="Logs are late", severity=Severity.LOW, is_drill=True)
    move(db, make_incident(db, by=ana, title="Checkout slow"), State.RESOLVED, by=ana)
    assert {one.title for one in find(db, filters, reach=ALL)} == titles


def test_the_list_finds_by_number_and_by_service_and_within_reach(db, ana):
    login, shop = make_service(db), make_service(db)
    ours, theirs = make_incident(db, login, by=ana), make_incident(db, shop, by=ana)
    assert [one.id for one in find(db, Filters(words=f"inc-{ours.id}"), reach=ALL)] == [ours.id]
    assert [one.id for one in find(db, Filters(service_id=shop.id), reach=ALL)] == [theirs.id]
    narrow = Reach(everything=False, service_ids=frozenset({login.id}))
    assert [one.id for one in find(db, Filters(), reach=narrow)] == [ours.id]
    assert worst_open(db, reach=narrow) == [ours]
    assert count_open(db, reach=narrow) == 1


def test_the_list_is_paged_by_key(db, ana):
    for _ in range(7):
        make_incident(db, by=ana)
    seen, before = [], None
    while page := find(db, Filters(), reach=ALL, before=before, limit=3):
        seen += [one.id for one in page]
        before = seen[-1]
    assert len(seen) == 7
    assert all(a > b for a, b in pairwise(seen))


def test_a_duplicate_tells_the_first_one_and_leads_to_it(db, ana, incident):
    other, third = make_incident(db, by=ana), make_incident(db, by=ana)
    move(db, other, State.DUPLICATE, by=ana, reason="seen twice", duplicate_of=incident)
    assert newest_entries(db, incident)[0].body == f"found {other.ref} to be a duplicate of this incident"
    with pytest.raises(Refused, match=f"Name {incident.ref}"):
        move(db, third, State.DUPLICATE, by=ana, reason="seen thrice", duplicate_of=other)


def test_two_that_name_each_other_at_once_leave_one_open(db, ana, at_once):
    left, right = make_incident(db, by=ana), make_incident(db, by=ana)
    db.commit()

    def name(one, other):
        def say(session):
            rows = [session.get(type(left), row.id) for row in (one, other)]
            move(session, rows[0], State.DUPLICATE, by=ana, reason="same", duplicate_of=rows[1])

        return say

    answers = at_once(name(left, right), name(right, left))
    assert sum(isinstance(answer, Refused) for answer in answers) == 1
    assert count_open(db, reach=ALL) == 1


def test_a_responder_moves_along_and_only_a_commander_ends(db, ana, incident):
    responder = make_person(db, "Rio Sol", Role.RESPONDER)
    move(db, incident, State.VERIFYING, by=responder)
    with pytest.raises(Forbidden, match="a commander says"):
        move(db, incident, State.RESOLVED, by=responder)
    move(db, incident, State.RESOLVED, by=ana)
    with pytest.raises(Forbidden):
        move(db, incident, State.DETECTED, by=responder, reason="again")
