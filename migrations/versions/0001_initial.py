"""The tables of the domain.

Why: people, services, releases, incidents, plans, runs, verifications and the audit log, as app.tables declares them.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "allowed_addresses",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.Column("allowed_by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("port BETWEEN 1 AND 65535", name=op.f("ck_allowed_addresses_port")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allowed_addresses")),
        sa.UniqueConstraint("host", "port", name=op.f("uq_allowed_addresses_host_port")),
    )
    op.create_table(
        "audit_entries",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_entries")),
    )
    op.create_index(op.f("ix_audit_entries_action"), "audit_entries", ["action"], unique=False)
    op.create_index(op.f("ix_audit_entries_object"), "audit_entries", ["object"], unique=False)
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_audit_head_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "looks",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(), server_default="queued", nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("problem", sa.String(), server_default="", nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("rung_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'looking') = (lease_until IS NOT NULL)", name=op.f("ck_looks_lease")),
        sa.CheckConstraint("(state IN ('done', 'failed')) = (ended_at IS NOT NULL)", name=op.f("ck_looks_ended")),
        sa.CheckConstraint("state IN ('queued', 'looking', 'done', 'failed')", name=op.f("ck_looks_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_looks")),
    )
    op.create_index("ix_looks_open", "looks", ["created_at"], unique=False, postgresql_where=sa.text("state IN ('queued', 'looking')"))
    op.create_index("uq_looks_one_open", "looks", ["kind", "subject"], unique=True, postgresql_where=sa.text("state = 'queued'"))
    op.create_table(
        "remembered_answers",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remembered_answers")),
        sa.UniqueConstraint("owner", "key", name=op.f("uq_remembered_answers_owner_key")),
    )
    op.create_index(op.f("ix_remembered_answers_at"), "remembered_answers", ["at"], unique=False)
    op.create_table(
        "secrets",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_secrets")),
    )
    op.create_table(
        "services",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), server_default="", nullable=False),
        sa.Column("tier", sa.Integer(), server_default="2", nullable=False),
        sa.Column("description", sa.String(), server_default="", nullable=False),
        sa.Column("good_after_s", sa.Integer(), server_default="600", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'", name=op.f("ck_services_slug")),
        sa.CheckConstraint("good_after_s BETWEEN 5 AND 604800", name=op.f("ck_services_good_after")),
        sa.CheckConstraint("tier BETWEEN 1 AND 4", name=op.f("ck_services_tier")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_services")),
        sa.UniqueConstraint("slug", name=op.f("uq_services_slug")),
    )
    op.create_table(
        "sign_in_delays",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_failure_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_delays")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("state", sa.String(), server_default="invited", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('invited', 'active', 'disabled')", name=op.f("ck_users_state")),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_users_email_lower")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "workers",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("build", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_workers")),
    )
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_api_tokens_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_tokens_prefix")),
    )
    op.create_index("ix_api_tokens_live", "api_tokens", ["prefix"], unique=False, postgresql_where=sa.text("revoked_at IS NULL"))
    op.create_index(op.f("ix_api_tokens_user_id"), "api_tokens", ["user_id"], unique=False)
    op.create_table(
        "checks",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("config", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("required", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("secret_id", sa.Integer(), nullable=True),
        sa.Column("earlier", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('health', 'version', 'smoke', 'metric')", name=op.f("ck_checks_kind")),
        sa.ForeignKeyConstraint(["secret_id"], ["secrets.id"], name=op.f("fk_checks_secret_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_checks_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checks")),
        sa.UniqueConstraint("service_id", "name", name=op.f("uq_checks_service_id_name")),
    )
    op.create_index(op.f("ix_checks_service_id"), "checks", ["service_id"], unique=False)
    op.create_table(
        "clusters",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("secret_id", sa.Integer(), nullable=True),
        sa.Column("server", sa.String(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(), server_default="", nullable=False),
        sa.Column("rights", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(kind = 'kubeconfig') = (secret_id IS NOT NULL)", name=op.f("ck_clusters_credential")),
        sa.CheckConstraint("kind IN ('kubeconfig', 'in_cluster')", name=op.f("ck_clusters_kind")),
        sa.ForeignKeyConstraint(["secret_id"], ["secrets.id"], name=op.f("fk_clusters_secret_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clusters")),
        sa.UniqueConstraint("name", name=op.f("uq_clusters_name")),
    )
    op.create_table(
        "contacts",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), server_default="", nullable=False),
        sa.Column("email", sa.String(), server_default="", nullable=False),
        sa.Column("chat", sa.String(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_contacts_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
    )
    op.create_index(op.f("ix_contacts_service_id"), "contacts", ["service_id"], unique=False)
    op.create_table(
        "grants",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("role IN ('viewer', 'responder', 'commander', 'approver', 'admin', 'auditor')", name=op.f("ck_grants_role")),
        sa.CheckConstraint("role NOT IN ('admin', 'auditor') OR service_id IS NULL", name=op.f("ck_grants_global_roles")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_grants_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
        sa.UniqueConstraint(
            "user_id", "role", "service_id", name=op.f("uq_grants_user_id_role_service_id"), postgresql_nulls_not_distinct=True
        ),
    )
    op.create_index(op.f("ix_grants_user_id"), "grants", ["user_id"], unique=False)
    op.create_table(
        "incidents",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), server_default="high", nullable=False),
        sa.Column("state", sa.String(), server_default="detected", nullable=False),
        sa.Column("impact", sa.String(), server_default="", nullable=False),
        sa.Column("affected_percent", sa.Double(), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("declared_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("declared_by_id", sa.Integer(), nullable=True),
        sa.Column("state_since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_drill", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_restricted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("duplicate_of_id", sa.Integer(), nullable=True),
        sa.Column("form_nonce", sa.String(), nullable=False),
        sa.Column("entries", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("(state = 'duplicate') = (duplicate_of_id IS NOT NULL)", name=op.f("ck_incidents_duplicate")),
        sa.CheckConstraint("severity IN ('critical', 'high', 'medium', 'low')", name=op.f("ck_incidents_severity")),
        sa.CheckConstraint(
            "state IN ('detected', 'assessed', 'decided', 'recovering', 'verifying', 'resolved', 'reviewed', 'cancelled', 'duplicate')",
            name=op.f("ck_incidents_state"),
        ),
        sa.CheckConstraint("affected_percent BETWEEN 0 AND 100", name=op.f("ck_incidents_affected_percent")),
        sa.CheckConstraint("duplicate_of_id <> id", name=op.f("ck_incidents_not_of_itself")),
        sa.CheckConstraint("length(title) BETWEEN 1 AND 200", name=op.f("ck_incidents_title")),
        sa.ForeignKeyConstraint(["declared_by_id"], ["users.id"], name=op.f("fk_incidents_declared_by_id")),
        sa.ForeignKeyConstraint(["duplicate_of_id"], ["incidents.id"], name=op.f("fk_incidents_duplicate_of_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
        sa.UniqueConstraint("form_nonce", name=op.f("uq_incidents_form_nonce")),
    )
    op.create_index(
        "ix_incidents_open",
        "incidents",
        ["severity", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('assessed', 'decided', 'detected', 'recovering', 'verifying')"),
    )
    op.create_index(
        "ix_incidents_ended", "incidents", ["resolved_at", "id"], unique=False, postgresql_where=sa.text("resolved_at IS NOT NULL")
    )
    op.create_index(
        "ix_incidents_words", "incidents", [sa.literal_column("to_tsvector('simple', title)")], unique=False, postgresql_using="gin"
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind = 'setup' OR user_id IS NOT NULL", name=op.f("ck_invitations_person")),
        sa.CheckConstraint("kind IN ('setup', 'invite', 'reset')", name=op.f("ck_invitations_kind")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_invitations_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitations_token_hash")),
    )
    op.create_index(op.f("ix_invitations_user_id"), "invitations", ["user_id"], unique=False)
    op.create_table(
        "links",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_links_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_links")),
    )
    op.create_index(op.f("ix_links_service_id"), "links", ["service_id"], unique=False)
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=True),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("csrf_token", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stepped_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("address", sa.String(), server_default="", nullable=False),
        sa.Column("agent", sa.String(), server_default="", nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sign_ins_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ins")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sign_ins_token_hash")),
    )
    op.create_index(op.f("ix_sign_ins_previous_hash"), "sign_ins", ["previous_hash"], unique=False)
    op.create_index(op.f("ix_sign_ins_user_id"), "sign_ins", ["user_id"], unique=False)
    op.create_table(
        "check_readings",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("sentence", sa.String(), server_default="", nullable=False),
        sa.CheckConstraint("outcome IN ('pass', 'fail', 'inconclusive')", name=op.f("ck_check_readings_outcome")),
        sa.ForeignKeyConstraint(["check_id"], ["checks.id"], name=op.f("fk_check_readings_check_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_check_readings")),
    )
    op.create_index("ix_check_readings_recent", "check_readings", ["check_id", "at"], unique=False)
    op.create_table(
        "incident_phases",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_incident_phases_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_phases")),
    )
    op.create_index(op.f("ix_incident_phases_incident_id"), "incident_phases", ["incident_id"], unique=False)
    op.create_index("uq_incident_phases_now", "incident_phases", ["incident_id"], unique=True, postgresql_where=sa.text("ended_at IS NULL"))
    op.create_table(
        "role_holders",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("briefing", sa.String(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_role_holders_incident_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_role_holders_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_holders")),
    )
    op.create_index(op.f("ix_role_holders_incident_id"), "role_holders", ["incident_id"], unique=False)
    op.create_index("uq_role_holders_now", "role_holders", ["incident_id", "role"], unique=True, postgresql_where=sa.text("until IS NULL"))
    op.create_table(
        "targets",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("environment", sa.String(), server_default="production", nullable=False),
        sa.Column("config", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("secret_id", sa.Integer(), nullable=True),
        sa.Column("cluster_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("observe_problem", sa.String(), server_default="", nullable=False),
        sa.Column("seen", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('kubernetes', 'git')", name=op.f("ck_targets_kind")),
        sa.ForeignKeyConstraint(["cluster_id"], ["clusters.id"], name=op.f("fk_targets_cluster_id")),
        sa.ForeignKeyConstraint(["secret_id"], ["secrets.id"], name=op.f("fk_targets_secret_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_targets_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_targets")),
    )
    op.create_index(op.f("ix_targets_cluster_id"), "targets", ["cluster_id"], unique=False)
    op.create_index(op.f("ix_targets_service_id"), "targets", ["service_id"], unique=False)
    op.create_table(
        "timeline_entries",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("is_system", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("refs", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("replaces_id", sa.Integer(), nullable=True),
        sa.Column("form_nonce", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("length(body) <= 20000", name=op.f("ck_timeline_entries_length")),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_timeline_entries_actor_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_timeline_entries_incident_id")),
        sa.ForeignKeyConstraint(["replaces_id"], ["timeline_entries.id"], name=op.f("fk_timeline_entries_replaces_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timeline_entries")),
        sa.UniqueConstraint("form_nonce", name=op.f("uq_timeline_entries_form_nonce")),
    )
    op.create_index(
        "ix_timeline_entries_newest",
        "timeline_entries",
        ["incident_id", sa.literal_column("at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "uq_timeline_entries_replaces",
        "timeline_entries",
        ["replaces_id"],
        unique=True,
        postgresql_where=sa.text("replaces_id IS NOT NULL"),
    )
    op.create_table(
        "releases",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("standing", sa.String(), server_default="unproven", nullable=False),
        sa.Column("standing_reason", sa.String(), server_default="", nullable=False),
        sa.Column("standing_by", sa.String(), server_default="", nullable=False),
        sa.Column("standing_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("origin IN ('observed', 'imported', 'recorded')", name=op.f("ck_releases_origin")),
        sa.CheckConstraint("standing IN ('unproven', 'good', 'suspect')", name=op.f("ck_releases_standing")),
        sa.ForeignKeyConstraint(["target_id"], ["targets.id"], name=op.f("fk_releases_target_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_releases")),
        sa.UniqueConstraint("target_id", "digest", name=op.f("uq_releases_target_id_digest")),
    )
    op.create_index(op.f("ix_releases_target_id"), "releases", ["target_id"], unique=False)
    op.create_table(
        "incident_services",
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("suspect_release_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_incident_services_incident_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_incident_services_service_id")),
        sa.ForeignKeyConstraint(["suspect_release_id"], ["releases.id"], name=op.f("fk_incident_services_suspect_release_id")),
        sa.PrimaryKeyConstraint("incident_id", "service_id", name=op.f("pk_incident_services")),
    )
    op.create_index(op.f("ix_incident_services_service_id"), "incident_services", ["service_id"], unique=False)
    op.create_table(
        "plans",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=True),
        sa.Column("release_id", sa.Integer(), nullable=True),
        sa.Column("undoes_run_id", sa.Integer(), nullable=True),
        sa.Column("retry_of_id", sa.Integer(), nullable=True),
        sa.Column("request", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(), server_default="resolving", nullable=False),
        sa.Column("digest", sa.String(), nullable=True),
        sa.Column("title", sa.String(), server_default="", nullable=False),
        sa.Column("is_destructive", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_blocked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("expected_s", sa.Double(), nullable=True),
        sa.Column("expected_from", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("contract", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("problem", sa.String(), server_default="", nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'ready') = (digest IS NOT NULL)", name=op.f("ck_plans_digest")),
        sa.CheckConstraint("state <> 'failed' OR problem <> ''", name=op.f("ck_plans_problem")),
        sa.CheckConstraint("state IN ('failed', 'ready', 'resolving')", name=op.f("ck_plans_state")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_plans_incident_id")),
        sa.ForeignKeyConstraint(["made_by_id"], ["users.id"], name=op.f("fk_plans_made_by_id")),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_plans_release_id")),
        sa.ForeignKeyConstraint(["retry_of_id"], ["runs.id"], name=op.f("fk_plans_retry_of_id"), use_alter=True),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_plans_service_id")),
        sa.ForeignKeyConstraint(["target_id"], ["targets.id"], name=op.f("fk_plans_target_id")),
        sa.ForeignKeyConstraint(["undoes_run_id"], ["runs.id"], name=op.f("fk_plans_undoes_run_id"), use_alter=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
    )
    op.create_index(op.f("ix_plans_incident_id"), "plans", ["incident_id"], unique=False)
    op.create_index(op.f("ix_plans_service_id"), "plans", ["service_id"], unique=False)
    op.create_index(op.f("ix_plans_target_id"), "plans", ["target_id"], unique=False)
    op.create_table(
        "rollouts",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("replaced_id", sa.Integer(), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("holding_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("by", sa.String(), server_default="observed", nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name=op.f("fk_rollouts_release_id")),
        sa.ForeignKeyConstraint(["replaced_id"], ["releases.id"], name=op.f("fk_rollouts_replaced_id")),
        sa.ForeignKeyConstraint(["target_id"], ["targets.id"], name=op.f("fk_rollouts_target_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rollouts")),
    )
    op.create_index("ix_rollouts_began", "rollouts", ["target_id", "began_at"], unique=False)
    op.create_index(op.f("ix_rollouts_release_id"), "rollouts", ["release_id"], unique=False)
    op.create_index("uq_rollouts_current", "rollouts", ["target_id"], unique=True, postgresql_where=sa.text("ended_at IS NULL"))
    op.create_table(
        "plan_steps",
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("action_class", sa.String(), nullable=False),
        sa.Column("is_destructive", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_point_of_no_return", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_cancellable", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("pin", sa.String(), nullable=False),
        sa.Column("shown", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("effect_deadline_s", sa.Double(), nullable=False),
        sa.Column("step_deadline_s", sa.Double(), nullable=False),
        sa.Column("expected_s", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_plan_steps_plan_id")),
        sa.PrimaryKeyConstraint("plan_id", "position", name=op.f("pk_plan_steps")),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("plan_digest", sa.String(), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=True),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), server_default="draft", nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("requested_by_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sentence", sa.String(), server_default="", nullable=False),
        sa.Column("needs_approval", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("break_glass_reason", sa.String(), nullable=True),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_requested_by_id", sa.Integer(), nullable=True),
        sa.Column("attention", sa.String(), server_default="", nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rung_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wake_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("takeovers", sa.Integer(), server_default="0", nullable=False),
        sa.Column("starts_after_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("(state = 'running') = (lease_owner IS NOT NULL AND lease_until IS NOT NULL)", name=op.f("ck_runs_lease")),
        sa.CheckConstraint(
            "(state IN ('canceled', 'expired', 'failed', 'rejected', 'succeeded')) = (ended_at IS NOT NULL)",
            name=op.f("ck_runs_ended"),
        ),
        sa.CheckConstraint(
            "NOT needs_approval OR approved_at IS NOT NULL OR break_glass_reason IS NOT NULL OR state IN ('draft', 'awaiting_approval', 'rejected', 'expired', 'canceled')",
            name=op.f("ck_runs_approved"),
        ),
        sa.CheckConstraint("state <> 'needs_attention' OR attention <> ''", name=op.f("ck_runs_attention")),
        sa.CheckConstraint(
            "state IN ('awaiting_approval', 'canceled', 'draft', 'expired', 'failed', 'needs_attention', 'queued', 'rejected', 'running', 'succeeded')",
            name=op.f("ck_runs_state"),
        ),
        sa.ForeignKeyConstraint(["cancel_requested_by_id"], ["users.id"], name=op.f("fk_runs_cancel_requested_by_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_runs_incident_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_runs_plan_id")),
        sa.ForeignKeyConstraint(["requested_by_id"], ["users.id"], name=op.f("fk_runs_requested_by_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_runs_service_id")),
        sa.ForeignKeyConstraint(["starts_after_id"], ["runs.id"], name=op.f("fk_runs_starts_after_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_runs_idempotency_key")),
        sa.UniqueConstraint("plan_id", name=op.f("uq_runs_plan_id")),
    )
    op.create_index(op.f("ix_runs_incident_id"), "runs", ["incident_id"], unique=False)
    op.create_index(
        "ix_runs_open",
        "runs",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued', 'running', 'needs_attention', 'awaiting_approval')"),
    )
    op.create_index(op.f("ix_runs_service_id"), "runs", ["service_id"], unique=False)
    op.create_index(op.f("ix_runs_starts_after_id"), "runs", ["starts_after_id"], unique=False)
    op.create_table(
        "approvals",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("plan_digest", sa.String(), nullable=False),
        sa.Column("approver_id", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("verdict IN ('approved', 'rejected')", name=op.f("ck_approvals_verdict")),
        sa.ForeignKeyConstraint(["approver_id"], ["users.id"], name=op.f("fk_approvals_approver_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_approvals_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
        sa.UniqueConstraint("run_id", "approver_id", name=op.f("uq_approvals_run_id_approver_id")),
    )
    op.create_table(
        "output_chunks",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_output_chunks_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_output_chunks")),
        sa.UniqueConstraint("run_id", "position", "seq", name=op.f("uq_output_chunks_run_id_position_seq")),
    )
    op.create_table(
        "resolutions",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("answer IN ('happened', 'did_not_happen', 'skip', 'end')", name=op.f("ck_resolutions_answer")),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_resolutions_by_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_resolutions_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resolutions")),
    )
    op.create_index(op.f("ix_resolutions_run_id"), "resolutions", ["run_id"], unique=False)
    op.create_table(
        "run_events",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("sentence", sa.String(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_events_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_events")),
    )
    op.create_index("ix_run_events_run", "run_events", ["run_id", "id"], unique=False)
    op.create_table(
        "run_locks",
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_locks_run_id")),
        sa.ForeignKeyConstraint(["target_id"], ["targets.id"], name=op.f("fk_run_locks_target_id")),
        sa.PrimaryKeyConstraint("target_id", name=op.f("pk_run_locks")),
    )
    op.create_index(op.f("ix_run_locks_run_id"), "run_locks", ["run_id"], unique=False)
    op.create_table(
        "steps",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="pending", nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("intent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("effect_deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("step_deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("observed", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("sentence", sa.String(), server_default="", nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state <> 'succeeded' OR observed IS NOT NULL", name=op.f("ck_steps_proof")),
        sa.CheckConstraint(
            "state IN ('failed', 'pending', 'skipped', 'started', 'succeeded', 'unknown', 'waiting')", name=op.f("ck_steps_state")
        ),
        sa.CheckConstraint("state IN ('pending', 'skipped') OR intent_at IS NOT NULL", name=op.f("ck_steps_intent")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_steps_run_id")),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_steps")),
    )
    op.create_index("uq_steps_one_open", "steps", ["run_id"], unique=True, postgresql_where=sa.text("state IN ('started', 'unknown')"))
    op.create_table(
        "verifications",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=True),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("asked_by_id", sa.Integer(), nullable=True),
        sa.Column("contract", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("expected", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("baseline", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("state", sa.String(), server_default="watching", nullable=False),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("sentence", sa.String(), server_default="", nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("acted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("holding_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_round_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rounds", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("(state = 'done') = (verdict IS NOT NULL)", name=op.f("ck_verifications_done")),
        sa.CheckConstraint("(state = 'watching') = (ended_at IS NULL)", name=op.f("ck_verifications_ended")),
        sa.CheckConstraint("state IN ('watching', 'done', 'canceled')", name=op.f("ck_verifications_state")),
        sa.CheckConstraint("verdict IN ('recovered', 'partly', 'not', 'worse')", name=op.f("ck_verifications_verdict")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["users.id"], name=op.f("fk_verifications_asked_by_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_verifications_incident_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_verifications_run_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_verifications_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verifications")),
    )
    op.create_index(
        "ix_verifications_due", "verifications", ["next_round_at"], unique=False, postgresql_where=sa.text("state = 'watching'")
    )
    op.create_index(op.f("ix_verifications_incident_id"), "verifications", ["incident_id"], unique=False)
    op.create_index(op.f("ix_verifications_service_id"), "verifications", ["service_id"], unique=False)
    op.create_index("uq_verifications_run", "verifications", ["run_id"], unique=True, postgresql_where=sa.text("run_id IS NOT NULL"))
    op.create_table(
        "samples",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("verification_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("sentence", sa.String(), server_default="", nullable=False),
        sa.Column("is_history", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(["verification_id"], ["verifications.id"], name=op.f("fk_samples_verification_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_samples")),
        sa.UniqueConstraint("verification_id", "position", "at", name=op.f("uq_samples_verification_id_position_at")),
    )
    op.create_table(
        "watched_checks",
        sa.Column("verification_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("config", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.String(), server_default="pending", nullable=False),
        sa.Column("holding_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("successes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unclear", sa.Integer(), server_default="0", nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("unit", sa.String(), server_default="", nullable=False),
        sa.Column("sentence", sa.String(), server_default="", nullable=False),
        sa.Column("limit", sa.Double(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("before", sa.Double(), nullable=True),
        sa.Column("parts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.CheckConstraint("outcome IN ('pending', 'pass', 'fail', 'inconclusive')", name=op.f("ck_watched_checks_outcome")),
        sa.ForeignKeyConstraint(["verification_id"], ["verifications.id"], name=op.f("fk_watched_checks_verification_id")),
        sa.PrimaryKeyConstraint("verification_id", "position", name=op.f("pk_watched_checks")),
    )
    # plans and runs name each other: these two come after both
    op.create_foreign_key("fk_plans_undoes_run_id", "plans", "runs", ["undoes_run_id"], ["id"])
    op.create_foreign_key("fk_plans_retry_of_id", "plans", "runs", ["retry_of_id"], ["id"])


def downgrade() -> None:
    op.drop_constraint("fk_plans_retry_of_id", "plans")
    op.drop_constraint("fk_plans_undoes_run_id", "plans")
    op.drop_table("watched_checks")
    op.drop_table("samples")
    op.drop_index("uq_verifications_run", table_name="verifications", postgresql_where=sa.text("run_id IS NOT NULL"))
    op.drop_index(op.f("ix_verifications_service_id"), table_name="verifications")
    op.drop_index(op.f("ix_verifications_incident_id"), table_name="verifications")
    op.drop_index("ix_verifications_due", table_name="verifications", postgresql_where=sa.text("state = 'watching'"))
    op.drop_table("verifications")
    op.drop_index("uq_steps_one_open", table_name="steps", postgresql_where=sa.text("state IN ('started', 'unknown')"))
    op.drop_table("steps")
    op.drop_index(op.f("ix_run_locks_run_id"), table_name="run_locks")
    op.drop_table("run_locks")
    op.drop_index("ix_run_events_run", table_name="run_events")
    op.drop_table("run_events")
    op.drop_index(op.f("ix_resolutions_run_id"), table_name="resolutions")
    op.drop_table("resolutions")
    op.drop_table("output_chunks")
    op.drop_table("approvals")
    op.drop_index(op.f("ix_runs_starts_after_id"), table_name="runs")
    op.drop_index(op.f("ix_runs_service_id"), table_name="runs")
    op.drop_index(
        "ix_runs_open",
        table_name="runs",
        postgresql_where=sa.text("state IN ('queued', 'running', 'needs_attention', 'awaiting_approval')"),
    )
    op.drop_index(op.f("ix_runs_incident_id"), table_name="runs")
    op.drop_table("runs")
    op.drop_table("plan_steps")
    op.drop_index("uq_rollouts_current", table_name="rollouts", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_index(op.f("ix_rollouts_release_id"), table_name="rollouts")
    op.drop_index("ix_rollouts_began", table_name="rollouts")
    op.drop_table("rollouts")
    op.drop_index(op.f("ix_plans_target_id"), table_name="plans")
    op.drop_index(op.f("ix_plans_service_id"), table_name="plans")
    op.drop_index(op.f("ix_plans_incident_id"), table_name="plans")
    op.drop_table("plans")
    op.drop_index(op.f("ix_incident_services_service_id"), table_name="incident_services")
    op.drop_table("incident_services")
    op.drop_index(op.f("ix_releases_target_id"), table_name="releases")
    op.drop_table("releases")
    op.drop_index("uq_timeline_entries_replaces", table_name="timeline_entries", postgresql_where=sa.text("replaces_id IS NOT NULL"))
    op.drop_index("ix_timeline_entries_newest", table_name="timeline_entries")
    op.drop_table("timeline_entries")
    op.drop_index(op.f("ix_targets_service_id"), table_name="targets")
    op.drop_index(op.f("ix_targets_cluster_id"), table_name="targets")
    op.drop_table("targets")
    op.drop_index("uq_role_holders_now", table_name="role_holders", postgresql_where=sa.text("until IS NULL"))
    op.drop_index(op.f("ix_role_holders_incident_id"), table_name="role_holders")
    op.drop_table("role_holders")
    op.drop_index("uq_incident_phases_now", table_name="incident_phases", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_index(op.f("ix_incident_phases_incident_id"), table_name="incident_phases")
    op.drop_table("incident_phases")
    op.drop_index("ix_check_readings_recent", table_name="check_readings")
    op.drop_table("check_readings")
    op.drop_index(op.f("ix_sign_ins_user_id"), table_name="sign_ins")
    op.drop_table("sign_ins")
    op.drop_index(op.f("ix_links_service_id"), table_name="links")
    op.drop_table("links")
    op.drop_index(op.f("ix_invitations_user_id"), table_name="invitations")
    op.drop_table("invitations")
    op.drop_index("ix_incidents_words", table_name="incidents", postgresql_using="gin")
    op.drop_index("ix_incidents_ended", table_name="incidents", postgresql_where=sa.text("resolved_at IS NOT NULL"))
    op.drop_index(
        "ix_incidents_open",
        table_name="incidents",
        postgresql_where=sa.text("state IN ('assessed', 'decided', 'detected', 'recovering', 'verifying')"),
    )
    op.drop_table("incidents")
    op.drop_index(op.f("ix_grants_user_id"), table_name="grants")
    op.drop_table("grants")
    op.drop_index(op.f("ix_contacts_service_id"), table_name="contacts")
    op.drop_table("contacts")
    op.drop_table("clusters")
    op.drop_index(op.f("ix_checks_service_id"), table_name="checks")
    op.drop_table("checks")
    op.drop_index(op.f("ix_api_tokens_user_id"), table_name="api_tokens")
    op.drop_index("ix_api_tokens_live", table_name="api_tokens", postgresql_where=sa.text("revoked_at IS NULL"))
    op.drop_table("api_tokens")
    op.drop_table("workers")
    op.drop_table("users")
    op.drop_table("sign_in_delays")
    op.drop_table("services")
    op.drop_table("secrets")
    op.drop_index(op.f("ix_remembered_answers_at"), table_name="remembered_answers")
    op.drop_table("remembered_answers")
    op.drop_index("uq_looks_one_open", table_name="looks", postgresql_where=sa.text("state = 'queued'"))
    op.drop_index("ix_looks_open", table_name="looks", postgresql_where=sa.text("state IN ('queued', 'looking')"))
    op.drop_table("looks")
    op.drop_table("audit_head")
    op.drop_index(op.f("ix_audit_entries_object"), table_name="audit_entries")
    op.drop_index(op.f("ix_audit_entries_action"), table_name="audit_entries")
    op.drop_table("audit_entries")
    op.drop_table("allowed_addresses")
