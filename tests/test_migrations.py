import importlib.util
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.accounts.models import User
from app.audit.models import AuditEntry, AuditHead
from app.catalog.models import Release, Service, Target
from app.core.clock import now
from app.incidents.models import Incident, TimelineEntry
from app.runs.models import Approval, Plan, Run, RunLock, Step
from app.runs.states import RUN_MOVES, STEP_MOVES

ROOT = Path(__file__).parent.parent


@pytest.fixture
def run(db):
    ana, bo = User(email="ana@example.org", name="Ana"), User(email="bo@example.org", name="Bo")
    service = Service(slug="login", name="Login")
    db.add_all([ana, bo, service])
    db.flush()
    target = Target(service_id=service.id, kind="git", config={"branch": "main"})
    db.add(target)
    db.flush()
    plan = Plan(kind="rollback", service_id=service.id, target_id=target.id, request={}, made_by_id=ana.id, state="ready", digest="d1")
    db.add(plan)
    db.flush()
    run = Run(plan_id=plan.id, plan_digest="d1", service_id=service.id, idempotency_key="k", requested_by_id=ana.id, state="queued")
    db.add(run)
    db.commit()
    run.approver_id, run.target_id = bo.id, target.id
    return run


def refused(db, statement, **values):
    with pytest.raises(DBAPIError) as error:
        db.execute(text(statement), values)
    db.rollback()
    return str(error.value.orig)


def test_the_models_and_the_migrations_say_the_same(alembic, database):
    done = alembic(database, "check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_migration_goes_down_and_up_again(alembic, database):
    for arguments in (["downgrade", "base"], ["upgrade", "head"]):
        done = alembic(database, *arguments)
        assert done.returncode == 0, done.stderr


def test_the_database_holds_the_same_moves_as_the_code():
    spec = importlib.util.spec_from_file_location("guards", ROOT / "migrations" / "versions" / "0002_guards.py")
    guards = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(guards)
    assert {old: sorted(news) for old, news in RUN_MOVES.items()} == guards.RUN_MOVES
    assert {old: sorted(news) for old, news in STEP_MOVES.items()} == guards.STEP_MOVES


def test_a_run_moves_only_along_the_map(db, run):
    assert "queued cannot become succeeded" in refused(db, "UPDATE runs SET state = 'succeeded', ended_at = now()")


def test_a_running_run_has_a_lease_and_a_fence_never_goes_back(db, run):
    assert "ck_runs_lease" in refused(db, "UPDATE runs SET state = 'running'")
    db.execute(text("UPDATE runs SET state = 'running', lease_owner = 'w', lease_until = now(), fence = 2"))
    db.commit()
    assert "fence went back" in refused(db, "UPDATE runs SET fence = 1")


def test_a_run_that_ended_never_changes(db, run):
    db.execute(text("UPDATE runs SET state = 'canceled', ended_at = now()"))
    db.commit()
    assert "never changes" in refused(db, "UPDATE runs SET sentence = 'rewritten'")


def test_a_target_is_held_by_one_run(db, run):
    db.add(RunLock(target_id=run.target_id, run_id=run.id))
    db.commit()
    assert "run_locks" in refused(db, "INSERT INTO run_locks (target_id, run_id) VALUES (:t, :r)", t=run.target_id, r=run.id)


def test_a_run_has_one_open_step(db, run):
    for position in (1, 2):
        db.add(Step(run_id=run.id, position=position, action="git.return_to", title="Back"))
    db.commit()
    db.execute(text("UPDATE steps SET state = 'started', intent_at = now() WHERE position = 1"))
    assert "uq_steps_one_open" in refused(db, "UPDATE steps SET state = 'started', intent_at = now() WHERE position = 2")


def test_a_step_succeeds_only_with_proof(db, run):
    db.add(Step(run_id=run.id, position=1, action="git.return_to", title="Back", state="started", intent_at=now()))
    db.commit()
    assert "ck_steps_proof" in refused(db, "UPDATE steps SET state = 'succeeded'")


def test_nobody_approves_their_own_request_or_another_plan(db, run):
    insert = "INSERT INTO approvals (run_id, plan_digest, approver_id, verdict) VALUES (:run, :digest, :who, 'approved')"
    assert "their own request" in refused(db, insert, run=run.id, digest="d1", who=run.requested_by_id)
    assert "another one" in refused(db, insert, run=run.id, digest="d2", who=run.approver_id)
    db.add(Approval(run_id=run.id, plan_digest="d1", approver_id=run.approver_id, verdict="approved"))
    db.commit()


def test_the_timeline_is_written_once(db):
    incident = Incident(title="Login fails", form_nonce="n")
    db.add(incident)
    db.flush()
    db.add(TimelineEntry(incident_id=incident.id, kind="note", actor_name="Ana", body="Seen"))
    db.commit()
    assert "permission denied" in refused(db, "UPDATE timeline_entries SET body = 'other'")
    assert "permission denied" in refused(db, "DELETE FROM timeline_entries")
    assert "permission denied" in refused(db, "DELETE FROM incidents")


def test_the_owner_cannot_edit_history_by_mistake_either(postgres, database, db):
    head = db.get(AuditHead, 1)
    entry = AuditEntry(seq=1, at=now(), actor="system", actor_name="x", action="a", object="o", detail={}, previous=head.hash, hash=b"h")
    db.add(entry)
    db.commit()
    with postgres.connect(database=database) as owner, pytest.raises(Exception, match="never changed"):
        owner.execute("DELETE FROM audit_entries")


def test_a_release_is_known_once_by_its_digest(db, run):
    facts = {"target_id": run.target_id, "version": "v1", "digest": "same", "facts": {}, "origin": "observed"}
    db.add(Release(**facts))
    db.commit()
    assert "uq_releases" in refused(
        db,
        "INSERT INTO releases (target_id, version, digest, facts, origin) VALUES (:t, 'v2', 'same', '{}', 'observed')",
        t=run.target_id,
    )
