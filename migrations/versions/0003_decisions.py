"""The decision matrix and every assessment are kept.

Why: rules as versioned data, the facts with who said them and when, what was recommended and what people decided. Histories are
append-only; two first decisions of one incident, and two revisions of one decision, are refused by the database. Version 1 of the
matrix is what ships (app/decisions/shipped.py; a test compares them).
"""

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.grants import open_to_application

revision = "0003"
down_revision = "0002"

TABLES = ["rule_sets", "deliberations", "stated_facts", "assessments", "decisions", "objection_rounds", "objection_answers", "user_reports"]
APPEND_ONLY = ["rule_sets", "stated_facts", "assessments", "decisions"]
TROUBLES = "'', 'critical_bug', 'degradation', 'data_corruption', 'vulnerability', 'high_error_rate'"
RULES = [
    {
        "id": "critical-broken",
        "side": "rollback",
        "text": "Critical functionality is broken",
        "fact": "critical_broken",
        "is": "is",
        "value": True,
    },
    {"id": "error-rate", "side": "rollback", "text": "The error rate is above 5 %", "fact": "error_rate", "is": "above", "value": 5.0},
    {
        "id": "slow",
        "side": "rollback",
        "text": "The response time is above 1.5 times the baseline",
        "fact": "latency_ratio",
        "is": "above",
        "value": 1.5,
    },
    {"id": "corruption", "side": "rollback", "text": "Data corruption is occurring", "fact": "data_corruption", "is": "is", "value": True},
    {
        "id": "vulnerability",
        "side": "rollback",
        "text": "A security vulnerability was introduced",
        "fact": "vulnerability",
        "is": "is",
        "value": True,
    },
    {
        "id": "no-quick-fix",
        "side": "rollback",
        "text": "It cannot be fixed forward within 30 minutes",
        "fact": "fix_minutes",
        "is": "above",
        "value": 30.0,
    },
    {
        "id": "workaround",
        "side": "fix_forward",
        "text": "It is a minor bug with a workaround",
        "fact": "minor_with_workaround",
        "is": "is",
        "value": True,
    },
    {
        "id": "quick-fix",
        "side": "fix_forward",
        "text": "A fix is available within 15 minutes",
        "fact": "fix_minutes",
        "is": "at_most",
        "value": 15.0,
    },
    {
        "id": "few-users",
        "side": "fix_forward",
        "text": "Fewer than 1 % of users are affected",
        "fact": "users_affected",
        "is": "below",
        "value": 1.0,
    },
    {
        "id": "loses-data",
        "side": "fix_forward",
        "text": "Rolling back would lose data",
        "fact": "rollback_loses_data",
        "is": "is",
        "value": True,
    },
]
DECIDE_WITHIN = {"critical": 5, "high": 15, "medium": 60, "low": 240}


def upgrade() -> None:
    op.create_table(
        "rule_sets",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("decide_within", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("note", sa.String(), server_default="", nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("version > 0", name=op.f("ck_rule_sets_version")),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_rule_sets_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_sets")),
        sa.UniqueConstraint("version", name=op.f("uq_rule_sets_version")),
    )
    op.create_table(
        "assessments",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("rule_set_id", sa.Integer(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("fired", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("recommendation", sa.String(), nullable=False),
        sa.Column("sentence", sa.String(), nullable=False),
        sa.Column("feasibility", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.CheckConstraint("cause IN ('declared', 'fact', 'reading', 'rules', 'decision')", name=op.f("ck_assessments_cause")),
        sa.CheckConstraint("recommendation IN ('rollback', 'fix_forward', 'ask', 'open')", name=op.f("ck_assessments_recommendation")),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_assessments_by_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_assessments_incident_id")),
        sa.ForeignKeyConstraint(["rule_set_id"], ["rule_sets.id"], name=op.f("fk_assessments_rule_set_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessments")),
    )
    op.create_index("ix_assessments_newest", "assessments", ["incident_id", sa.literal_column("id DESC")], unique=False)
    op.create_table(
        "deliberations",
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("decide_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decide_by_set_by", sa.String(), server_default="", nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("lapsed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_deliberations_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_deliberations")),
    )
    op.create_table(
        "objection_rounds",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("choice", sa.String(), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=True),
        sa.Column("asked_by_name", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("choice IN ('rollback', 'fix_forward')", name=op.f("ck_objection_rounds_choice")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["users.id"], name=op.f("fk_objection_rounds_asked_by_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_objection_rounds_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_objection_rounds")),
    )
    op.create_index(op.f("ix_objection_rounds_incident_id"), "objection_rounds", ["incident_id"], unique=False)
    op.create_index(
        "uq_objection_rounds_open", "objection_rounds", ["incident_id"], unique=True, postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_table(
        "stated_facts",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'null'"), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_stated_facts_by_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_stated_facts_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stated_facts")),
    )
    op.create_index("ix_stated_facts_newest", "stated_facts", ["incident_id", "key", sa.literal_column("id DESC")], unique=False)
    op.create_table(
        "user_reports",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), server_default="1", nullable=False),
        sa.Column("body", sa.String(), server_default="", nullable=False),
        sa.Column("url", sa.String(), server_default="", nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("form_nonce", sa.String(), nullable=True),
        sa.CheckConstraint("count BETWEEN 1 AND 1000000", name=op.f("ck_user_reports_count")),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_user_reports_by_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_user_reports_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_reports")),
        sa.UniqueConstraint("form_nonce", name=op.f("uq_user_reports_form_nonce")),
    )
    op.create_index(op.f("ix_user_reports_incident_id"), "user_reports", ["incident_id"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("assessment_id", sa.Integer(), nullable=False),
        sa.Column("choice", sa.String(), nullable=False),
        sa.Column("rationale", sa.String(), server_default="", nullable=False),
        sa.Column("against_reason", sa.String(), server_default="", nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("replaces_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("choice IN ('rollback', 'fix_forward')", name=op.f("ck_decisions_choice")),
        sa.ForeignKeyConstraint(["assessment_id"], ["assessments.id"], name=op.f("fk_decisions_assessment_id")),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_decisions_by_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_decisions_incident_id")),
        sa.ForeignKeyConstraint(["replaces_id"], ["decisions.id"], name=op.f("fk_decisions_replaces_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
    )
    op.create_index("ix_decisions_newest", "decisions", ["incident_id", sa.literal_column("id DESC")], unique=False)
    op.create_index("uq_decisions_first", "decisions", ["incident_id"], unique=True, postgresql_where=sa.text("replaces_id IS NULL"))
    op.create_index("uq_decisions_replaces", "decisions", ["replaces_id"], unique=True, postgresql_where=sa.text("replaces_id IS NOT NULL"))
    op.create_table(
        "objection_answers",
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("user_name", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), server_default="", nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(answer = '') = (answered_at IS NULL)", name=op.f("ck_objection_answers_answered")),
        sa.CheckConstraint("answer IN ('', 'none', 'objects')", name=op.f("ck_objection_answers_answer")),
        sa.ForeignKeyConstraint(["round_id"], ["objection_rounds.id"], name=op.f("fk_objection_answers_round_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_objection_answers_user_id")),
        sa.PrimaryKeyConstraint("round_id", "user_id", name=op.f("pk_objection_answers")),
    )
    op.add_column("incidents", sa.Column("trouble", sa.String(), server_default="", nullable=False))
    op.create_index(
        "ix_timeline_entries_facts",
        "timeline_entries",
        ["incident_id", sa.literal_column("id DESC")],
        unique=False,
        postgresql_where=sa.text("kind = 'facts'"),
    )
    op.create_check_constraint("trouble", "incidents", f"trouble IN ({TROUBLES})")
    op.execute(
        sa.text(
            "INSERT INTO rule_sets (version, rules, decide_within, by_name) VALUES (1, CAST(:rules AS jsonb), CAST(:within AS jsonb), 'Lastgood')"
        ).bindparams(rules=json.dumps(RULES), within=json.dumps(DECIDE_WITHIN))
    )
    open_to_application(TABLES, append_only=APPEND_ONLY)


def downgrade() -> None:
    op.drop_constraint("trouble", "incidents", type_="check")
    op.drop_index("ix_timeline_entries_facts", table_name="timeline_entries", postgresql_where=sa.text("kind = 'facts'"))
    op.drop_column("incidents", "trouble")
    op.drop_table("objection_answers")
    op.drop_index("uq_decisions_replaces", table_name="decisions", postgresql_where=sa.text("replaces_id IS NOT NULL"))
    op.drop_index("uq_decisions_first", table_name="decisions", postgresql_where=sa.text("replaces_id IS NULL"))
    op.drop_index("ix_decisions_newest", table_name="decisions")
    op.drop_table("decisions")
    op.drop_index(op.f("ix_user_reports_incident_id"), table_name="user_reports")
    op.drop_table("user_reports")
    op.drop_index("ix_stated_facts_newest", table_name="stated_facts")
    op.drop_table("stated_facts")
    op.drop_index("uq_objection_rounds_open", table_name="objection_rounds", postgresql_where=sa.text("closed_at IS NULL"))
    op.drop_index(op.f("ix_objection_rounds_incident_id"), table_name="objection_rounds")
    op.drop_table("objection_rounds")
    op.drop_table("deliberations")
    op.drop_index("ix_assessments_newest", table_name="assessments")
    op.drop_table("assessments")
    op.drop_table("rule_sets")
