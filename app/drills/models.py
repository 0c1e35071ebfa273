"""Rows of drills."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.catalog.models import Service, Target
from app.core.database import Base
from app.incidents.models import Incident


class DrillScript(Base):
    """What a facilitator follows, in versions. Put away: no drill begins with it any more."""

    __tablename__ = "drill_scripts"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    version: Mapped[int] = mapped_column(server_default="1")
    archived_at: Mapped[datetime | None]


class ScriptVersion(Base):
    """What a script said at a time. Append-only.

    signal    what people are told or see at the start, from which they find out that something is wrong
    injects   facts that reach them later: [{"minute": 3, "text": "Support counts 14 calls."}], minutes from the signal
    """

    __tablename__ = "drill_script_versions"
    __table_args__ = (
        CheckConstraint("length(name) BETWEEN 1 AND 80", name="name"),
        CheckConstraint("length(signal) BETWEEN 1 AND 500", name="signal"),
    )

    script_id: Mapped[int] = mapped_column(ForeignKey("drill_scripts.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    service_id: Mapped[int | None] = mapped_column(ForeignKey("services.id"))  # None: for every service
    signal: Mapped[str]
    injects: Mapped[list[Any]]
    reason: Mapped[str] = mapped_column(server_default="")  # why it was changed
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    by_name: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Drill(Base):
    """One drill: a script as it stood at the start, on one service. Its incident comes when somebody declares it."""

    __tablename__ = "drills"
    __table_args__ = (
        CheckConstraint("(ended_at IS NULL) = (ended_by = '')", name="ended"),
        Index("uq_drills_running", "service_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("ix_drills_newest", "service_id", text("started_at DESC")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    script_id: Mapped[int] = mapped_column(ForeignKey("drill_scripts.id"))
    version: Mapped[int]
    name: Mapped[str]
    signal: Mapped[str]
    service_id: Mapped[int] = mapped_column(ForeignKey("services.id"))
    target_id: Mapped[int | None] = mapped_column(ForeignKey("targets.id"))  # where to go back; None: it is only talked through
    accepts_production: Mapped[bool] = mapped_column(server_default=text("false"))  # the facilitator knows what the target serves
    facilitator_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    facilitator: Mapped[str]
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id"), unique=True)
    started_at: Mapped[datetime] = mapped_column(server_default=text("now()"))  # the signal: every time of the score counts from here
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(server_default="")
    end_reason: Mapped[str] = mapped_column(server_default="")
    form_nonce: Mapped[str] = mapped_column(unique=True)  # a form sent twice carries the same one
    injects: Mapped[list["Inject"]] = relationship(lazy="raise", order_by="Inject.position")
    service: Mapped[Service] = relationship(lazy="raise")
    target: Mapped[Target | None] = relationship(lazy="raise")
    incident: Mapped[Incident | None] = relationship(lazy="raise")


class Inject(Base):
    """One fact of a drill: it waits for its minute, was told, or was skipped."""

    __tablename__ = "drill_injects"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'injected', 'skipped')", name="state"),
        CheckConstraint("(state = 'waiting') = (done_at IS NULL)", name="done"),
        UniqueConstraint("drill_id", "position"),
        Index("ix_drill_injects_due", "due_at", postgresql_where=text("state = 'waiting'")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    drill_id: Mapped[int] = mapped_column(ForeignKey("drills.id"))
    position: Mapped[int]
    minute: Mapped[int]
    text: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="waiting")
    due_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    done_by: Mapped[str] = mapped_column(server_default="")
