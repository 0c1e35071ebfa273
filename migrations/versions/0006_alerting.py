"""Who was paged and who answered, whom somebody reached, and the alerts that came in.

Why: a page that nobody answers goes on by itself, in whatever process is alive; so whose turn it is stands in a row. Contacts may
belong to the whole company now: an incident without a service has somebody to call too.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.grants import open_to_application

revision = "0006"
down_revision = "0005"

TABLES = [
    "integrations",
    "contact_ways",
    "intake_receipts",
    "paging_rules",
    "alerts",
    "contact_calls",
    "pagings",
    "page_attempts",
]


def upgrade() -> None:
    op.create_table(
        "integrations",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("hook", sa.String(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("signing_key", sa.LargeBinary(), nullable=True),
        sa.Column("label", sa.String(), server_default="", nullable=False),
        sa.Column("services", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("severity", sa.String(), server_default="high", nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(kind = 'webhook') = (signing_key IS NOT NULL)", name=op.f("ck_integrations_signs")),
        sa.CheckConstraint("(kind = 'webhook') = (token_hash IS NULL)", name=op.f("ck_integrations_token")),
        sa.CheckConstraint("kind IN ('alertmanager', 'grafana', 'webhook')", name=op.f("ck_integrations_kind")),
        sa.CheckConstraint("severity IN ('critical', 'high', 'medium', 'low')", name=op.f("ck_integrations_severity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_integrations")),
        sa.UniqueConstraint("hook", name=op.f("uq_integrations_hook")),
    )
    op.create_index(
        "uq_integrations_name",
        "integrations",
        [sa.literal_column("lower(name)")],
        unique=True,
        postgresql_where=sa.text("archived_at IS NULL"),
    )
    op.create_table(
        "contact_ways",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("setting_id", sa.Integer(), nullable=True),
        sa.Column("address", sa.String(), server_default="", nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("shown", sa.String(), server_default="", nullable=False),
        sa.CheckConstraint("(kind = 'never') = (setting_id IS NULL AND sealed IS NULL)", name=op.f("ck_contact_ways_somewhere")),
        sa.CheckConstraint("kind IN ('mail', 'webhook', 'apprise', 'never')", name=op.f("ck_contact_ways_kind")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_contact_ways_service_id")),
        sa.ForeignKeyConstraint(["setting_id"], ["channel_settings.id"], name=op.f("fk_contact_ways_setting_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_ways")),
    )
    op.create_index(
        "uq_contact_ways_contact",
        "contact_ways",
        ["service_id", sa.literal_column("lower(name)")],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "intake_receipts",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.ForeignKeyConstraint(["integration_id"], ["integrations.id"], name=op.f("fk_intake_receipts_integration_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_receipts")),
        sa.UniqueConstraint("integration_id", "message_id", name=op.f("uq_intake_receipts_integration_id_message_id")),
    )
    op.create_index("ix_intake_receipts_recent", "intake_receipts", ["integration_id", "at"], unique=False)
    op.create_table(
        "paging_rules",
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("wait_s", sa.Integer(), nullable=False),
        sa.Column("least_severity", sa.String(), server_default="low", nullable=False),
        sa.CheckConstraint("least_severity IN ('critical', 'high', 'medium', 'low')", name=op.f("ck_paging_rules_least_severity")),
        sa.CheckConstraint("wait_s BETWEEN 10 AND 86400", name=op.f("ck_paging_rules_wait")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_paging_rules_service_id")),
        sa.PrimaryKeyConstraint("service_id", name=op.f("pk_paging_rules")),
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("opened", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("group_key", sa.String(), server_default="", nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=True),
        sa.Column("named", sa.String(), server_default="", nullable=False),
        sa.Column("labels", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("url", sa.String(), server_default="", nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("status IN ('firing', 'resolved')", name=op.f("ck_alerts_status")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_alerts_incident_id")),
        sa.ForeignKeyConstraint(["integration_id"], ["integrations.id"], name=op.f("fk_alerts_integration_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_alerts_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        sa.UniqueConstraint("incident_id", "integration_id", "fingerprint", name=op.f("uq_alerts_incident_id_integration_id_fingerprint")),
    )
    op.create_index("ix_alerts_fingerprint", "alerts", ["integration_id", "fingerprint", sa.literal_column("id DESC")], unique=False)
    op.create_index(
        "ix_alerts_group",
        "alerts",
        ["integration_id", "group_key", sa.literal_column("id DESC")],
        unique=False,
        postgresql_where=sa.text("group_key <> ''"),
    )
    op.create_table(
        "contact_calls",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("contact", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), server_default="", nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("outcome IN ('reached', 'not_reached')", name=op.f("ck_contact_calls_outcome")),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_contact_calls_by_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_contact_calls_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_calls")),
    )
    op.create_index("ix_contact_calls_incident", "contact_calls", ["incident_id", "id"], unique=False)
    op.create_table(
        "pagings",
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), server_default="paging", nullable=False),
        sa.Column("cycle", sa.Integer(), server_default="1", nullable=False),
        sa.Column("round", sa.Integer(), server_default="1", nullable=False),
        sa.Column("wait_s", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signing_key", sa.LargeBinary(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("answered_by", sa.String(), server_default="", nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'acknowledged') = (answered_at IS NOT NULL)", name=op.f("ck_pagings_answered")),
        sa.CheckConstraint("(state = 'paging') = (next_at IS NOT NULL)", name=op.f("ck_pagings_next")),
        sa.CheckConstraint("state IN ('paging', 'acknowledged', 'exhausted', 'stopped')", name=op.f("ck_pagings_state")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_pagings_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_pagings")),
    )
    op.create_index("ix_pagings_due", "pagings", ["next_at"], unique=False, postgresql_where=sa.text("state = 'paging'"))
    op.create_table(
        "page_attempts",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("contact", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), server_default="", nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("setting_id", sa.Integer(), nullable=True),
        sa.Column("address", sa.String(), server_default="", nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="waiting", nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.Column("delivery_id", sa.Integer(), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'queued', 'sent', 'acknowledged', 'passed_on', 'exhausted', 'spared')",
            name=op.f("ck_page_attempts_state"),
        ),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name=op.f("fk_page_attempts_delivery_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_page_attempts_incident_id")),
        sa.ForeignKeyConstraint(["setting_id"], ["channel_settings.id"], name=op.f("fk_page_attempts_setting_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_page_attempts")),
        sa.UniqueConstraint("incident_id", "cycle", "contact", name=op.f("uq_page_attempts_incident_id_cycle_contact")),
    )
    op.create_index("ix_page_attempts_queued", "page_attempts", ["delivery_id"], unique=False, postgresql_where=sa.text("state = 'queued'"))
    op.alter_column("contacts", "service_id", existing_type=sa.INTEGER(), nullable=True)
    open_to_application(TABLES, deletable=["contact_ways", "intake_receipts"], append_only=["contact_calls"])


def downgrade() -> None:
    op.execute("DELETE FROM contacts WHERE service_id IS NULL")
    op.alter_column("contacts", "service_id", existing_type=sa.INTEGER(), nullable=False)
    for table in reversed(TABLES):
        op.drop_table(table)
