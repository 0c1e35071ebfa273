"""Drills have a script and a score.

Why: what a facilitator tells at which minute is written down beforehand, and followed by the clock. One drill a service at a time.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.grants import open_to_application

revision = "0009"
down_revision = "0008"

TABLES = ["drill_scripts", "drills", "drill_injects"]
LINES = ["drill_script_versions"]
SHIPPED = [
    (
        "A release that fails for some users",
        "Monitoring: the error rate rises since the last release. Nobody has said anything yet.",
        [
            (2, "Support: the first five users write that they cannot sign in."),
            (5, "A developer: “It must be my change of this afternoon. A fix would take an hour.”"),
            (8, "The head of sales asks in the chat whether customers should be told."),
            (12, "Support: about one in four users is affected. It does not get better by itself."),
        ],
    ),
    (
        "Is data being damaged?",
        "A customer calls: an order shows twice. It was there once an hour ago.",
        [
            (3, "Support finds a second customer with the same trouble."),
            (6, "The orders of the last hour were written by the newest release."),
            (9, "The on-call engineer of the database does not answer. A colleague has the phone."),
        ],
    ),
]


def upgrade() -> None:
    op.create_table(
        "drill_scripts",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drill_scripts")),
    )
    op.create_table(
        "drill_script_versions",
        sa.Column("script_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=True),
        sa.Column("signal", sa.String(), nullable=False),
        sa.Column("injects", postgresql.JSONB(), nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 80", name=op.f("ck_drill_script_versions_name")),
        sa.CheckConstraint("length(signal) BETWEEN 1 AND 500", name=op.f("ck_drill_script_versions_signal")),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_drill_script_versions_by_id")),
        sa.ForeignKeyConstraint(["script_id"], ["drill_scripts.id"], name=op.f("fk_drill_script_versions_script_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_drill_script_versions_service_id")),
        sa.PrimaryKeyConstraint("script_id", "number", name=op.f("pk_drill_script_versions")),
    )
    op.create_table(
        "drills",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("script_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("signal", sa.String(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=True),
        sa.Column("accepts_production", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("facilitator_id", sa.Integer(), nullable=True),
        sa.Column("facilitator", sa.String(), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(), server_default="", nullable=False),
        sa.Column("end_reason", sa.String(), server_default="", nullable=False),
        sa.Column("form_nonce", sa.String(), nullable=False),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by = '')", name=op.f("ck_drills_ended")),
        sa.ForeignKeyConstraint(["facilitator_id"], ["users.id"], name=op.f("fk_drills_facilitator_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_drills_incident_id")),
        sa.ForeignKeyConstraint(["script_id"], ["drill_scripts.id"], name=op.f("fk_drills_script_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_drills_service_id")),
        sa.ForeignKeyConstraint(["target_id"], ["targets.id"], name=op.f("fk_drills_target_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drills")),
        sa.UniqueConstraint("form_nonce", name=op.f("uq_drills_form_nonce")),
        sa.UniqueConstraint("incident_id", name=op.f("uq_drills_incident_id")),
    )
    op.create_index("uq_drills_running", "drills", ["service_id"], unique=True, postgresql_where=sa.text("ended_at IS NULL"))
    op.create_index("ix_drills_newest", "drills", ["service_id", sa.literal_column("started_at DESC")], unique=False)
    op.create_table(
        "drill_injects",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("drill_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("minute", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="waiting", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.String(), server_default="", nullable=False),
        sa.CheckConstraint("(state = 'waiting') = (done_at IS NULL)", name=op.f("ck_drill_injects_done")),
        sa.CheckConstraint("state IN ('waiting', 'injected', 'skipped')", name=op.f("ck_drill_injects_state")),
        sa.ForeignKeyConstraint(["drill_id"], ["drills.id"], name=op.f("fk_drill_injects_drill_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drill_injects")),
        sa.UniqueConstraint("drill_id", "position", name=op.f("uq_drill_injects_drill_id_position")),
    )
    op.create_index("ix_drill_injects_due", "drill_injects", ["due_at"], unique=False, postgresql_where=sa.text("state = 'waiting'"))
    _ship()
    open_to_application([*TABLES, *LINES], append_only=LINES)


def downgrade() -> None:
    for table in ("drill_injects", "drills", "drill_script_versions", "drill_scripts"):
        op.drop_table(table)


def _ship() -> None:
    """Two scripts to begin with, for every service."""
    script = sa.table("drill_scripts", sa.column("id"))
    version = sa.table(
        "drill_script_versions",
        *(sa.column(name) for name in ("script_id", "number", "name", "signal", "by_name")),
        sa.column("injects", postgresql.JSONB()),
    )
    for name, signal, injects in SHIPPED:
        number = op.get_bind().execute(sa.insert(script).values().returning(script.c.id)).scalar_one()
        lines = [{"minute": minute, "text": text} for minute, text in injects]
        row = {"script_id": number, "number": 1, "name": name, "signal": signal, "injects": lines, "by_name": "Lastgood"}
        op.get_bind().execute(sa.insert(version).values(row))
