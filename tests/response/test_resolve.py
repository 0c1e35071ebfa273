from datetime import timedelta

import pytest
from sqlalchemy import select

from app.accounts.policy import Role
from app.audit.models import AuditEntry
from app.core.clock import now
from app.core.errors import Conflict, Forbidden, Refused
from app.incidents import queries
from app.incidents.states import State
from app.response import resolve
from app.reviews import actions as reviews
from app.reviews.models import Kind, ReviewState, Section
from app.verification.models import Verification
from tests import factories
from tests.web import stages

CONTRACT = {"soak_s": 60, "deadline_s": 600, "every_s": 10, "checks": []}


@pytest.fixture
def on(db, console):
    return stages.stage(db, "login")


@pytest.fixture
def incident(on):
    return on.incident


def verified(db, on, verdict, **facts):
    ended = {"state": "done", "verdict": verdict, "ended_at": now()} if verdict else {}
    row = Verification(
        service_id=on.service.id, incident_id=on.incident.id, contract=CONTRACT, deadline_at=now() + timedelta(minutes=15), **ended | facts
    )
    db.add(row)
    db.flush()
    return row


def lines(db, incident):
    return [entry.body for entry in queries.newest_entries(db, incident)]


def test_an_incident_is_resolved_and_the_timeline_says_how_long_it_took(db, on, incident):
    incident.began_at = incident.declared_at - timedelta(minutes=4, seconds=50)
    db.flush()
    resolve.resolve(db, incident, by=on.commander)
    assert incident.state == "resolved"
    took, moved = lines(db, incident)[:2]
    assert moved == "moved the incident from detected to resolved"
    assert took.startswith("It took 4\u00a0min ")
    assert "4\u00a0min 50\u00a0s to detect" in took


def test_nothing_overrules_an_active_run(db, on, incident):
    run = stages.make_run(db, on, stages.make_plan(db, on), state="running", steps=[stages.taken()])
    with pytest.raises(Conflict, match=f"run {run.id} on login is active") as refused:
        resolve.resolve(db, incident, overrule_reason="It works", by=on.commander)
    assert refused.value.link == f"/runs/{run.id}"
    assert incident.state == "detected"


def test_a_run_that_ended_does_not_stand_in_the_way(db, on, incident):
    stages.make_run(db, on, stages.make_plan(db, on), state="succeeded", steps=[stages.taken()])
    assert resolve.check(db, incident) == []


@pytest.mark.parametrize(
    ("verdict", "said"),
    [(None, "still being watched"), ("partly", "only in part"), ("not", "has not recovered"), ("worse", "worse than before")],
)
def test_a_verification_that_is_not_recovered_is_shown(db, on, incident, verdict, said):
    one = verified(db, on, verdict)
    (found,) = resolve.check(db, incident)
    assert (found.name, found.link, found.is_final) == (f"verification-{one.id}", f"/verifications/{one.id}", False)
    assert said in found.sentence
    with pytest.raises(Refused, match="Say why"):
        resolve.resolve(db, incident, by=on.commander)


def test_only_the_newest_verification_of_a_service_counts(db, on, incident):
    verified(db, on, "not")
    verified(db, on, "recovered")
    verified(db, on, None, state="canceled", ended_at=now())
    assert resolve.check(db, incident) == []


def test_overruling_keeps_the_reason_in_the_timeline_and_in_the_audit_log(db, on, incident):
    one = verified(db, on, "not")
    resolve.resolve(db, incident, overrule_reason="The check asks the wrong port", by=on.commander)
    assert incident.state == "resolved"
    line = "resolved it although the verification says that login has not recovered. Why: The check asks the wrong port"
    assert line in lines(db, incident)
    entry = db.scalars(select(AuditEntry).where(AuditEntry.action == "incident.overrule")).one()
    assert entry.detail == {"overruled": [f"verification-{one.id}"], "reason": "The check asks the wrong port"}


def test_what_came_up_since_the_page_was_opened_is_not_overruled_unseen(db, on, incident):
    one = verified(db, on, "not")
    with pytest.raises(Conflict, match="Since you opened the page"):
        resolve.resolve(db, incident, overrule_reason="Fine", seen=(), by=on.commander)
    resolve.resolve(db, incident, overrule_reason="Fine", seen={f"verification-{one.id}"}, by=on.commander)
    assert incident.state == "resolved"


def test_only_a_commander_ends_it(db, on, incident):
    verified(db, on, "not")
    responder = factories.make_person(db, "Bo Lind", Role.RESPONDER)
    with pytest.raises(Forbidden):
        resolve.resolve(db, incident, overrule_reason="Fine", by=responder)
    assert incident.state == "detected"


def test_straight_to_reviewed_passes_the_same_gate(db, on, incident):
    verified(db, on, "not")
    with pytest.raises(Refused, match="Say why"):
        resolve.move(db, incident, State.REVIEWED, by=on.commander)


def test_other_moves_are_as_they_were(db, on, incident):
    verified(db, on, "not")
    resolve.move(db, incident, State.ASSESSED, by=on.commander)
    resolve.move(db, incident, State.CANCELLED, reason="False alarm", by=on.commander)
    assert incident.state == "cancelled"


def test_a_review_that_people_had_sent_is_outdated_when_the_incident_opens_again(db, on, incident):
    resolve.resolve(db, incident, by=on.commander)
    sent, draft = (reviews.begin(db, incident, kind, by=on.commander) for kind in (Kind.REPORT, Kind.RETROSPECTIVE))
    sent.state = ReviewState.IN_REVIEW
    db.flush()
    resolve.move(db, incident, State.RECOVERING, reason="It is back", by=on.commander)
    db.refresh(draft)
    assert sent.outdated_at is not None
    assert draft.outdated_at is None
    assert db.get(Section, (sent.id, "addendum")).body == ""
    assert sent.state == "in_review"
    assert "asks for an addendum" in lines(db, incident)[0]
