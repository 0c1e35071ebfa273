"""Reports, sign-offs and action items.

Why: what is learnt is written down in versions, signed in one of them, published on purpose, and followed up by items with a date.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.grants import open_to_application

revision = "0008"
down_revision = "0007"

LINES = ("review_versions", "review_signatures", "review_publications")
TABLES = ("reviews", "review_sections", "review_reviewers", "action_items", *LINES)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=None if nullable else sa.text("now()"), nullable=nullable)


def _text(name: str, default: str | None = None, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), server_default=default, nullable=nullable)


def _number(name: str, default: str | None = None, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), server_default=default, nullable=nullable)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False)


def _points(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}"))


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def upgrade() -> None:
    _reviews()
    _sections()
    _people()
    _action_items()
    open_to_application(TABLES, deletable=("review_reviewers",), append_only=LINES)


def _reviews() -> None:
    op.create_table(
        "reviews",
        _id(),
        _number("incident_id"),
        _text("kind"),
        _text("title"),
        _text("state", "draft"),
        _number("version", "1"),
        _number("author_id", nullable=True),
        _moment("created_at"),
        _moment("changed_at"),
        _moment("sent_at", nullable=True),
        _moment("signed_at", nullable=True),
        _moment("outdated_at", nullable=True),
        _moment("meets_at", nullable=True),
        _number("meeting_minutes", "60"),
        _text("meeting_place", ""),
        _number("meeting_sequence", "0"),
        _moment("reminded_at", nullable=True),
        _check("reviews", "kind", "kind IN ('report', 'post_mortem', 'retrospective')"),
        _check("reviews", "state", "state IN ('draft', 'in_review', 'signed')"),
        _check("reviews", "signed", "(state = 'signed') = (signed_at IS NOT NULL)"),
        _check("reviews", "title", "length(title) BETWEEN 1 AND 200"),
        _points("reviews", "incident_id", "incidents"),
        _points("reviews", "author_id", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
        sa.UniqueConstraint("incident_id", "kind", name=op.f("uq_reviews_incident_id_kind")),
    )
    waiting = sa.text("meets_at IS NOT NULL AND reminded_at IS NULL")
    op.create_index("ix_reviews_meeting", "reviews", ["meets_at"], unique=False, postgresql_where=waiting)


def _sections() -> None:
    op.create_table(
        "review_sections",
        _number("review_id"),
        _text("key"),
        _number("position"),
        _text("body", ""),
        _text("origin", "drafted"),
        _number("version", "1"),
        _text("drafted", ""),
        _text("draft", nullable=True),
        _text("edited_by_name", ""),
        _moment("edited_at"),
        _check("review_sections", "origin", "origin IN ('drafted', 'written')"),
        _check("review_sections", "length", "length(body) <= 20000"),
        _points("review_sections", "review_id", "reviews"),
        sa.PrimaryKeyConstraint("review_id", "key", name=op.f("pk_review_sections")),
    )
    op.create_table(
        "review_versions",
        _id(),
        _number("review_id"),
        _text("key"),
        _number("version"),
        _text("body"),
        _text("origin"),
        _number("by_id", nullable=True),
        _text("by_name"),
        _moment("at"),
        _points("review_versions", "review_id", "reviews"),
        _points("review_versions", "by_id", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_versions")),
        sa.UniqueConstraint("review_id", "key", "version", name=op.f("uq_review_versions_review_id_key_version")),
    )


def _people() -> None:
    op.create_table(
        "review_reviewers",
        _number("review_id"),
        _number("user_id"),
        _moment("asked_at"),
        _points("review_reviewers", "review_id", "reviews"),
        _points("review_reviewers", "user_id", "users"),
        sa.PrimaryKeyConstraint("review_id", "user_id", name=op.f("pk_review_reviewers")),
    )
    op.create_index(op.f("ix_review_reviewers_user_id"), "review_reviewers", ["user_id"], unique=False)
    op.create_table(
        "review_signatures",
        _id(),
        _number("review_id"),
        _number("user_id"),
        _number("version"),
        _text("verdict"),
        _text("note", ""),
        _moment("at"),
        _check("review_signatures", "verdict", "verdict IN ('signed', 'changes')"),
        _points("review_signatures", "review_id", "reviews"),
        _points("review_signatures", "user_id", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_signatures")),
    )
    op.create_index("ix_review_signatures_newest", "review_signatures", ["review_id", "id"], unique=False)
    op.create_table(
        "review_publications",
        _id(),
        _number("review_id"),
        _number("review_version"),
        _number("page_id"),
        _text("page_name"),
        _text("title"),
        _text("body"),
        sa.Column("confirmed", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        _number("by_id", nullable=True),
        _text("by_name"),
        _moment("at"),
        _points("review_publications", "review_id", "reviews"),
        _points("review_publications", "by_id", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_publications")),
    )
    op.create_index("ix_review_publications_newest", "review_publications", ["review_id", "id"], unique=False)


def _action_items() -> None:
    op.create_table(
        "action_items",
        _id(),
        _number("incident_id"),
        _text("title"),
        _text("detail", ""),
        _text("kind", "fix"),
        _text("priority", "medium"),
        _number("owner_id", nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        _text("link", ""),
        _text("state", "open"),
        _text("outcome", ""),
        _number("version", "1"),
        _moment("created_at"),
        _text("created_by_name"),
        _moment("ended_at", nullable=True),
        _moment("remind_at", nullable=True),
        _moment("reminded_at", nullable=True),
        _text("form_nonce", nullable=True),
        _check("action_items", "kind", "kind IN ('fix', 'test', 'monitoring', 'checklist', 'staging', 'training')"),
        _check("action_items", "priority", "priority IN ('high', 'medium', 'low')"),
        _check("action_items", "state", "state IN ('open', 'in_progress', 'done', 'dropped')"),
        _check("action_items", "ended", "(state IN ('done', 'dropped')) = (ended_at IS NOT NULL)"),
        _check("action_items", "title", "length(title) BETWEEN 1 AND 200"),
        _points("action_items", "incident_id", "incidents"),
        _points("action_items", "owner_id", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_action_items")),
        sa.UniqueConstraint("form_nonce", name=op.f("uq_action_items_form_nonce")),
    )
    op.create_index(op.f("ix_action_items_incident_id"), "action_items", ["incident_id"], unique=False)
    op.create_index(op.f("ix_action_items_owner_id"), "action_items", ["owner_id"], unique=False)
    undone = sa.text("state IN ('open', 'in_progress')")
    op.create_index("ix_action_items_undone", "action_items", ["due_on", "id"], unique=False, postgresql_where=undone)
    op.create_index(
        "ix_action_items_remind", "action_items", ["remind_at"], unique=False, postgresql_where=sa.text("remind_at IS NOT NULL")
    )


def downgrade() -> None:
    for table in (*LINES, "review_sections", "review_reviewers", "action_items", "reviews"):
        op.drop_table(table)
