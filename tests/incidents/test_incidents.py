import threading
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.accounts.policy import Granted, Person, Reach, Role
from app.audit.queries import verify
from app.catalog.models import Service
from app.core.clock import now
from app.core.errors import Invalid, NotFound, Refused
from app.core.stores import APP
from app.incidents import timeline
from app.incidents.actions import declare, move
from app.incidents.models import Incident, Phase
from app.incidents.queries import get, newest_entries, open_incidents
from app.incidents.states import State

EVERYTHING = Reach(everything=True, service_ids=frozenset())


def person(db, name):
    user = User(email=f"{name.lower()}@example.org", name=name, state="active")
    db.add(user)
    db.flush()
    return Person(id=user.id, name=name, grants=(Granted(Role.COMMANDER),))


@pytest.fixture
def ana(db):
    return person(db, "Ana")


@pytest.fixture
def incident(db, ana):
    return declare(db, title="Login fails", form_nonce="n1", by=ana)


def lines(db, incident):
    return [entry.body for entry in newest_entries(db, incident)]


def test_declaring_needs_only_a_title_and_writes_the_first_line(db, incident):
    assert (incident.ref, incident.state, incident.severity) == (f"INC-{incident.id}", "detected", "high")
    assert lines(db, incident) == ["declared the incident: Login fails"]
    assert verify(db) == ""


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("title", {"title": "  "}),
        ("title", {"title": "x" * 201}),
        ("affected_percent", {"affected_percent": 101}),
        ("began_at", {"began_at": now() + timedelta(hours=1)}),
    ],
)
def test_bad_input_is_refused_and_nothing_is_declared(db, ana, field, values):
    with pytest.raises(Invalid, match="Nothing was declared") as refused:
        declare(db, **{"title": "Login fails", "form_nonce": "n", "by": ana} | values)
    assert list(refused.value.problems) == [field]
    assert db.scalar(select(func.count()).select_from(Incident)) == 0


def test_the_same_form_sent_by_many_at_once_makes_one_incident(postgres, database, db, ana):
    db.commit()
    engine = create_engine(postgres.url(APP, database), pool_size=8)
    made = []

    def submit():
        with Session(engine) as session, session.begin():
            made.append(declare(session, title="Login fails", form_nonce="same", by=ana).id)

    people = [threading.Thread(target=submit) for _ in range(8)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    engine.dispose()
    assert len(made) == 8
    assert len(set(made)) == 1
    assert len(lines(db, db.get(Incident, made[0]))) == 1


def test_forwards_goes_without_a_reason_and_backwards_only_with_one(db, ana, incident):
    move(db, incident, State.RECOVERING, by=ana)
    with pytest.raises(Refused, match="needs a reason"):
        move(db, incident, State.ASSESSED, by=ana)
    move(db, incident, State.ASSESSED, by=ana, reason="wrong release")
    assert lines(db, incident)[0] == "moved the incident from recovering to assessed: wrong release"
    assert db.scalar(select(func.count()).select_from(Phase).where(Phase.ended_at.is_(None))) == 1


def test_the_same_state_again_writes_nothing(db, ana, incident):
    move(db, incident, State.DETECTED, by=ana)
    assert len(lines(db, incident)) == 1


def test_a_duplicate_names_another_incident(db, ana, incident):
    with pytest.raises(Refused, match="name the other incident"):
        move(db, incident, State.DUPLICATE, by=ana, reason="seen twice")
    other = declare(db, title="Log-ins broken", form_nonce="n2", by=ana)
    move(db, other, State.DUPLICATE, by=ana, reason="seen twice", duplicate_of=incident)
    assert [one.id for one in open_incidents(db, reach=EVERYTHING)] == [incident.id]


def test_a_note_can_be_put_in_the_past_and_not_in_the_future(db, ana, incident):
    timeline.note(db, incident, body="It began here", by=ana, at=now() - timedelta(hours=1))
    assert lines(db, incident)[-1] == "It began here"
    with pytest.raises(Refused, match="future"):
        timeline.note(db, incident, body="Later", by=ana, at=now() + timedelta(hours=1))
    with pytest.raises(Refused, match="empty"):
        timeline.note(db, incident, body=" \n", by=ana)


def test_an_edit_is_a_new_version_at_the_same_place(db, ana, incident):
    first = timeline.note(db, incident, body="Two pods redy", by=ana)
    second = timeline.edit(db, first, body="Two pods ready", by=ana)
    assert (second.version, second.at) == (2, first.at)
    assert lines(db, incident)[0] == "Two pods ready"
    with pytest.raises(Refused, match="edited since"):
        timeline.edit(db, first, body="Three", by=ana)
    with pytest.raises(Refused, match="Ana's"):
        timeline.edit(db, second, body="Mine", by=person(db, "Bo"))


def test_two_edits_at_once_leave_one_winner(postgres, database, db, ana, incident):
    first = timeline.note(db, incident, body="One", by=ana)
    db.commit()
    engine = create_engine(postgres.url(APP, database))
    with Session(engine) as left, Session(engine) as right:
        timeline.edit(left, left.merge(first, load=False), body="Left", by=ana)
        assert right.scalar(select(func.count()).where(type(first).replaces_id == first.id)) == 0
        left.commit()
        right.rollback()
        stale = type(first)(
            incident_id=incident.id, kind="note", body="Right", actor_id=ana.id, actor_name="Ana", refs={}, replaces_id=first.id
        )
        right.add(stale)
        with pytest.raises(IntegrityError):
            right.flush()
    engine.dispose()


def test_a_long_timeline_is_paged_by_key_without_gap_or_repeat(db, ana, incident):
    for number in range(25):
        timeline.note(db, incident, body=f"note {number}", by=ana)
    seen, before = [], None
    while page := newest_entries(db, incident, before=before, limit=7):
        seen += [entry.id for entry in page]
        before = (page[-1].at, page[-1].id)
    assert len(seen) == len(set(seen)) == 26


def test_readers_see_the_incidents_of_their_services_and_open_ones_without(db, ana):
    mine, other = Service(slug="login", name="Login"), Service(slug="checkout", name="Checkout")
    db.add_all([mine, other])
    db.flush()
    theirs = declare(db, title="Checkout", form_nonce="a", by=ana, service_ids=(other.id,))
    ours = declare(db, title="Login", form_nonce="b", by=ana, service_ids=(mine.id, mine.id))
    nobodys = declare(db, title="Strange", form_nonce="c", by=ana)
    reach = Reach(everything=False, service_ids=frozenset({mine.id}))
    assert {one.id for one in open_incidents(db, reach=reach)} == {ours.id, nobodys.id}
    with pytest.raises(NotFound):
        get(db, theirs.id, reach=reach)
    nobodys.is_restricted = True
    db.flush()
    assert {one.id for one in open_incidents(db, reach=reach)} == {ours.id}
    assert open_incidents(db, reach=Reach(everything=False, service_ids=frozenset())) == []
