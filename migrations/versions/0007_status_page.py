"""What is public is what somebody published.

Why: pages, their components and what was told about incidents and planned work; who wants to be told. One open impact a component and
subject, one published incident a page and incident of ours; nobody who left is kept.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.grants import open_to_application

revision = "0007"
down_revision = "0006"

TABLES = [
    "status_pages",
    "status_groups",
    "status_components",
    "public_incidents",
    "maintenances",
    "public_updates",
    "impacts",
    "public_reviews",
    "subscribers",
]


def upgrade() -> None:
    op.create_table(
        "status_pages",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("support", sa.String(), server_default="", nullable=False),
        sa.Column("address", sa.String(), server_default="", nullable=False),
        sa.Column("is_private", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("mail_setting_id", sa.Integer(), nullable=True),
        sa.Column("signing_key", sa.LargeBinary(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("written_revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'", name=op.f("ck_status_pages_slug")),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 120", name=op.f("ck_status_pages_name")),
        sa.CheckConstraint("written_revision <= revision", name=op.f("ck_status_pages_written")),
        sa.ForeignKeyConstraint(["mail_setting_id"], ["channel_settings.id"], name=op.f("fk_status_pages_mail_setting_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_pages")),
        sa.UniqueConstraint("slug", name=op.f("uq_status_pages_slug")),
    )
    op.create_table(
        "maintenances",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="scheduled", nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_automatic", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("component_ids", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("updates", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('scheduled', 'in_progress', 'verifying', 'completed', 'cancelled')", name=op.f("ck_maintenances_state")
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_maintenances_times")),
        sa.CheckConstraint("length(title) BETWEEN 1 AND 200", name=op.f("ck_maintenances_title")),
        sa.ForeignKeyConstraint(["page_id"], ["status_pages.id"], name=op.f("fk_maintenances_page_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenances")),
        sa.UniqueConstraint("ref", name=op.f("uq_maintenances_ref")),
    )
    op.create_index(
        "ix_maintenances_ahead",
        "maintenances",
        ["page_id", "starts_at"],
        unique=False,
        postgresql_where=sa.text("state NOT IN ('cancelled', 'completed')"),
    )
    op.create_index("ix_maintenances_newest", "maintenances", ["page_id", sa.literal_column("starts_at DESC")], unique=False)
    op.create_table(
        "status_groups",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["page_id"], ["status_pages.id"], name=op.f("fk_status_groups_page_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_groups")),
    )
    op.create_index(op.f("ix_status_groups_page_id"), "status_groups", ["page_id"], unique=False)
    op.create_table(
        "subscribers",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(), server_default="pending", nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.CheckConstraint("(state = 'paused') = (reason <> '')", name=op.f("ck_subscribers_reason")),
        sa.CheckConstraint("kind IN ('mail', 'webhook')", name=op.f("ck_subscribers_kind")),
        sa.CheckConstraint("state IN ('pending', 'active', 'paused')", name=op.f("ck_subscribers_state")),
        sa.ForeignKeyConstraint(["page_id"], ["status_pages.id"], name=op.f("fk_subscribers_page_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscribers")),
        sa.UniqueConstraint("page_id", "kind", "address", name=op.f("uq_subscribers_page_id_kind_address")),
    )
    op.create_index("ix_subscribers_asked", "subscribers", ["asked_at"], unique=False, postgresql_where=sa.text("state = 'pending'"))
    op.create_table(
        "public_incidents",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=True),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("must_act", sa.String(), server_default="No", nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_update_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updates", sa.Integer(), server_default="0", nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'resolved') = (resolved_at IS NOT NULL)", name=op.f("ck_public_incidents_resolved")),
        sa.CheckConstraint(
            "state IN ('investigating', 'identified', 'recovering', 'monitoring', 'resolved')", name=op.f("ck_public_incidents_state")
        ),
        sa.CheckConstraint("length(title) BETWEEN 1 AND 200", name=op.f("ck_public_incidents_title")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_public_incidents_incident_id")),
        sa.ForeignKeyConstraint(["page_id"], ["status_pages.id"], name=op.f("fk_public_incidents_page_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_public_incidents")),
        sa.UniqueConstraint("ref", name=op.f("uq_public_incidents_ref")),
    )
    op.create_index(
        "ix_public_incidents_active",
        "public_incidents",
        ["page_id"],
        unique=False,
        postgresql_where=sa.text("resolved_at IS NULL AND withdrawn_at IS NULL"),
    )
    op.create_index(op.f("ix_public_incidents_incident_id"), "public_incidents", ["incident_id"], unique=False)
    op.create_index(
        "ix_public_incidents_newest",
        "public_incidents",
        ["page_id", sa.literal_column("began_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "uq_public_incidents_ours",
        "public_incidents",
        ["page_id", "incident_id"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.create_table(
        "public_reviews",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("html", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_public_reviews_by_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_public_reviews_incident_id")),
        sa.ForeignKeyConstraint(["page_id"], ["status_pages.id"], name=op.f("fk_public_reviews_page_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_public_reviews")),
        sa.UniqueConstraint("page_id", "incident_id", name=op.f("uq_public_reviews_page_id_incident_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_public_reviews_ref")),
    )
    op.create_index(op.f("ix_public_reviews_incident_id"), "public_reviews", ["incident_id"], unique=False)
    op.create_table(
        "status_components",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("service_id", sa.Integer(), nullable=True),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("about", sa.String(), server_default="", nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 120", name=op.f("ck_status_components_name")),
        sa.ForeignKeyConstraint(["group_id"], ["status_groups.id"], name=op.f("fk_status_components_group_id")),
        sa.ForeignKeyConstraint(["page_id"], ["status_pages.id"], name=op.f("fk_status_components_page_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_status_components_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_components")),
        sa.UniqueConstraint("ref", name=op.f("uq_status_components_ref")),
    )
    op.create_index(op.f("ix_status_components_group_id"), "status_components", ["group_id"], unique=False)
    op.create_index(op.f("ix_status_components_page_id"), "status_components", ["page_id"], unique=False)
    op.create_index(op.f("ix_status_components_service_id"), "status_components", ["service_id"], unique=False)
    op.create_table(
        "impacts",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("component_id", sa.Integer(), nullable=False),
        sa.Column("public_incident_id", sa.Integer(), nullable=True),
        sa.Column("maintenance_id", sa.Integer(), nullable=True),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("words", sa.String(), server_default="", nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "standing IN ('working', 'maintenance', 'degraded', 'partial', 'outage') AND standing <> 'working'",
            name=op.f("ck_impacts_standing"),
        ),
        sa.CheckConstraint("(public_incident_id IS NULL) <> (maintenance_id IS NULL)", name=op.f("ck_impacts_subject")),
        sa.CheckConstraint("ended_at >= began_at", name=op.f("ck_impacts_times")),
        sa.ForeignKeyConstraint(["component_id"], ["status_components.id"], name=op.f("fk_impacts_component_id")),
        sa.ForeignKeyConstraint(["maintenance_id"], ["maintenances.id"], name=op.f("fk_impacts_maintenance_id")),
        sa.ForeignKeyConstraint(["public_incident_id"], ["public_incidents.id"], name=op.f("fk_impacts_public_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_impacts")),
    )
    op.create_index("ix_impacts_component", "impacts", ["component_id", "began_at"], unique=False)
    op.create_index(op.f("ix_impacts_maintenance_id"), "impacts", ["maintenance_id"], unique=False)
    op.create_index(op.f("ix_impacts_public_incident_id"), "impacts", ["public_incident_id"], unique=False)
    op.create_index(
        "uq_impacts_open",
        "impacts",
        ["component_id", "public_incident_id", "maintenance_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "public_updates",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("public_incident_id", sa.Integer(), nullable=True),
        sa.Column("maintenance_id", sa.Integer(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("corrected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(public_incident_id IS NULL) <> (maintenance_id IS NULL)", name=op.f("ck_public_updates_subject")),
        sa.CheckConstraint("length(text) BETWEEN 1 AND 5000", name=op.f("ck_public_updates_text")),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_public_updates_by_id")),
        sa.ForeignKeyConstraint(["maintenance_id"], ["maintenances.id"], name=op.f("fk_public_updates_maintenance_id")),
        sa.ForeignKeyConstraint(["public_incident_id"], ["public_incidents.id"], name=op.f("fk_public_updates_public_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_public_updates")),
        sa.UniqueConstraint("maintenance_id", "number", name=op.f("uq_public_updates_maintenance_id_number")),
        sa.UniqueConstraint("public_incident_id", "number", name=op.f("uq_public_updates_public_incident_id_number")),
    )
    op.create_index(
        "ix_public_updates_told",
        "public_updates",
        ["told_at"],
        unique=False,
        postgresql_where=sa.text("told_at IS NOT NULL AND judged_at IS NULL"),
    )
    open_to_application(TABLES, deletable=["status_groups", "public_reviews", "subscribers"])


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
