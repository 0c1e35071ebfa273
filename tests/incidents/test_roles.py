import pytest
from sqlalchemy import select

from app.accounts.policy import Role
from app.core.errors import Conflict, Forbidden, Refused
from app.incidents.models import Incident, RoleHolder
from app.incidents.queries import newest_entries, people
from app.incidents.roles import COMMANDER, give_back, hand_over, holder_of, take
from tests.factories import make_incident, make_person, make_service


def last_line(db, incident):
    return newest_entries(db, incident)[0].body


def test_taking_command_is_one_line_and_taking_it_again_is_none(db, ana, incident):
    first = take(db, incident, COMMANDER, by=ana)
    assert take(db, incident, " Commander ", by=ana) is first
    assert [entry.body for entry in newest_entries(db, incident)] == ["took command", "declared the incident: Log-in fails for some users"]


def test_a_held_role_is_not_taken_and_the_sentence_names_the_holder(db, ana, bo, incident):
    take(db, incident, "Database expert", by=ana)
    with pytest.raises(Refused, match=r"Ana Ruiz is database expert of INC-\d+ since"):
        take(db, incident, "database  Expert", by=bo)


def test_a_hand_over_needs_a_briefing_and_writes_it_down(db, ana, bo, incident):
    held = take(db, incident, COMMANDER, by=ana)
    with pytest.raises(Refused, match="brief Bo Lind") as refused:
        hand_over(db, incident, COMMANDER, to=bo.id, briefing=" ", by=ana)
    assert refused.value.field == "briefing"
    hand_over(db, incident, COMMANDER, to=bo.id, briefing="Rollback is out,\nwatch the error rate", by=ana, holder_id=held.id)
    assert last_line(db, incident) == "handed command to Bo Lind: Rollback is out, watch the error rate"
    assert holder_of(db, incident, COMMANDER).user_id == bo.id


def test_two_hand_overs_at_once_leave_one_heir_and_a_conflict(db, ana, bo, incident, at_once):
    cleo = make_person(db, "Cleo Park")
    held = take(db, incident, COMMANDER, by=ana)
    db.commit()

    def to(person):
        return lambda session: (
            hand_over(
                session, session.get(Incident, incident.id), COMMANDER, to=person.id, briefing="Yours", by=ana, holder_id=held.id
            ).user_id
        )

    answers = at_once(to(bo), to(cleo))
    assert sum(isinstance(answer, Conflict) for answer in answers) == 1
    heir = next(answer for answer in answers if not isinstance(answer, Exception))
    assert db.scalars(select(RoleHolder.user_id).where(RoleHolder.until.is_(None))).all() == [heir]


def test_many_who_take_a_free_role_at_once_are_one(db, incident, at_once):
    crowd = [make_person(db, f"Person {letter}") for letter in "ABCDEF"]
    db.commit()
    answers = at_once(*[lambda s, who=who: take(s, s.get(Incident, incident.id), COMMANDER, by=who).user_id for who in crowd])
    assert sum(isinstance(answer, int) for answer in answers) == 1
    assert sum(isinstance(answer, Refused) for answer in answers) == 5


def test_a_responder_ends_only_their_own_role_and_a_commander_anybodys(db, ana, incident):
    responder, other = make_person(db, "Rio Sol", Role.RESPONDER), make_person(db, "Uma Roy", Role.RESPONDER)
    take(db, incident, "scribe", by=responder)
    with pytest.raises(Forbidden, match="Rio Sol is scribe"):
        give_back(db, incident, "scribe", by=other)
    give_back(db, incident, "scribe", by=ana)
    assert last_line(db, incident) == "gave back the role of scribe, held by Rio Sol"
    give_back(db, incident, "scribe", by=other)
    assert holder_of(db, incident, "scribe") is None


def test_a_role_goes_only_to_somebody_who_can_respond(db, ana):
    login = make_service(db)
    incident = make_incident(db, login, by=ana)
    elsewhere = make_person(db, "Eli Far", Role.RESPONDER, service=make_service(db))
    viewer, gone = make_person(db, "Vic Low", Role.VIEWER), make_person(db, "Gus Out", state="disabled")
    here = make_person(db, "Hal Near", Role.RESPONDER, service=login)
    assert {user.id for user in people(db, incident)} == {ana.id, here.id}
    take(db, incident, COMMANDER, by=ana)
    for person in (elsewhere, viewer, gone):
        with pytest.raises(Refused, match="cannot respond"):
            hand_over(db, incident, COMMANDER, to=person.id, briefing="Yours", by=ana)
