"""What must never be, PostgreSQL forbids.

Why: states that move only along their map, terminal rows that stay, histories that nobody edits, and an application role
that may not touch any of it. The maps are those of app/runs/states.py; a test compares them.
"""

import os

from alembic import op
from sqlalchemy import text
from sqlalchemy.engine import make_url

revision = "0002"
down_revision = "0001"

RUN_MOVES = {
    "draft": ["awaiting_approval", "canceled", "expired", "queued"],
    "awaiting_approval": ["canceled", "expired", "queued", "rejected"],
    "queued": ["canceled", "running"],
    "running": ["canceled", "failed", "needs_attention", "queued", "succeeded"],
    "needs_attention": ["canceled", "failed", "queued"],
}
STEP_MOVES = {
    "pending": ["skipped", "started"],
    "started": ["failed", "succeeded", "unknown", "waiting"],
    "waiting": ["failed", "skipped", "started", "succeeded", "unknown"],
    "unknown": ["failed", "pending", "skipped", "started", "succeeded"],
    "failed": [],
}
APPEND_ONLY = ["audit_entries", "timeline_entries", "run_events", "output_chunks", "plan_steps", "approvals", "resolutions", "samples"]
# rows that are worked away: everything else is kept, archived or ended, never deleted
DELETABLE = [
    "run_locks",
    "sign_in_delays",
    "incident_services",
    "allowed_addresses",
    "grants",
    "contacts",
    "links",
    "workers",
    "looks",
    "check_readings",
    "remembered_answers",
]


def _moves(table: str, moves: dict[str, list[str]]) -> str:
    pairs = ", ".join(f"('{old}', '{new}')" for old, news in moves.items() for new in news) or "('', '')"
    return f"""
        CREATE FUNCTION {table}_moves() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.fence < OLD.fence THEN
                RAISE EXCEPTION '{table}: fence went back from % to %', OLD.fence, NEW.fence USING ERRCODE = 'check_violation';
            END IF;
            IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN ({pairs}) THEN
                RAISE EXCEPTION '{table}: % cannot become %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER {table}_moves BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_moves();
    """


def _application_role() -> str:
    """The role that the processes sign in as; nothing to grant where it is the owner's own."""
    return make_url(os.environ["LASTGOOD_DATABASE_URL"]).username or "" if os.environ.get("LASTGOOD_DATABASE_URL") else ""


def upgrade() -> None:
    op.execute(text("INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '\\x')"))
    op.execute(text(_moves("runs", RUN_MOVES)))
    op.execute(text(_moves("steps", STEP_MOVES)))
    op.execute(
        text("""
        CREATE FUNCTION ended_rows_stay() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.ended_at IS NOT NULL AND NEW IS DISTINCT FROM OLD THEN
                RAISE EXCEPTION '%: a row that has ended never changes', TG_TABLE_NAME USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER ended_rows_stay BEFORE UPDATE ON runs FOR EACH ROW EXECUTE FUNCTION ended_rows_stay();
        CREATE TRIGGER ended_rows_stay BEFORE UPDATE ON steps FOR EACH ROW EXECUTE FUNCTION ended_rows_stay();
        CREATE FUNCTION plans_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            -- an incident may still be declared for it, and its contract is agreed on until a run begins
            IF OLD.state <> 'resolving' AND to_jsonb(NEW) - '{incident_id,contract}'::text[] <> to_jsonb(OLD) - '{incident_id,contract}'::text[] THEN
                RAISE EXCEPTION 'plans: a resolved plan never changes' USING ERRCODE = 'check_violation';
            END IF;
            IF NEW.contract <> OLD.contract AND EXISTS (SELECT 1 FROM runs WHERE plan_id = NEW.id) THEN
                RAISE EXCEPTION 'plans: the contract of a run never changes' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER plans_freeze BEFORE UPDATE ON plans FOR EACH ROW EXECUTE FUNCTION plans_freeze();
        CREATE FUNCTION success_is_whole() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT 1 FROM steps WHERE run_id = NEW.id AND state NOT IN ('succeeded', 'skipped')) THEN
                RAISE EXCEPTION 'runs: run % did not do all of its steps', NEW.id USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$;
        CREATE CONSTRAINT TRIGGER success_is_whole AFTER UPDATE OF state ON runs DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW WHEN (NEW.state = 'succeeded') EXECUTE FUNCTION success_is_whole();
        CREATE FUNCTION approver_is_another() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT 1 FROM runs WHERE id = NEW.run_id AND requested_by_id = NEW.approver_id) THEN
                RAISE EXCEPTION 'approvals: nobody approves their own request' USING ERRCODE = 'check_violation';
            END IF;
            IF NOT EXISTS (SELECT 1 FROM runs WHERE id = NEW.run_id AND plan_digest = NEW.plan_digest) THEN
                RAISE EXCEPTION 'approvals: the plan is another one by now' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER approver_is_another BEFORE INSERT ON approvals FOR EACH ROW EXECUTE FUNCTION approver_is_another();
        CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '%: lines are written once and never changed', TG_TABLE_NAME USING ERRCODE = 'check_violation';
        END $$;
    """)
    )
    for table in APPEND_ONLY:
        op.execute(
            text(
                f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION append_only()"
            )
        )
    role = _application_role()
    owner = op.get_bind().scalar(text("SELECT current_user"))
    if role and role != owner:
        op.execute(text(f'GRANT USAGE ON SCHEMA public TO "{role}"'))
        op.execute(text(f'GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO "{role}"'))
        op.execute(text(f'REVOKE INSERT, UPDATE ON alembic_version FROM "{role}"'))
        op.execute(text(f'REVOKE UPDATE ON {", ".join(APPEND_ONLY)} FROM "{role}"'))
        op.execute(text(f'GRANT DELETE ON {", ".join(DELETABLE)} TO "{role}"'))
        op.execute(text(f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "{role}"'))


def downgrade() -> None:
    for table in APPEND_ONLY:
        op.execute(text(f"DROP TRIGGER append_only ON {table}"))
    for table, trigger in (
        ("approvals", "approver_is_another"),
        ("runs", "ended_rows_stay"),
        ("steps", "ended_rows_stay"),
        ("plans", "plans_freeze"),
        ("runs", "success_is_whole"),
        ("runs", "runs_moves"),
        ("steps", "steps_moves"),
    ):
        op.execute(text(f"DROP TRIGGER {trigger} ON {table}"))
    functions = ("append_only", "approver_is_another", "ended_rows_stay", "plans_freeze", "success_is_whole", "runs_moves", "steps_moves")
    for function in functions:
        op.execute(text(f"DROP FUNCTION {function}()"))
    op.execute(text("DELETE FROM audit_head"))
