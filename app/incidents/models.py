"""Rows of an incident."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import User
from app.catalog.models import Release, Service
from app.core.database import Base, Json
from app.incidents.states import OPEN, OVER, Severity, State, Trouble


def _listed(values: Any) -> str:
    return ", ".join(f"'{value}'" for value in values)


class Incident(Base):
    """One disturbance. INC-42 is the incident with id 42. Never deleted."""

    __tablename__ = "incidents"
    __table_args__ = (
        CheckConstraint(f"severity IN ({_listed(Severity)})", name="severity"),
        CheckConstraint(f"state IN ({_listed(State)})", name="state"),
        CheckConstraint(f"trouble IN ({_listed(['', *Trouble])})", name="trouble"),
        CheckConstraint("affected_percent BETWEEN 0 AND 100", name="affected_percent"),
        CheckConstraint("length(title) BETWEEN 1 AND 200", name="title"),
        CheckConstraint("(state = 'duplicate') = (duplicate_of_id IS NOT NULL)", name="duplicate"),
        CheckConstraint("duplicate_of_id <> id", name="not_of_itself"),
        Index("ix_incidents_open", "severity", "id", postgresql_where=text(f"state IN ({_listed(sorted(OPEN))})")),
        Index("ix_incidents_ended", "resolved_at", "id", postgresql_where=text("resolved_at IS NOT NULL")),
        Index("ix_incidents_words", text("to_tsvector('simple', title)"), postgresql_using="gin"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    title: Mapped[str]
    severity: Mapped[str] = mapped_column(server_default="high")
    state: Mapped[str] = mapped_column(server_default="detected")
    trouble: Mapped[str] = mapped_column(server_default="")  # a Trouble; empty: nobody has said
    impact: Mapped[str] = mapped_column(server_default="")
    affected_percent: Mapped[float | None]
    began_at: Mapped[datetime | None]  # when it began; unknown is allowed
    declared_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    declared_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    state_since: Mapped[datetime] = mapped_column(server_default=text("now()"))
    resolved_at: Mapped[datetime | None]  # when it ended: resolved, cancelled or found to be a duplicate
    is_drill: Mapped[bool] = mapped_column(server_default=text("false"))
    is_restricted: Mapped[bool] = mapped_column(server_default=text("false"))
    duplicate_of_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id"))
    form_nonce: Mapped[str] = mapped_column(unique=True)  # a double submit carries the same one
    entries: Mapped[int] = mapped_column(server_default="0")  # timeline lines, counted as they are written
    services: Mapped[list["IncidentService"]] = relationship(lazy="raise", order_by="IncidentService.service_id")
    roles: Mapped[list["RoleHolder"]] = relationship(
        lazy="raise",
        order_by="RoleHolder.id",
        primaryjoin="and_(RoleHolder.incident_id == Incident.id, RoleHolder.until.is_(None))",
        viewonly=True,
    )

    @property
    def ref(self) -> str:
        return f"INC-{self.id}"

    @property
    def is_open(self) -> bool:
        return State(self.state) not in OVER

    @property
    def since(self) -> datetime:
        """Where elapsed time counts from: when it began, or when it was declared."""
        return self.began_at or self.declared_at


class IncidentService(Base):
    """A service that the incident touches, and the release under suspicion."""

    __tablename__ = "incident_services"

    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"), primary_key=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("services.id"), primary_key=True, index=True)
    suspect_release_id: Mapped[int | None] = mapped_column(ForeignKey("releases.id"))
    service: Mapped[Service] = relationship(lazy="raise")
    suspect_release: Mapped[Release | None] = relationship(lazy="raise")


class RoleHolder(Base):
    """Who holds a role of the incident: commander, comms, scribe, or a free one. One holder a role at a time."""

    __tablename__ = "role_holders"
    __table_args__ = (Index("uq_role_holders_now", "incident_id", "role", unique=True, postgresql_where=text("until IS NULL")),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"), index=True)
    role: Mapped[str]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    since: Mapped[datetime] = mapped_column(server_default=text("now()"))
    until: Mapped[datetime | None]
    briefing: Mapped[str] = mapped_column(server_default="")
    user: Mapped[User] = relationship(lazy="raise")


class Phase(Base):
    """A stretch of time in one state; the open one (`ended_at` null) is now."""

    __tablename__ = "incident_phases"
    __table_args__ = (Index("uq_incident_phases_now", "incident_id", unique=True, postgresql_where=text("ended_at IS NULL")),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"), index=True)
    state: Mapped[str]
    began_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    ended_at: Mapped[datetime | None]
    by: Mapped[str]
    reason: Mapped[str] = mapped_column(server_default="")


class TimelineEntry(Base):
    """One line of the timeline. Append-only: an edit is a new row that `replaces_id` the one before it.

    kind   note | state | role | facts | plan | run | verification | release | checklist | drill | system
    refs   what it links to: {"run": 12, "plan": 3, "verification": 4, "release": 7}
    """

    __tablename__ = "timeline_entries"
    __table_args__ = (
        Index("ix_timeline_entries_newest", "incident_id", text("at DESC"), text("id DESC")),
        Index("ix_timeline_entries_facts", "incident_id", text("id DESC"), postgresql_where=text("kind = 'facts'")),
        Index("uq_timeline_entries_replaces", "replaces_id", unique=True, postgresql_where=text("replaces_id IS NOT NULL")),
        CheckConstraint("length(body) <= 20000", name="length"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))  # when it happened
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("now()"))  # when it was written down
    kind: Mapped[str]
    is_system: Mapped[bool] = mapped_column(server_default=text("false"))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    actor_name: Mapped[str]
    body: Mapped[str]  # markdown for notes, one sentence otherwise
    refs: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("timeline_entries.id"))
    form_nonce: Mapped[str | None] = mapped_column(unique=True)  # a note sent twice carries the same one
    version: Mapped[int] = mapped_column(server_default="1")
