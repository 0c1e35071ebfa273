"""Rows of status pages. Whatever has a `ref` is known to the public by it: our own numbers say nothing outside."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.catalog.models import Service
from app.core.database import Base
from app.statuspage.states import WORK_OVER, Progress, Standing, Work


def _listed(values: Any) -> str:
    return ", ".join(f"'{value}'" for value in values)


class StatusPage(Base):
    """One page. `revision` counts what was published on it; `written_revision` is the newest that stands in a public folder."""

    __tablename__ = "status_pages"
    __table_args__ = (
        CheckConstraint("slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'", name="slug"),
        CheckConstraint("length(name) BETWEEN 1 AND 120", name="name"),
        CheckConstraint("written_revision <= revision", name="written"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    support: Mapped[str] = mapped_column(server_default="")  # the line in the footer: who one is, where one helps
    address: Mapped[str] = mapped_column(server_default="")  # where the files are served; empty is the console's own /status/slug/
    is_private: Mapped[bool] = mapped_column(server_default=text("false"))  # for people who are signed in: never written to files
    mail_setting_id: Mapped[int | None] = mapped_column(ForeignKey("channel_settings.id"))  # whose mail goes to subscribers; null: no mail
    signing_key: Mapped[bytes] = mapped_column(LargeBinary)  # of the links that subscribers get
    revision: Mapped[int] = mapped_column(server_default="1")
    written_revision: Mapped[int] = mapped_column(server_default="0")
    written_at: Mapped[datetime | None]
    problem: Mapped[str] = mapped_column(server_default="")  # why the last writing failed, in one sentence
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    created_by: Mapped[str]
    archived_at: Mapped[datetime | None]


class ComponentGroup(Base):
    """A heading over some components."""

    __tablename__ = "status_groups"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    page_id: Mapped[int] = mapped_column(ForeignKey("status_pages.id"), index=True)
    name: Mapped[str]
    position: Mapped[int] = mapped_column(server_default="0")


class Component(Base):
    """What the public calls a part of us. How it stands is the worst of its open impacts; there is no second place that says it."""

    __tablename__ = "status_components"
    __table_args__ = (CheckConstraint("length(name) BETWEEN 1 AND 120", name="name"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    page_id: Mapped[int] = mapped_column(ForeignKey("status_pages.id"), index=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("status_groups.id"), index=True)
    service_id: Mapped[int | None] = mapped_column(ForeignKey("services.id"), index=True)
    ref: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    about: Mapped[str] = mapped_column(server_default="")
    position: Mapped[int] = mapped_column(server_default="0")
    since: Mapped[datetime] = mapped_column(server_default=text("now()"))  # before it there is no data, which is not the same as no trouble
    archived_at: Mapped[datetime | None]
    service: Mapped[Service | None] = relationship(lazy="raise")


class PublicIncident(Base):
    """What the public is told about one disturbance. `incident_id` ties it to ours and never leaves the house."""

    __tablename__ = "public_incidents"
    __table_args__ = (
        CheckConstraint(f"state IN ({_listed(Progress)})", name="state"),
        CheckConstraint("length(title) BETWEEN 1 AND 200", name="title"),
        CheckConstraint("(state = 'resolved') = (resolved_at IS NOT NULL)", name="resolved"),
        Index("uq_public_incidents_ours", "page_id", "incident_id", unique=True, postgresql_where=text("withdrawn_at IS NULL")),
        Index("ix_public_incidents_active", "page_id", postgresql_where=text("resolved_at IS NULL AND withdrawn_at IS NULL")),
        Index("ix_public_incidents_newest", "page_id", text("began_at DESC"), text("id DESC")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    page_id: Mapped[int] = mapped_column(ForeignKey("status_pages.id"))
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id"), index=True)
    ref: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    state: Mapped[str]
    must_act: Mapped[str] = mapped_column(server_default="No")  # the answer to "Do I have to do anything?"
    began_at: Mapped[datetime]
    published_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    resolved_at: Mapped[datetime | None]
    next_update_at: Mapped[datetime | None]
    updates: Mapped[int] = mapped_column(server_default="0")  # how many were published; whoever publishes says how many they had seen
    withdrawn_at: Mapped[datetime | None]  # taken down: published by mistake, and nobody outside sees it or its effect any more


class Maintenance(Base):
    """Planned work. Where it is automatic, it begins and ends by the clock."""

    __tablename__ = "maintenances"
    __table_args__ = (
        CheckConstraint(f"state IN ({_listed(Work)})", name="state"),
        CheckConstraint("length(title) BETWEEN 1 AND 200", name="title"),
        CheckConstraint("ends_at > starts_at", name="times"),
        Index("ix_maintenances_ahead", "page_id", "starts_at", postgresql_where=text(f"state NOT IN ({_listed(sorted(WORK_OVER))})")),
        Index("ix_maintenances_newest", "page_id", text("starts_at DESC")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    page_id: Mapped[int] = mapped_column(ForeignKey("status_pages.id"))
    ref: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="scheduled")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    is_automatic: Mapped[bool] = mapped_column(server_default=text("true"))
    component_ids: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    updates: Mapped[int] = mapped_column(server_default="0")  # also the sequence number of its calendar entry
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    changed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    ended_at: Mapped[datetime | None]


class PublicUpdate(Base):
    """One thing that the public was told, of an incident or of planned work. Its wording may be corrected, which is shown."""

    __tablename__ = "public_updates"
    __table_args__ = (
        CheckConstraint("(public_incident_id IS NULL) <> (maintenance_id IS NULL)", name="subject"),
        CheckConstraint("length(text) BETWEEN 1 AND 5000", name="text"),
        UniqueConstraint("public_incident_id", "number"),
        UniqueConstraint("maintenance_id", "number"),
        Index("ix_public_updates_told", "told_at", postgresql_where=text("told_at IS NOT NULL AND judged_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    public_incident_id: Mapped[int | None] = mapped_column(ForeignKey("public_incidents.id"))
    maintenance_id: Mapped[int | None] = mapped_column(ForeignKey("maintenances.id"))
    number: Mapped[int]
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    state: Mapped[str]
    text: Mapped[str]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    by_name: Mapped[str]
    corrected_at: Mapped[datetime | None]
    told_at: Mapped[datetime | None]  # when the copies for subscribers were put into the outbox; null: nobody was to be told
    judged_at: Mapped[datetime | None]  # when it was counted whose address did not take its copy


class Impact(Base):
    """How one component stood over one stretch of time, because of one incident or one piece of planned work."""

    __tablename__ = "impacts"
    __table_args__ = (
        CheckConstraint("(public_incident_id IS NULL) <> (maintenance_id IS NULL)", name="subject"),
        CheckConstraint(f"standing IN ({_listed(Standing)}) AND standing <> 'working'", name="standing"),
        CheckConstraint("ended_at >= began_at", name="times"),
        Index("ix_impacts_component", "component_id", "began_at"),
        Index(
            "uq_impacts_open",
            "component_id",
            "public_incident_id",
            "maintenance_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    component_id: Mapped[int] = mapped_column(ForeignKey("status_components.id"))
    public_incident_id: Mapped[int | None] = mapped_column(ForeignKey("public_incidents.id"), index=True)
    maintenance_id: Mapped[int | None] = mapped_column(ForeignKey("maintenances.id"), index=True)
    standing: Mapped[str]
    words: Mapped[str] = mapped_column(server_default="")  # "Slow in the EU", instead of the usual ones
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class PublicReview(Base):
    """A review that was published after a check for private data. Published again, it is replaced."""

    __tablename__ = "public_reviews"
    __table_args__ = (UniqueConstraint("page_id", "incident_id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    page_id: Mapped[int] = mapped_column(ForeignKey("status_pages.id"))
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"), index=True)
    ref: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    html: Mapped[str]
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    by_name: Mapped[str]


class Subscriber(Base):
    """Somebody who wants to be told. Leaving deletes the row: nothing is kept of who has left.

    state   pending (has not confirmed) | active | paused (its address did not take what was sent; `reason` says why)
    """

    __tablename__ = "subscribers"
    __table_args__ = (
        CheckConstraint("kind IN ('mail', 'webhook')", name="kind"),
        CheckConstraint("state IN ('pending', 'active', 'paused')", name="state"),
        CheckConstraint("(state = 'paused') = (reason <> '')", name="reason"),
        UniqueConstraint("page_id", "kind", "address"),
        Index("ix_subscribers_asked", "asked_at", postgresql_where=text("state = 'pending'")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    page_id: Mapped[int] = mapped_column(ForeignKey("status_pages.id"))
    kind: Mapped[str]
    address: Mapped[str]  # of a mailbox in lower case, or of a webhook
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)  # what a webhook's bodies are signed with, for the notifier alone
    state: Mapped[str] = mapped_column(server_default="pending")
    asked_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    confirmed_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(server_default="0")  # one after another
    reason: Mapped[str] = mapped_column(server_default="")
