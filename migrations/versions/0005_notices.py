"""Notices and their deliveries are rows: an outbox that survives everything.

Why: what was said to whom, and whether it arrived, outlives every process; a copy is made once for one text, channel and address.
The shipped templates are version 1 of theirs; other words are a new migration. Those for people outside use no field that could carry
internals: no timeline, no people, no link into the console.
"""

from typing import NamedTuple

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.grants import open_to_application

revision = "0005"
down_revision = "0004"

TABLES = [
    "cadence_rules",
    "channel_settings",
    "notice_templates",
    "notice_recipients",
    "notice_template_versions",
    "nags",
    "notices",
    "update_clocks",
    "deliveries",
]


class Shipped(NamedTuple):
    kind: str
    audience: str
    severity: str
    subject: str
    body: str


_ALERT = """\
Status: {{ status }}
Severity: {{ severity }}
Services: {{ services }}
Impact: {{ impact }}
Action: {{ action }}
ETA: {{ eta }}
Next update: {{ next_update }}; {{ cadence }}

What happened so far (UTC):
{{ timeline }}

Commander: {{ commander }}
{{ link }}"""

_CRITICAL_ALERT = (
    """\
This is critical. Drop what you can and read on.

"""
    + _ALERT
)

_OUTSIDE_ALERT = """\
We know of a problem with {{ services }} and are working on it.

What you may notice: {{ impact }}
What we are doing: {{ action }}
When we expect it to work again: {{ eta }}

We will write again {{ next_update }}."""

_UPDATE = """\
Status: {{ status }}, {{ duration }} after it began
Impact: {{ impact }}
Recovery: {{ recovery }}
Result: {{ verdict }}
Action: {{ action }}
ETA: {{ eta }}
Next update: {{ next_update }}

Latest (UTC):
{{ timeline }}

{{ link }}"""

_OUTSIDE_UPDATE = """\
We are still working on the problem with {{ services }}.

What you may notice: {{ impact }}
What we are doing: {{ action }}
When we expect it to work again: {{ eta }}

We will write again {{ next_update }}."""

_RESOLUTION = """\
Status: {{ status }}
Resolution: {{ resolution }}
Duration: {{ duration }}, from {{ began }}
Impact: {{ impact }}
Result: {{ verdict }}
Next steps: {{ next_steps }}

We are sorry for the disturbance, and thank everybody who helped.
{{ link }}"""

_OUTSIDE_RESOLUTION = """\
The problem with {{ services }} is over.

What it was: {{ impact }}
How it was solved: {{ resolution }}
How long it took: {{ duration }}
What comes next: {{ next_steps }}

We are sorry for the trouble that this caused you."""

_APOLOGY = """\
On {{ began }} {{ services }} did not work as you may expect of us, for {{ duration }}.

What happened: {{ impact }}
What we did: {{ resolution }}
What we change, so that it does not happen again: {{ next_steps }}

We are sorry. You rely on us, and we let you down."""

_SUMMARY = """\
{{ title }} ({{ incident }}, {{ severity }})

Status: {{ status }}
Began: {{ began }}, {{ duration }} in all
Who was affected: {{ affected }}
Impact: {{ impact }}
Decision and recovery: {{ recovery }}
Result: {{ verdict }}
Resolution: {{ resolution }}
Next steps: {{ next_steps }}

Commander: {{ commander }}
{{ link }}"""

_POST = """\
We are looking into a problem with {{ services }}.

{{ impact }}

We will write again {{ next_update }}."""

_POST_OVER = """\
This incident is over. {{ services }} works again.

It took {{ duration }}. {{ resolution }}"""

TEMPLATES = (
    Shipped("alert", "inside", "", "[{{ severity }}] {{ title }} ({{ incident }})", _ALERT),
    Shipped("alert", "inside", "critical", "[CRITICAL] {{ title }} ({{ incident }})", _CRITICAL_ALERT),
    Shipped("alert", "customers", "", "We are working on a problem with {{ services }}", _OUTSIDE_ALERT),
    Shipped("update", "inside", "", "Update: {{ title }} ({{ incident }})", _UPDATE),
    Shipped("update", "customers", "", "Update on the problem with {{ services }}", _OUTSIDE_UPDATE),
    Shipped("resolution", "inside", "", "Resolved: {{ title }} ({{ incident }})", _RESOLUTION),
    Shipped("resolution", "customers", "", "Solved: the problem with {{ services }}", _OUTSIDE_RESOLUTION),
    Shipped("apology", "customers", "", "We are sorry about {{ services }}", _APOLOGY),
    Shipped("summary", "executives", "", "Summary: {{ title }} ({{ incident }})", _SUMMARY),
    Shipped("post", "public", "", "Problem with {{ services }}", _POST),
    Shipped("resolution", "public", "", "Over: problem with {{ services }}", _POST_OVER),
)

CADENCE = {"critical": (5, 5), "high": (15, 15), "medium": (30, 60), "low": (60, 240)}


def upgrade() -> None:
    op.create_table(
        "cadence_rules",
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("first_min", sa.Integer(), nullable=False),
        sa.Column("every_min", sa.Integer(), nullable=False),
        sa.CheckConstraint("severity IN ('critical', 'high', 'medium', 'low')", name=op.f("ck_cadence_rules_severity")),
        sa.CheckConstraint("first_min BETWEEN 1 AND 10080 AND every_min BETWEEN 1 AND 10080", name=op.f("ck_cadence_rules_minutes")),
        sa.PrimaryKeyConstraint("severity", name=op.f("pk_cadence_rules")),
    )
    op.create_table(
        "channel_settings",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("shown", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("is_paused", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('mail', 'webhook', 'apprise')", name=op.f("ck_channel_settings_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_settings")),
    )
    op.create_index(
        "uq_channel_settings_name",
        "channel_settings",
        [sa.literal_column("lower(name)")],
        unique=True,
        postgresql_where=sa.text("archived_at IS NULL"),
    )
    op.create_table(
        "notice_templates",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), server_default="", nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "audience IN ('inside', 'team', 'executives', 'customers', 'public')", name=op.f("ck_notice_templates_audience")
        ),
        sa.CheckConstraint(
            "kind IN ('alert', 'update', 'resolution', 'apology', 'summary', 'post')", name=op.f("ck_notice_templates_kind")
        ),
        sa.CheckConstraint("severity IN ('', 'critical', 'high', 'medium', 'low')", name=op.f("ck_notice_templates_severity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_templates")),
    )
    op.create_index(
        "uq_notice_templates_place",
        "notice_templates",
        ["kind", "audience", "severity"],
        unique=True,
        postgresql_where=sa.text("archived_at IS NULL"),
    )
    op.create_table(
        "notice_recipients",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("setting_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), server_default="", nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("least_severity", sa.String(), server_default="low", nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=True),
        sa.Column("takes_drills", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("audience IN ('team', 'executives', 'customers')", name=op.f("ck_notice_recipients_audience")),
        sa.CheckConstraint("least_severity IN ('critical', 'high', 'medium', 'low')", name=op.f("ck_notice_recipients_least_severity")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_notice_recipients_service_id")),
        sa.ForeignKeyConstraint(["setting_id"], ["channel_settings.id"], name=op.f("fk_notice_recipients_setting_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_recipients")),
    )
    op.create_index(op.f("ix_notice_recipients_setting_id"), "notice_recipients", ["setting_id"], unique=False)
    op.create_index(
        "uq_notice_recipients_address",
        "notice_recipients",
        ["setting_id", "address"],
        unique=True,
        postgresql_where=sa.text("archived_at IS NULL"),
    )
    op.create_table(
        "notice_template_versions",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("template_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["template_id"], ["notice_templates.id"], name=op.f("fk_notice_template_versions_template_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_template_versions")),
        sa.UniqueConstraint("template_id", "number", name=op.f("uq_notice_template_versions_template_id_number")),
    )
    op.create_table(
        "nags",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rung", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("rung BETWEEN 1 AND 3", name=op.f("ck_nags_rung")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_nags_incident_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_nags_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nags")),
        sa.UniqueConstraint("incident_id", "due_at", "rung", name=op.f("uq_nags_incident_id_due_at_rung")),
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="draft", nullable=False),
        sa.Column("cause", sa.String(), server_default="", nullable=False),
        sa.Column("template_version_id", sa.Integer(), nullable=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("told", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("prepared_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("prepared_by", sa.String(), nullable=False),
        sa.Column("edited_by_id", sa.Integer(), nullable=True),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_subject", sa.String(), nullable=True),
        sa.Column("sent_text", sa.String(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.Integer(), nullable=True),
        sa.Column("ended_by", sa.String(), server_default="", nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.CheckConstraint("(state = 'draft') = (ended_at IS NULL)", name=op.f("ck_notices_ended")),
        sa.CheckConstraint("(state = 'sent') = (sent_text IS NOT NULL)", name=op.f("ck_notices_sent")),
        sa.CheckConstraint("audience IN ('inside', 'team', 'executives', 'customers', 'public')", name=op.f("ck_notices_audience")),
        sa.CheckConstraint("kind IN ('alert', 'update', 'resolution', 'apology', 'summary', 'post')", name=op.f("ck_notices_kind")),
        sa.CheckConstraint("state IN ('draft', 'sent', 'discarded')", name=op.f("ck_notices_state")),
        sa.ForeignKeyConstraint(["edited_by_id"], ["users.id"], name=op.f("fk_notices_edited_by_id")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["users.id"], name=op.f("fk_notices_ended_by_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_notices_incident_id")),
        sa.ForeignKeyConstraint(["template_version_id"], ["notice_template_versions.id"], name=op.f("fk_notices_template_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    op.create_index("ix_notices_incident", "notices", ["incident_id", sa.literal_column("id DESC")], unique=False)
    op.create_index(
        "uq_notices_cause", "notices", ["incident_id", "cause", "kind", "audience"], unique=True, postgresql_where=sa.text("cause <> ''")
    )
    op.create_table(
        "update_clocks",
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("by_hand", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_update_clocks_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_update_clocks")),
    )
    op.create_index("ix_update_clocks_due", "update_clocks", ["due_at"], unique=False, postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("uid", sa.String(), server_default=sa.text("gen_random_uuid()::text"), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=True),
        sa.Column("notice_id", sa.Integer(), nullable=True),
        sa.Column("setting_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("crew", sa.String(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("address", sa.String(), server_default="", nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("message", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(), server_default="queued", nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.Column("said", sa.String(), server_default="", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("urgency", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rung_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'sending') = (lease_until IS NOT NULL)", name=op.f("ck_deliveries_lease")),
        sa.CheckConstraint("(state IN ('queued', 'sending')) = (ended_at IS NULL)", name=op.f("ck_deliveries_ended")),
        sa.CheckConstraint("crew IN ('mail', 'webhook', 'apprise', 'crowd')", name=op.f("ck_deliveries_crew")),
        sa.CheckConstraint("kind IN ('mail', 'webhook', 'apprise')", name=op.f("ck_deliveries_kind")),
        sa.CheckConstraint("state IN ('queued', 'sending', 'sent', 'failed', 'skipped', 'unknown')", name=op.f("ck_deliveries_state")),
        sa.CheckConstraint("state NOT IN ('failed', 'skipped', 'unknown') OR reason <> ''", name=op.f("ck_deliveries_reason")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_deliveries_incident_id")),
        sa.ForeignKeyConstraint(["notice_id"], ["notices.id"], name=op.f("fk_deliveries_notice_id")),
        sa.ForeignKeyConstraint(["setting_id"], ["channel_settings.id"], name=op.f("fk_deliveries_setting_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("about", "setting_id", "address", name="uq_deliveries_once", postgresql_nulls_not_distinct=True),
        sa.UniqueConstraint("uid", name=op.f("uq_deliveries_uid")),
    )
    op.create_index(
        "ix_deliveries_due", "deliveries", ["crew", "next_try_at", "id"], unique=False, postgresql_where=sa.text("state = 'queued'")
    )
    op.create_index(op.f("ix_deliveries_incident_id"), "deliveries", ["incident_id"], unique=False)
    op.create_index("ix_deliveries_notice", "deliveries", ["notice_id", "id"], unique=False)
    op.create_index(
        "ix_deliveries_sending", "deliveries", ["lane", "lease_until"], unique=False, postgresql_where=sa.text("state = 'sending'")
    )
    op.create_index(op.f("ix_deliveries_setting_id"), "deliveries", ["setting_id"], unique=False)
    open_to_application(TABLES, append_only=["notice_template_versions", "nags"])
    _seed()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _seed() -> None:
    """The shipped templates as version 1, and how often people hear by severity."""
    for shipped in TEMPLATES:
        made = sa.text("INSERT INTO notice_templates (kind, audience, severity) VALUES (:kind, :audience, :severity) RETURNING id")
        number = op.get_bind().scalar(made, {"kind": shipped.kind, "audience": shipped.audience, "severity": shipped.severity})
        words = "INSERT INTO notice_template_versions (template_id, number, subject, body, by) VALUES (:id, 1, :subject, :body, 'Lastgood')"
        op.get_bind().execute(sa.text(words), {"id": number, "subject": shipped.subject, "body": shipped.body})
    for severity, (first, every) in CADENCE.items():
        rule = sa.text("INSERT INTO cadence_rules (severity, first_min, every_min) VALUES (:severity, :first, :every)")
        op.get_bind().execute(rule, {"severity": severity, "first": first, "every": every})
