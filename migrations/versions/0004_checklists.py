"""Checklists stand in rows, so that fifty people can tick at once.

Why: templates in versions with the shipped ones as their first, running copies, items with a row of their own each, every change
of an item. And a way into the audit chain that costs nobody's wait: an entry that is written early is linked by the database as the
last thing before the commit, so that the chain's head is held for no round trip at all.
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.grants import open_to_application

revision = "0004"
down_revision = "0003"

TABLES = [
    "audit_pending",
    "checklist_templates",
    "checklist_template_versions",
    "checklists",
    "checklist_items",
    "checklist_marks",
    "checklist_notes",
    "checklist_happenings",
    "checklist_settlements",
]
APPEND_ONLY = ["checklist_template_versions", "checklist_notes"]

# the same bytes as app/audit/actions.py: link(); a test walks a chain of both
LINK = """
    CREATE FUNCTION audit_link() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        head audit_head;
        moment timestamptz;
        stamp text;
        digest bytea;
    BEGIN
        SELECT * INTO STRICT head FROM audit_head FOR UPDATE;
        moment := clock_timestamp();
        stamp := to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US');
        stamp := replace(stamp, '.000000', '') || '+00:00';
        digest := sha256(head.hash || convert_to('[' || head.seq + 1 || ',"' || stamp || '",' || NEW.tail, 'UTF8'));
        INSERT INTO audit_entries (seq, at, actor, actor_name, action, object, detail, previous, hash)
        VALUES (head.seq + 1, moment, NEW.actor, NEW.actor_name, NEW.action, NEW.object, NEW.detail, head.hash, digest);
        UPDATE audit_head SET seq = head.seq + 1, hash = digest WHERE id = head.id;
        DELETE FROM audit_pending WHERE id = NEW.id;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER audit_link AFTER INSERT ON audit_pending
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_link();
"""


def item(text: str, binding: str = "", *, hint: str = "", required: bool = True, due_s: int | None = None) -> dict[str, Any]:
    return {"text": text, "hint": hint, "required": required, "binding": binding, "due_s": due_s}


SHIPPED = [
    (
        "assessment",
        "Immediate assessment",
        [
            item("Severity confirmed", "severity.confirmed", due_s=300),
            item("Impact assessed", "impact.assessed", hint="How many users, which features, since when", due_s=600),
            item("Rollback decision made", "decision.made", due_s=900),
            item("Team notified", "notice.sent", due_s=300),
        ],
    ),
    (
        "before",
        "Before the rollback",
        [
            item("Severity confirmed", "severity.confirmed"),
            item("Impact assessed", "impact.assessed"),
            item("Team notified", "notice.sent"),
            item("Rollback plan ready", "plan.ready"),
            item("Communication prepared", hint="The next update is drafted, and somebody sends it"),
        ],
    ),
    (
        "during",
        "During the rollback",
        [
            item("Application rolled back", "run.succeeded"),
            item("Database rolled back if needed", hint="Skip it where the schema did not change", required=False),
            item("Cache cleared if needed", hint="Skip it where nothing old can be served", required=False),
            item("Services restarted", hint="Those that keep the old version or its settings in memory"),
            item("Updates communicated", "update.sent"),
        ],
    ),
    (
        "verification",
        "Verification",
        [
            item("Application responding", "check.responding"),
            item("Health checks passing", "check.health"),
            item("Error rate normalised", "check.errors"),
            item("Performance acceptable", "check.latency"),
            item("Critical features working", "check.smoke", hint="Sign in, pay, search: what must work, tried by somebody"),
            item("No data corruption", hint="What was written since the release was looked at"),
        ],
    ),
    (
        "after",
        "After",
        [
            item("Service verified working", "verification.recovered"),
            item("Metrics normalised", "check.metrics"),
            item("Users notified", "resolution.sent"),
            item("Incident documented", "report.written"),
            item("Post-mortem scheduled", "review.scheduled"),
        ],
    ),
    (
        "deployment",
        "Deployment",
        [
            item("Change and its risk described", hint="What users will see, and what could break"),
            item("Way back known", hint="The last good version, and how long the way back takes"),
            item("Migrations run backwards", hint="Or the loss is accepted by name"),
            item("Staging passed with this very build"),
            item("On-call and support informed"),
            item("Backup newer than the last migration", required=False),
            item("Dashboards open and watched"),
            item("Deployed"),
            item("Checks hold for the agreed time"),
        ],
    ),
]


def upgrade() -> None:
    op.create_table(
        "audit_pending",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("tail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_pending")),
    )
    op.create_table(
        "checklist_templates",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "phase IN ('assessment', 'before', 'during', 'verification', 'after', 'deployment')", name=op.f("ck_checklist_templates_phase")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checklist_templates")),
    )
    op.create_table(
        "checklist_happenings",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("binding", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("sentence", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_checklist_happenings_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checklist_happenings")),
        sa.UniqueConstraint("incident_id", "binding", "url", name=op.f("uq_checklist_happenings_incident_id_binding_url")),
    )
    op.create_table(
        "checklist_settlements",
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_checklist_settlements_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_checklist_settlements")),
    )
    op.create_table(
        "checklist_template_versions",
        sa.Column("template_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("severities", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("service_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("items", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=True),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_checklist_template_versions_by_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_checklist_template_versions_incident_id")),
        sa.ForeignKeyConstraint(["template_id"], ["checklist_templates.id"], name=op.f("fk_checklist_template_versions_template_id")),
        sa.PrimaryKeyConstraint("template_id", "number", name=op.f("pk_checklist_template_versions")),
    )
    op.create_table(
        "checklists",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=True),
        sa.Column("service_id", sa.Integer(), nullable=True),
        sa.Column("template_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("begun_by", sa.String(), nullable=False),
        sa.Column("form_nonce", sa.String(), nullable=True),
        sa.CheckConstraint(
            "phase IN ('assessment', 'before', 'during', 'verification', 'after', 'deployment')", name=op.f("ck_checklists_phase")
        ),
        sa.CheckConstraint("num_nonnulls(incident_id, service_id) = 1", name=op.f("ck_checklists_one_subject")),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_checklists_incident_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_checklists_service_id")),
        sa.ForeignKeyConstraint(
            ["template_id", "version"],
            ["checklist_template_versions.template_id", "checklist_template_versions.number"],
            name=op.f("fk_checklists_template_id_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checklists")),
        sa.UniqueConstraint("form_nonce", name=op.f("uq_checklists_form_nonce")),
        sa.UniqueConstraint("incident_id", "template_id", name=op.f("uq_checklists_incident_id_template_id")),
    )
    op.create_index(
        "ix_checklists_service", "checklists", ["service_id", "id"], unique=False, postgresql_where=sa.text("service_id IS NOT NULL")
    )
    op.create_table(
        "checklist_items",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("checklist_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("hint", sa.String(), server_default="", nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("binding", sa.String(), server_default="", nullable=False),
        sa.Column("due_s", sa.Integer(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(), server_default="open", nullable=False),
        sa.Column("is_overruled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("marked_by_id", sa.Integer(), nullable=True),
        sa.Column("marked_by", sa.String(), server_default="", nullable=False),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.Column("evidence", sa.String(), server_default="", nullable=False),
        sa.Column("evidence_url", sa.String(), server_default="", nullable=False),
        sa.Column("by_hand", sa.String(), server_default="", nullable=False),
        sa.Column("notes", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("NOT is_overruled OR (reason <> '' AND binding <> '')", name=op.f("ck_checklist_items_overruled")),
        sa.CheckConstraint("state <> 'skipped' OR reason <> ''", name=op.f("ck_checklist_items_skipped")),
        sa.CheckConstraint("state IN ('open', 'ticked', 'skipped')", name=op.f("ck_checklist_items_state")),
        sa.CheckConstraint("length(text) BETWEEN 1 AND 200", name=op.f("ck_checklist_items_text")),
        sa.ForeignKeyConstraint(["checklist_id"], ["checklists.id"], name=op.f("fk_checklist_items_checklist_id")),
        sa.ForeignKeyConstraint(["marked_by_id"], ["users.id"], name=op.f("fk_checklist_items_marked_by_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_checklist_items_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checklist_items")),
        sa.UniqueConstraint("checklist_id", "position", name=op.f("uq_checklist_items_checklist_id_position")),
    )
    op.create_table(
        "checklist_marks",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("checklist_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.Column("evidence", sa.String(), server_default="", nullable=False),
        sa.Column("evidence_url", sa.String(), server_default="", nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_checklist_marks_by_id")),
        sa.ForeignKeyConstraint(["item_id"], ["checklist_items.id"], name=op.f("fk_checklist_marks_item_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checklist_marks")),
    )
    op.create_index(op.f("ix_checklist_marks_item_id"), "checklist_marks", ["item_id"], unique=False)
    op.create_index(
        "ix_checklist_marks_untold", "checklist_marks", ["checklist_id", "id"], unique=False, postgresql_where=sa.text("told_at IS NULL")
    )
    op.create_table(
        "checklist_notes",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("form_nonce", sa.String(), nullable=True),
        sa.CheckConstraint("length(body) BETWEEN 1 AND 2000", name=op.f("ck_checklist_notes_length")),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_checklist_notes_by_id")),
        sa.ForeignKeyConstraint(["item_id"], ["checklist_items.id"], name=op.f("fk_checklist_notes_item_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checklist_notes")),
        sa.UniqueConstraint("form_nonce", name=op.f("uq_checklist_notes_form_nonce")),
    )
    op.create_index(op.f("ix_checklist_notes_item_id"), "checklist_notes", ["item_id"], unique=False)
    op.create_index("ix_plans_resolved", "plans", ["resolved_at"], postgresql_where=sa.text("resolved_at IS NOT NULL"))
    open_to_application(TABLES, deletable=["audit_pending"], append_only=APPEND_ONLY)
    op.execute(sa.text(LINK))
    for phase, name, items in SHIPPED:
        _ship(phase, name, items)


def _ship(phase: str, name: str, items: list[dict[str, Any]]) -> None:
    made = sa.text("INSERT INTO checklist_templates (phase) VALUES (:phase) RETURNING id")
    template = op.get_bind().scalar(made, {"phase": phase})
    version = sa.text(
        "INSERT INTO checklist_template_versions (template_id, number, name, severities, service_ids, items, by_name) "
        "VALUES (:template, 1, :name, '[]', '[]', CAST(:items AS jsonb), 'Lastgood')"
    )
    op.get_bind().execute(version, {"template": template, "name": name, "items": json.dumps(items)})


def downgrade() -> None:
    op.drop_index("ix_plans_resolved", "plans")
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute(sa.text("DROP FUNCTION audit_link()"))
