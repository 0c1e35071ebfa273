import pytest
from sqlalchemy import func, select

from app.catalog import releases
from app.core.errors import Conflict, Refused
from app.incidents.models import Incident, IncidentService, TimelineEntry
from app.response import recover
from app.runs.models import Plan, Run
from app.verification.models import Verification
from tests.factories import make_check, make_incident, make_person, make_release, make_service, make_target


@pytest.fixture
def shop(db):
    """A service whose v1.2.4 replaced the good v1.2.3, and Ana who commands."""
    ana = make_person(db)
    service = make_service(db, "login")
    target = make_target(db, service)
    good = make_release(db, target, "v1.2.3", standing="good")
    bad = make_release(db, target, "v1.2.4", current=True)
    return ana, service, target, good, bad


def ready(db, plan, digest="d1"):
    plan.state, plan.digest, plan.title = "ready", digest, "Roll login back to v1.2.3"
    db.flush()
    return plan


def test_a_rollback_without_a_release_leads_to_the_last_good_one(db, console, shop):
    ana, _, target, good, _ = shop
    plan = recover.preview(db, kind="rollback", target=target, by=ana)
    assert (plan.release_id, plan.state) == (good.id, "resolving")


def test_there_must_be_something_to_go_back_to(db, console, shop):
    ana, service, *_ = shop
    fresh = make_target(db, service, environment="staging")
    make_release(db, fresh, "v1.0.0", current=True)
    with pytest.raises(Refused, match="nothing to go back to"):
        recover.preview(db, kind="rollback", target=fresh, by=ana)


def test_the_contract_is_agreed_on_with_the_plan(db, console, shop):
    ana, service, target, *_ = shop
    make_check(db, service, "health", "front page", url="http://127.0.0.1:1/health")
    plan = recover.preview(db, kind="rollback", target=target, by=ana)
    assert [check["name"] for check in plan.contract["checks"]] == ["front page"]


def test_a_start_from_a_service_declares_the_incident_on_the_way(db, console, shop):
    ana, service, target, _, bad = shop
    plan = ready(db, recover.preview(db, kind="rollback", target=target, by=ana))
    run = recover.start(db, plan, digest="d1", nonce="n1", by=ana)
    incident = db.get(Incident, run.incident_id)
    assert (incident.state, incident.title) == ("recovering", "Login had to go back to v1.2.3")
    assert db.get(IncidentService, (incident.id, service.id)).suspect_release_id == bad.id
    assert bad.standing == "suspect"
    lines = db.scalars(select(TimelineEntry.body).where(TimelineEntry.incident_id == incident.id)).all()
    assert any("run" in line for line in lines)


def test_a_start_from_a_service_joins_the_incident_that_is_open_about_it(db, console, shop):
    ana, service, target, *_ = shop
    make_incident(db, service, by=ana, is_drill=True)
    early = ready(db, recover.preview(db, kind="restart", target=target, by=ana))
    known = make_incident(db, service, by=ana)
    assert recover.preview(db, kind="rollback", target=target, by=ana).incident_id == known.id
    assert (early.incident_id, recover.start(db, early, digest="d1", nonce="n1", by=ana).incident_id) == (None, known.id)
    make_incident(db, service, by=ana)
    assert recover.preview(db, kind="rollback", target=target, by=ana).incident_id is None


def test_the_same_confirmation_twice_makes_one_run_and_one_incident(db, console, shop):
    ana, _, target, *_ = shop
    plan = ready(db, recover.preview(db, kind="rollback", target=target, by=ana))
    first = recover.start(db, plan, digest="d1", nonce="n1", by=ana)
    assert recover.start(db, plan, digest="d1", nonce="n1", by=ana).id == first.id
    assert db.scalar(select(func.count()).select_from(Incident)) == 1


def test_what_is_being_returned_to_is_never_suspected(db, console, shop):
    ana, _, target, good, _ = shop
    plan = ready(db, recover.preview(db, kind="rollback", target=target, by=ana))
    releases.deployed(db, target, good, by="observed")
    recover.start(db, plan, digest="d1", nonce="n1", by=ana)
    assert good.standing == "good"


def test_another_digest_starts_nothing_and_declares_nothing(db, console, shop):
    ana, _, target, *_ = shop
    plan = ready(db, recover.preview(db, kind="rollback", target=target, by=ana))
    db.commit()
    with pytest.raises(Conflict, match="nothing was started"):
        recover.start(db, plan, digest="older", nonce="n1", by=ana)
    db.rollback()
    assert db.scalar(select(func.count()).select_from(Run)) == 0
    assert db.scalar(select(func.count()).select_from(Incident)) == 0


def test_an_incident_that_is_further_keeps_its_state(db, console, shop):
    ana, service, target, *_ = shop
    incident = make_incident(db, service, by=ana)
    incident.state = "verifying"
    plan = ready(db, recover.preview(db, kind="rollback", target=target, incident=incident, by=ana))
    recover.start(db, plan, digest="d1", nonce="n1", by=ana)
    assert incident.state == "verifying"


def test_a_busy_target_can_be_taken_over(db, console, shop):
    ana, _, target, *_ = shop
    one, two = (ready(db, recover.preview(db, kind="rollback", target=target, by=ana)) for _ in range(2))
    first = recover.start(db, one, digest="d1", nonce="n1", by=ana)
    with pytest.raises(Conflict), db.begin_nested():
        recover.start(db, two, digest="d1", nonce="n2", by=ana)
    second = recover.start(db, two, digest="d1", nonce="n3", by=ana, instead_of=first)
    assert (first.state, second.state) == ("canceled", "queued")


def test_a_verification_by_hand_needs_checks(db, console, shop):
    ana, service, *_ = shop
    with pytest.raises(Refused, match="no checks"):
        recover.verify(db, service, by=ana)
    make_check(db, service, "health", "front page", url="http://127.0.0.1:1/health")
    assert isinstance(recover.verify(db, service, by=ana), Verification)
    assert db.scalar(select(func.count()).select_from(Plan)) == 0
