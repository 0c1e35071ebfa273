"""Rows of notices and their deliveries."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import User
from app.catalog.models import Service
from app.core.database import Base, Json
from app.incidents.models import Incident
from app.incidents.states import Severity
from app.notifications.kinds import OUTSIDE, Audience, ChannelKind, Crew, DeliveryState, Kind, NoticeState


def _listed(values: Any) -> str:
    return ", ".join(f"'{value}'" for value in values)


class NoticeTemplate(Base):
    """A text for one kind of notice, one audience and one severity ('' for any). Its words are in its versions."""

    __tablename__ = "notice_templates"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_listed(Kind)})", name="kind"),
        CheckConstraint(f"audience IN ({_listed(Audience)})", name="audience"),
        CheckConstraint(f"severity IN ('', {_listed(Severity)})", name="severity"),
        Index("uq_notice_templates_place", "kind", "audience", "severity", unique=True, postgresql_where=text("archived_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str]
    audience: Mapped[str]
    severity: Mapped[str] = mapped_column(server_default="")
    archived_at: Mapped[datetime | None]
    versions: Mapped[list["NoticeTemplateVersion"]] = relationship(lazy="raise", order_by="NoticeTemplateVersion.number")


class NoticeTemplateVersion(Base):
    """The words of a template at one time. Append-only: an edit is the next number."""

    __tablename__ = "notice_template_versions"
    __table_args__ = (UniqueConstraint("template_id", "number"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    template_id: Mapped[int] = mapped_column(ForeignKey("notice_templates.id"))
    number: Mapped[int]
    subject: Mapped[str]
    body: Mapped[str]
    by: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Notice(Base):
    """A text for people about one incident: a draft that waits for a person, then what went out, word by word.

    subject, body  as they are edited, with `{{ field }}` in them; `sent_subject` and `sent_text` are what left
    told           what only a person knows, by field: {"action": …, "eta": …, "next_steps": …, "resolution": …}
    cause          what prepared it ("declared", "run-12", "verification-3", "resolved"), '' by hand; one draft for one cause
    """

    __tablename__ = "notices"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_listed(Kind)})", name="kind"),
        CheckConstraint(f"audience IN ({_listed(Audience)})", name="audience"),
        CheckConstraint(f"state IN ({_listed(NoticeState)})", name="state"),
        CheckConstraint("(state = 'draft') = (ended_at IS NULL)", name="ended"),
        CheckConstraint("(state = 'sent') = (sent_text IS NOT NULL)", name="sent"),
        Index("uq_notices_cause", "incident_id", "cause", "kind", "audience", unique=True, postgresql_where=text("cause <> ''")),
        Index("ix_notices_incident", "incident_id", text("id DESC")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    kind: Mapped[str]
    audience: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="draft")
    cause: Mapped[str] = mapped_column(server_default="")
    template_version_id: Mapped[int | None] = mapped_column(ForeignKey("notice_template_versions.id"))
    subject: Mapped[str]
    body: Mapped[str]
    told: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    version: Mapped[int] = mapped_column(server_default="1")  # raised by every edit: what a person had before their eyes
    prepared_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    prepared_by: Mapped[str]
    edited_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    edited_at: Mapped[datetime | None]
    sent_subject: Mapped[str | None]
    sent_text: Mapped[str | None]
    ended_at: Mapped[datetime | None]  # when it was sent or discarded
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    ended_by: Mapped[str] = mapped_column(server_default="")
    reason: Mapped[str] = mapped_column(server_default="")  # why it was discarded, or how it was told elsewhere
    incident: Mapped[Incident] = relationship(lazy="raise")
    template_version: Mapped[NoticeTemplateVersion | None] = relationship(lazy="raise")

    @property
    def is_draft(self) -> bool:
        return self.state == NoticeState.DRAFT

    @property
    def public_text(self) -> str:
        """What the status page may take over: the words that were sent to people outside, else nothing."""
        return (self.sent_text or "") if Audience(self.audience) in OUTSIDE else ""


class ChannelSetting(Base):
    """A channel that an administrator set up. `sealed` is for the notifier alone; `shown` is what pages may say of it."""

    __tablename__ = "channel_settings"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_listed(ChannelKind)})", name="kind"),
        Index("uq_channel_settings_name", text("lower(name)"), unique=True, postgresql_where=text("archived_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    kind: Mapped[str]
    service: Mapped[str]  # "Mail", "Webhook", "Slack": for the eye
    shown: Mapped[str]  # "smtp.example.org:587", "hooks.slack.com"
    sealed: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    is_paused: Mapped[bool] = mapped_column(server_default=text("false"))
    made_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    rotated_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]


class Recipient(Base):
    """Somebody, or a room, who is told by a channel: which audience they belong to, and what is worth telling them."""

    __tablename__ = "notice_recipients"
    __table_args__ = (
        CheckConstraint("audience IN ('team', 'executives', 'customers')", name="audience"),
        CheckConstraint(f"least_severity IN ({_listed(Severity)})", name="least_severity"),
        Index("uq_notice_recipients_address", "setting_id", "address", unique=True, postgresql_where=text("archived_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    setting_id: Mapped[int] = mapped_column(ForeignKey("channel_settings.id"), index=True)
    address: Mapped[str] = mapped_column(server_default="")  # of mail; a webhook or a chat room is its channel
    audience: Mapped[str]
    least_severity: Mapped[str] = mapped_column(server_default="low")
    service_id: Mapped[int | None] = mapped_column(ForeignKey("services.id"))  # None: of every service
    takes_drills: Mapped[bool] = mapped_column(server_default=text("true"))
    archived_at: Mapped[datetime | None]
    setting: Mapped[ChannelSetting] = relationship(lazy="raise")
    service: Mapped[Service | None] = relationship(lazy="raise")


class Delivery(Base):
    """One copy of one text to one address: a job row of the outbox, carried by the notifier.

    about    what it belongs to ("notice-12", "nag-7", "test-3"); one copy for one `about`, channel and address, whatever happens
    uid      the same in every try: the id of a webhook, the Message-ID of a mail
    lane     what may be slow together: at most a few of one lane are on their way at once
    sealed   what this address alone needs (a subscriber's webhook secret), where it is not in the channel's setting
    message  {"subject", "text", "url", "facts": {...}}
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint(f"state IN ({_listed(DeliveryState)})", name="state"),
        CheckConstraint(f"kind IN ({_listed(ChannelKind)})", name="kind"),
        CheckConstraint(f"crew IN ({_listed(Crew)})", name="crew"),
        CheckConstraint("(state = 'sending') = (lease_until IS NOT NULL)", name="lease"),
        CheckConstraint("(state IN ('queued', 'sending')) = (ended_at IS NULL)", name="ended"),
        CheckConstraint("state NOT IN ('failed', 'skipped', 'unknown') OR reason <> ''", name="reason"),
        UniqueConstraint("about", "setting_id", "address", name="uq_deliveries_once", postgresql_nulls_not_distinct=True),
        Index("ix_deliveries_due", "crew", "next_try_at", "id", postgresql_where=text("state = 'queued'")),
        Index("ix_deliveries_sending", "lane", "lease_until", postgresql_where=text("state = 'sending'")),
        Index("ix_deliveries_notice", "notice_id", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    about: Mapped[str]
    uid: Mapped[str] = mapped_column(unique=True, server_default=text("gen_random_uuid()::text"))
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id"), index=True)
    notice_id: Mapped[int | None] = mapped_column(ForeignKey("notices.id"))
    setting_id: Mapped[int | None] = mapped_column(ForeignKey("channel_settings.id"), index=True)
    kind: Mapped[str]
    crew: Mapped[str]
    lane: Mapped[str]
    recipient: Mapped[str]  # who it is, for the eye
    address: Mapped[str] = mapped_column(server_default="")
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    message: Mapped[Json]
    state: Mapped[str] = mapped_column(server_default="queued")
    reason: Mapped[str] = mapped_column(server_default="")  # why it failed, was skipped or is not known; while queued, the last refusal
    said: Mapped[str] = mapped_column(server_default="")  # what the other side answered
    tries: Mapped[int] = mapped_column(server_default="0")
    urgency: Mapped[int] = mapped_column(server_default="1")  # 0 pages, 1 notices, 2 the crowd
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    next_try_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    expires_at: Mapped[datetime | None]  # nobody wants it after this
    ended_at: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(server_default="0")
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    rung_at: Mapped[datetime | None]
    setting: Mapped[ChannelSetting | None] = relationship(lazy="raise")


class CadenceRule(Base):
    """How soon after declaring, and how often after that, people hear again, by severity. Minutes."""

    __tablename__ = "cadence_rules"
    __table_args__ = (
        CheckConstraint(f"severity IN ({_listed(Severity)})", name="severity"),
        CheckConstraint("first_min BETWEEN 1 AND 10080 AND every_min BETWEEN 1 AND 10080", name="minutes"),
    )

    severity: Mapped[str] = mapped_column(primary_key=True)
    first_min: Mapped[int]
    every_min: Mapped[int]


class UpdateClock(Base):
    """When the next update of an incident is due. `due_at` None: nobody waits for one."""

    __tablename__ = "update_clocks"
    __table_args__ = (Index("ix_update_clocks_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),)

    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"), primary_key=True)
    due_at: Mapped[datetime | None]
    severity: Mapped[str]  # that `due_at` was worked out for
    by_hand: Mapped[bool] = mapped_column(server_default=text("false"))
    set_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    set_by: Mapped[str]
    reason: Mapped[str] = mapped_column(server_default="")


class Nag(Base):
    """Somebody was reminded of a late update: once for each rung of one due time. Append-only."""

    __tablename__ = "nags"
    __table_args__ = (UniqueConstraint("incident_id", "due_at", "rung"), CheckConstraint("rung BETWEEN 1 AND 3", name="rung"))

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    due_at: Mapped[datetime]
    rung: Mapped[int]  # 1 the communications lead, 2 the commander, 3 everyone
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    user: Mapped[User | None] = relationship(lazy="raise")
