"""Rows of paging, of calls to contacts, and of the alerts that came in."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.catalog.models import Service
from app.core.database import Base, Json
from app.incidents.models import Incident
from app.incidents.states import Severity


class PagingState(StrEnum):
    """How the paging of one incident stands. `stopped`: the incident ended before anybody answered."""

    PAGING = "paging"
    ACKNOWLEDGED = "acknowledged"
    EXHAUSTED = "exhausted"
    STOPPED = "stopped"


class Attempt(StrEnum):
    """How the page of one contact stands. `spared`: somebody else answered before their turn, or the incident ended."""

    WAITING = "waiting"
    QUEUED = "queued"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    PASSED_ON = "passed_on"
    EXHAUSTED = "exhausted"
    SPARED = "spared"


class Source(StrEnum):
    ALERTMANAGER = "alertmanager"
    GRAFANA = "grafana"
    WEBHOOK = "webhook"


NEVER = "never"
WAYS = ("mail", "webhook", "apprise", NEVER)


def _listed(values: Any) -> str:
    return ", ".join(f"'{value}'" for value in values)


class PagingRule(Base):
    """How a service pages: how long one contact has to answer, and from which severity on anybody is paged."""

    __tablename__ = "paging_rules"
    __table_args__ = (
        CheckConstraint("wait_s BETWEEN 10 AND 86400", name="wait"),
        CheckConstraint(f"least_severity IN ({_listed(Severity)})", name="least_severity"),
    )

    service_id: Mapped[int] = mapped_column(ForeignKey("services.id"), primary_key=True)
    wait_s: Mapped[int]
    least_severity: Mapped[str] = mapped_column(server_default="low")


class ContactWay(Base):
    """By which channel a contact wants to be paged. A contact is known by its name: the rows of contacts are written anew on every edit.

    Either a channel of the administrators (`setting_id`, with an address where it is mail), or an address of the contact's own, sealed
    to the notifier (`sealed`), of which pages show `shown`. `never` takes a contact out of the paging.
    """

    __tablename__ = "contact_ways"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_listed(WAYS)})", name="kind"),
        CheckConstraint(f"(kind = '{NEVER}') = (setting_id IS NULL AND sealed IS NULL)", name="somewhere"),
        Index("uq_contact_ways_contact", "service_id", text("lower(name)"), unique=True, postgresql_nulls_not_distinct=True),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    service_id: Mapped[int | None] = mapped_column(ForeignKey("services.id"))  # None: a contact of the whole company
    name: Mapped[str]
    kind: Mapped[str]
    setting_id: Mapped[int | None] = mapped_column(ForeignKey("channel_settings.id"))
    address: Mapped[str] = mapped_column(server_default="")
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    shown: Mapped[str] = mapped_column(server_default="")


class Paging(Base):
    """The paging of one incident: whose turn it is, until when, and who answered. `cycle` counts how often it was begun."""

    __tablename__ = "pagings"
    __table_args__ = (
        CheckConstraint(f"state IN ({_listed(PagingState)})", name="state"),
        CheckConstraint("(state = 'paging') = (next_at IS NOT NULL)", name="next"),
        CheckConstraint("(state = 'acknowledged') = (answered_at IS NOT NULL)", name="answered"),
        Index("ix_pagings_due", "next_at", postgresql_where=text("state = 'paging'")),
    )

    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"), primary_key=True)
    state: Mapped[str] = mapped_column(server_default="paging")
    cycle: Mapped[int] = mapped_column(server_default="1")
    round: Mapped[int] = mapped_column(server_default="1")
    wait_s: Mapped[int]
    next_at: Mapped[datetime | None]  # when the next round is paged, or nobody is left
    signing_key: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)  # signs the links of this incident's pages
    began_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    answered_by: Mapped[str] = mapped_column(server_default="")
    answered_at: Mapped[datetime | None]
    incident: Mapped[Incident] = relationship(lazy="raise")


class PageAttempt(Base):
    """One contact within the paging of an incident, as they were when it began: later edits of contacts change nothing here."""

    __tablename__ = "page_attempts"
    __table_args__ = (
        CheckConstraint(f"state IN ({_listed(Attempt)})", name="state"),
        UniqueConstraint("incident_id", "cycle", "contact"),
        Index("ix_page_attempts_queued", "delivery_id", postgresql_where=text("state = 'queued'")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    cycle: Mapped[int]
    round: Mapped[int]  # those of one round are paged at once: the first contact of each service, then the second
    contact: Mapped[str]  # who it is, whatever service names them: mail, else phone, else name, in small letters
    name: Mapped[str]
    role: Mapped[str] = mapped_column(server_default="")
    kind: Mapped[str]
    setting_id: Mapped[int | None] = mapped_column(ForeignKey("channel_settings.id"))
    address: Mapped[str] = mapped_column(server_default="")
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    channel: Mapped[str]  # "Ops mail", "ntfy, ntfy.sh": for the eye
    state: Mapped[str] = mapped_column(server_default="waiting")
    reason: Mapped[str] = mapped_column(server_default="")  # why it was passed on, beyond silence
    delivery_id: Mapped[int | None] = mapped_column(ForeignKey("deliveries.id"))
    queued_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class ContactCall(Base):
    """Somebody called or wrote to a contact of an incident, and said whether they reached them. Append-only."""

    __tablename__ = "contact_calls"
    __table_args__ = (
        CheckConstraint("outcome IN ('reached', 'not_reached')", name="outcome"),
        Index("ix_contact_calls_incident", "incident_id", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    contact: Mapped[str]  # as in page_attempts
    name: Mapped[str]
    role: Mapped[str] = mapped_column(server_default="")
    outcome: Mapped[str]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    by: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Integration(Base):
    """A system that sends alerts. Alertmanager and Grafana send a token, of which a hash is kept; the generic webhook signs with a key.

    The web process verifies signatures, so it reads the key as it is: it opens nothing but this door, behind which no run ever starts.
    """

    __tablename__ = "integrations"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_listed(Source)})", name="kind"),
        CheckConstraint(f"severity IN ({_listed(Severity)})", name="severity"),
        CheckConstraint("(kind = 'webhook') = (signing_key IS NOT NULL)", name="signs"),
        CheckConstraint("(kind = 'webhook') = (token_hash IS NULL)", name="token"),
        Index("uq_integrations_name", text("lower(name)"), unique=True, postgresql_where=text("archived_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    kind: Mapped[str]
    hook: Mapped[str] = mapped_column(unique=True)  # its place in the address: "/intake/{hook}"
    token_hash: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    signing_key: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    label: Mapped[str] = mapped_column(server_default="")  # names the service; empty: "service", then "app"
    services: Mapped[Json] = mapped_column(server_default=text("'{}'"))  # what the label says → slug, where they differ
    severity: Mapped[str] = mapped_column(server_default="high")  # of an alert that says none
    made_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    rotated_at: Mapped[datetime | None]
    heard_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]


class Alert(Base):
    """One alert on an incident, known by its fingerprint. Firing again or resolved, it stays one row."""

    __tablename__ = "alerts"
    __table_args__ = (
        CheckConstraint("status IN ('firing', 'resolved')", name="status"),
        UniqueConstraint("incident_id", "integration_id", "fingerprint"),
        Index("ix_alerts_fingerprint", "integration_id", "fingerprint", text("id DESC")),
        Index("ix_alerts_group", "integration_id", "group_key", text("id DESC"), postgresql_where=text("group_key <> ''")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    integration_id: Mapped[int] = mapped_column(ForeignKey("integrations.id"))
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    opened: Mapped[bool] = mapped_column(server_default=text("false"))  # whether it opened the incident, or joined it
    fingerprint: Mapped[str]
    group_key: Mapped[str] = mapped_column(server_default="")
    status: Mapped[str]
    title: Mapped[str]
    severity: Mapped[str]
    service_id: Mapped[int | None] = mapped_column(ForeignKey("services.id"))
    named: Mapped[str] = mapped_column(server_default="")  # the service as the alert calls it
    labels: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    url: Mapped[str] = mapped_column(server_default="")
    starts_at: Mapped[datetime | None]  # as the sender says
    first_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    last_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    times: Mapped[int] = mapped_column(server_default="1")
    service: Mapped[Service | None] = relationship(lazy="raise")
    integration: Mapped[Integration] = relationship(lazy="raise")


class IntakeReceipt(Base):
    """A message that was taken: the same one is not taken twice, and they are counted. Old ones are deleted."""

    __tablename__ = "intake_receipts"
    __table_args__ = (
        UniqueConstraint("integration_id", "message_id"),
        Index("ix_intake_receipts_recent", "integration_id", "at"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    integration_id: Mapped[int] = mapped_column(ForeignKey("integrations.id"))
    message_id: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
