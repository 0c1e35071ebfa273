"""Rows of a review, and the action items that it leaves."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import User
from app.core.database import Base
from app.incidents.models import Incident


class Kind(StrEnum):
    """What sort of review it is: each has its own sections (`sections.PLAN`)."""

    REPORT = "report"
    POST_MORTEM = "post_mortem"
    RETROSPECTIVE = "retrospective"


class ReviewState(StrEnum):
    DRAFT = "draft"
    IN_REVIEW = "in_review"  # sent to its reviewers
    SIGNED = "signed"  # by all of them, in the version that stands


class Work(StrEnum):
    """What an action item changes."""

    FIX = "fix"
    TEST = "test"
    MONITORING = "monitoring"
    CHECKLIST = "checklist"
    STAGING = "staging"
    TRAINING = "training"


class Priority(StrEnum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class ItemState(StrEnum):
    OPEN = "open"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    DROPPED = "dropped"


UNDONE = (ItemState.OPEN, ItemState.IN_PROGRESS)


def _listed(values: Any) -> str:
    return ", ".join(f"'{value}'" for value in values)


class Review(Base):
    """One review of one incident: its report, its post-mortem or its retrospective. `version` counts every change of a section."""

    __tablename__ = "reviews"
    __table_args__ = (
        UniqueConstraint("incident_id", "kind"),
        CheckConstraint(f"kind IN ({_listed(Kind)})", name="kind"),
        CheckConstraint(f"state IN ({_listed(ReviewState)})", name="state"),
        CheckConstraint("(state = 'signed') = (signed_at IS NOT NULL)", name="signed"),
        CheckConstraint("length(title) BETWEEN 1 AND 200", name="title"),
        Index("ix_reviews_meeting", "meets_at", postgresql_where=text("meets_at IS NOT NULL AND reminded_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    kind: Mapped[str]
    title: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="draft")
    version: Mapped[int] = mapped_column(server_default="1")
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    changed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    sent_at: Mapped[datetime | None]  # to its reviewers
    signed_at: Mapped[datetime | None]
    outdated_at: Mapped[datetime | None]  # the incident was opened again after people had signed or published it
    meets_at: Mapped[datetime | None]
    meeting_minutes: Mapped[int] = mapped_column(server_default="60")
    meeting_place: Mapped[str] = mapped_column(server_default="")
    meeting_sequence: Mapped[int] = mapped_column(server_default="0")  # of the invitation: calendars take the higher one
    reminded_at: Mapped[datetime | None]
    incident: Mapped[Incident] = relationship(lazy="raise")
    author: Mapped[User | None] = relationship(lazy="raise")
    sections: Mapped[list["Section"]] = relationship(lazy="raise", order_by="Section.position")


class Section(Base):
    """One section as it stands.

    drafted   what the record said when the section was last drafted
    draft     the same, as an offer beside a text that a person wrote; null where nothing is offered
    """

    __tablename__ = "review_sections"
    __table_args__ = (
        CheckConstraint("origin IN ('drafted', 'written')", name="origin"),
        CheckConstraint("length(body) <= 20000", name="length"),
    )

    review_id: Mapped[int] = mapped_column(ForeignKey("reviews.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    body: Mapped[str] = mapped_column(server_default="")
    origin: Mapped[str] = mapped_column(server_default="drafted")
    version: Mapped[int] = mapped_column(server_default="1")
    drafted: Mapped[str] = mapped_column(server_default="")
    draft: Mapped[str | None]
    edited_by_name: Mapped[str] = mapped_column(server_default="")
    edited_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class SectionVersion(Base):
    """Every text that a section has had. Append-only."""

    __tablename__ = "review_versions"
    __table_args__ = (UniqueConstraint("review_id", "key", "version"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("reviews.id"))
    key: Mapped[str]
    version: Mapped[int]
    body: Mapped[str]
    origin: Mapped[str]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    by_name: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Reviewer(Base):
    """Somebody whose signature is asked for."""

    __tablename__ = "review_reviewers"

    review_id: Mapped[int] = mapped_column(ForeignKey("reviews.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)
    asked_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    user: Mapped[User] = relationship(lazy="raise")


class Signature(Base):
    """A reviewer's word on one version. Append-only: it lapses by a later version, never by being changed."""

    __tablename__ = "review_signatures"
    __table_args__ = (
        CheckConstraint("verdict IN ('signed', 'changes')", name="verdict"),
        Index("ix_review_signatures_newest", "review_id", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("reviews.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    version: Mapped[int]
    verdict: Mapped[str]
    note: Mapped[str] = mapped_column(server_default="")
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    user: Mapped[User] = relationship(lazy="raise")


class Publication(Base):
    """What the public was given: the text, on which page, and what somebody confirmed to be no secret. Append-only."""

    __tablename__ = "review_publications"
    __table_args__ = (Index("ix_review_publications_newest", "review_id", "id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("reviews.id"))
    review_version: Mapped[int]
    page_id: Mapped[int]
    page_name: Mapped[str]
    title: Mapped[str]
    body: Mapped[str]  # markdown
    confirmed: Mapped[list[str]] = mapped_column(server_default=text("'[]'"))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    by_name: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class ActionItem(Base):
    """Something that is done so that it does not happen again."""

    __tablename__ = "action_items"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_listed(Work)})", name="kind"),
        CheckConstraint(f"priority IN ({_listed(Priority)})", name="priority"),
        CheckConstraint(f"state IN ({_listed(ItemState)})", name="state"),
        CheckConstraint("(state IN ('done', 'dropped')) = (ended_at IS NOT NULL)", name="ended"),
        CheckConstraint("length(title) BETWEEN 1 AND 200", name="title"),
        Index("ix_action_items_undone", "due_on", "id", postgresql_where=text(f"state IN ({_listed(UNDONE)})")),
        Index("ix_action_items_remind", "remind_at", postgresql_where=text("remind_at IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"), index=True)
    title: Mapped[str]
    detail: Mapped[str] = mapped_column(server_default="")
    kind: Mapped[str] = mapped_column(server_default="fix")
    priority: Mapped[str] = mapped_column(server_default="medium")
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    due_on: Mapped[date | None]
    link: Mapped[str] = mapped_column(server_default="")  # to the tracker where the work is done
    state: Mapped[str] = mapped_column(server_default="open")
    outcome: Mapped[str] = mapped_column(server_default="")  # what came of it, or why it was dropped
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    created_by_name: Mapped[str]
    ended_at: Mapped[datetime | None]
    remind_at: Mapped[datetime | None]  # null where nobody has to be reminded any more
    reminded_at: Mapped[datetime | None]
    form_nonce: Mapped[str | None] = mapped_column(unique=True)
    owner: Mapped[User | None] = relationship(lazy="raise")
    incident: Mapped[Incident] = relationship(lazy="raise")

    @property
    def is_undone(self) -> bool:
        return self.state in UNDONE
