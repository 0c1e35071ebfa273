"""Rows of checklists."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Identity, Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import User
from app.catalog.models import Service
from app.checklists.phases import ListPhase
from app.core.database import Base
from app.incidents.models import Incident

_PHASES = ", ".join(f"'{phase}'" for phase in ListPhase)


class ChecklistTemplate(Base):
    """A list that the team wrote down. What it says stands in its versions; `version` is the number of the newest."""

    __tablename__ = "checklist_templates"
    __table_args__ = (CheckConstraint(f"phase IN ({_PHASES})", name="phase"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    phase: Mapped[str]
    version: Mapped[int] = mapped_column(server_default="1")
    archived_at: Mapped[datetime | None]


class TemplateVersion(Base):
    """What a template said from one moment on. Append-only.

    severities, service_ids  which incidents get it by themselves; empty means all
    items                    [{"text", "hint", "required", "binding", "due_s"}]; `due_s` counts from the beginning of the phase
    incident_id              the incident that taught us the change
    """

    __tablename__ = "checklist_template_versions"

    template_id: Mapped[int] = mapped_column(ForeignKey("checklist_templates.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    severities: Mapped[list[str]]
    service_ids: Mapped[list[Any]]
    items: Mapped[list[Any]]
    reason: Mapped[str] = mapped_column(server_default="")
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id"))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    by_name: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=sql("now()"))


class Checklist(Base):
    """A running copy of one version, of an incident or (a deployment) of a service. Later versions do not touch it."""

    __tablename__ = "checklists"
    __table_args__ = (
        CheckConstraint(f"phase IN ({_PHASES})", name="phase"),
        CheckConstraint("num_nonnulls(incident_id, service_id) = 1", name="one_subject"),
        UniqueConstraint("incident_id", "template_id"),
        UniqueConstraint("form_nonce"),
        ForeignKeyConstraint(["template_id", "version"], ["checklist_template_versions.template_id", "checklist_template_versions.number"]),
        Index("ix_checklists_service", "service_id", "id", postgresql_where=sql("service_id IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id"))
    service_id: Mapped[int | None] = mapped_column(ForeignKey("services.id"))
    template_id: Mapped[int]
    version: Mapped[int]
    phase: Mapped[str]
    name: Mapped[str]
    begun_at: Mapped[datetime] = mapped_column(server_default=sql("now()"))
    begun_by: Mapped[str]
    form_nonce: Mapped[str | None]  # of a list begun by hand: a double submit carries the same one
    items: Mapped[list["Item"]] = relationship(lazy="raise", order_by="Item.position", back_populates="checklist")
    incident: Mapped[Incident | None] = relationship(lazy="raise")
    service: Mapped[Service | None] = relationship(lazy="raise")

    @property
    def done(self) -> int:
        return sum(not item.is_open for item in self.items)


class Item(Base):
    """One thing to do, and how it stands. Whoever changes it holds this row, and no other of the list.

    binding  what it ticks because of (see `binding`); empty where people tick
    reason   why it was skipped or overruled
    """

    __tablename__ = "checklist_items"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'ticked', 'skipped')", name="state"),
        CheckConstraint("state <> 'skipped' OR reason <> ''", name="skipped"),
        CheckConstraint("NOT is_overruled OR (reason <> '' AND binding <> '')", name="overruled"),
        CheckConstraint("length(text) BETWEEN 1 AND 200", name="text"),
        UniqueConstraint("checklist_id", "position"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    checklist_id: Mapped[int] = mapped_column(ForeignKey("checklists.id"))
    position: Mapped[int]
    text: Mapped[str]
    hint: Mapped[str] = mapped_column(server_default="")
    required: Mapped[bool]
    binding: Mapped[str] = mapped_column(server_default="")
    due_s: Mapped[int | None]  # from the beginning of its phase
    due_at: Mapped[datetime | None]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    state: Mapped[str] = mapped_column(server_default="open")
    is_overruled: Mapped[bool] = mapped_column(server_default=sql("false"))  # a person's word stands against the binding
    marked_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    marked_by: Mapped[str] = mapped_column(server_default="")
    marked_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(server_default="")
    evidence: Mapped[str] = mapped_column(server_default="")  # "run 12 succeeded"
    evidence_url: Mapped[str] = mapped_column(server_default="")
    by_hand: Mapped[str] = mapped_column(server_default="")  # why its evidence cannot come, so that people tick it after all
    notes: Mapped[int] = mapped_column(server_default="0")
    checklist: Mapped[Checklist] = relationship(lazy="raise", back_populates="items")
    owner: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[owner_id])

    @property
    def is_open(self) -> bool:
        return self.state == "open"

    @property
    def is_bound(self) -> bool:
        """Whether evidence ticks it, and not a person."""
        return bool(self.binding) and not self.by_hand


class Mark(Base):
    """One change of an item, as it happened. `told_at` is when the timeline said so, several marks in one line."""

    __tablename__ = "checklist_marks"
    __table_args__ = (Index("ix_checklist_marks_untold", "checklist_id", "id", postgresql_where=sql("told_at IS NULL")),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("checklist_items.id"), index=True)
    checklist_id: Mapped[int]  # the item's; a foreign key would let every tick of a list touch the same row
    state: Mapped[str]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    by_name: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=sql("clock_timestamp()"))
    reason: Mapped[str] = mapped_column(server_default="")
    evidence: Mapped[str] = mapped_column(server_default="")
    evidence_url: Mapped[str] = mapped_column(server_default="")
    told_at: Mapped[datetime | None]


class ItemNote(Base):
    """What somebody wrote beside an item. Append-only."""

    __tablename__ = "checklist_notes"
    __table_args__ = (CheckConstraint("length(body) BETWEEN 1 AND 2000", name="length"), UniqueConstraint("form_nonce"))

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("checklist_items.id"), index=True)
    body: Mapped[str]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    by_name: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=sql("now()"))
    form_nonce: Mapped[str | None]


class Happening(Base):
    """Something that a floor above told us of, as evidence: a notice went out, a review has a date."""

    __tablename__ = "checklist_happenings"
    __table_args__ = (UniqueConstraint("incident_id", "binding", "url"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    binding: Mapped[str]
    url: Mapped[str]
    sentence: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=sql("now()"))
    withdrawn_at: Mapped[datetime | None]


class Settlement(Base):
    """How far the bindings of an incident were looked at: the count of its timeline's lines then."""

    __tablename__ = "checklist_settlements"

    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"), primary_key=True)
    entries: Mapped[int]
