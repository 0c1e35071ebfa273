"""Rows about services, where they run, and what ran there."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.database import Base, Json


class Secret(Base):
    """A credential, sealed to the runner's key. Write-only: no page and no API ever shows it again."""

    __tablename__ = "secrets"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    purpose: Mapped[str]  # kubeconfig | git | http
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    rotated_at: Mapped[datetime | None]


class Cluster(Base):
    """A Kubernetes cluster and how to reach it. `rights` is the last check of what the console may do there."""

    __tablename__ = "clusters"
    __table_args__ = (
        CheckConstraint("kind IN ('kubeconfig', 'in_cluster')", name="kind"),
        CheckConstraint("(kind = 'kubeconfig') = (secret_id IS NOT NULL)", name="credential"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    secret_id: Mapped[int | None] = mapped_column(ForeignKey("secrets.id"))
    server: Mapped[str] = mapped_column(server_default="")  # the API server's address, for display
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    checked_at: Mapped[datetime | None]
    problem: Mapped[str] = mapped_column(server_default="")  # why the last check failed, in one sentence
    rights: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))  # executors.kubernetes.rights.Right, as JSON
    archived_at: Mapped[datetime | None]


class Service(Base):
    """Something that the company runs and can recover."""

    __tablename__ = "services"
    __table_args__ = (
        CheckConstraint("slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'", name="slug"),
        CheckConstraint("tier BETWEEN 1 AND 4", name="tier"),
        CheckConstraint("good_after_s BETWEEN 5 AND 604800", name="good_after"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    owner: Mapped[str] = mapped_column(server_default="")
    tier: Mapped[int] = mapped_column(server_default="2")  # 1 is the most important
    description: Mapped[str] = mapped_column(server_default="")
    good_after_s: Mapped[int] = mapped_column(server_default="600")  # checks must hold this long for a release to be good
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    archived_at: Mapped[datetime | None]


class Contact(Base):
    """Somebody to call, in the order in which to call them."""

    __tablename__ = "contacts"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    service_id: Mapped[int | None] = mapped_column(ForeignKey("services.id"), index=True)  # None: of the whole company
    position: Mapped[int]
    role: Mapped[str]  # "On-call engineer", "DevOps lead", "CTO", free text
    name: Mapped[str]
    phone: Mapped[str] = mapped_column(server_default="")
    email: Mapped[str] = mapped_column(server_default="")
    chat: Mapped[str] = mapped_column(server_default="")


class Link(Base):
    """A page that belongs to a service: dashboard, alert, call bridge, runbook."""

    __tablename__ = "links"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("services.id"), index=True)
    position: Mapped[int]
    label: Mapped[str]
    url: Mapped[str]


class Target(Base):
    """Where and how a service runs. `config` is one of the models in `targets.py`, by kind.

    kubernetes: {"cluster_id", "namespace", "kind": Deployment|StatefulSet|DaemonSet, "name"}
    git:        {"repository", "branch", "deploy": [argv], "deploy_folder", "version_url", "version_path", "local"}
    """

    __tablename__ = "targets"
    __table_args__ = (CheckConstraint("kind IN ('kubernetes', 'git')", name="kind"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("services.id"), index=True)
    kind: Mapped[str]
    environment: Mapped[str] = mapped_column(server_default="production")
    config: Mapped[Json]
    secret_id: Mapped[int | None] = mapped_column(ForeignKey("secrets.id"))  # git credential; a cluster has its own
    cluster_id: Mapped[int | None] = mapped_column(ForeignKey("clusters.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    observed_at: Mapped[datetime | None]
    observe_problem: Mapped[str] = mapped_column(server_default="")  # why it cannot be seen now, in one sentence
    seen: Mapped[Json] = mapped_column(server_default=text("'{}'"))  # masked facts of the last look: uid, replicas, ready
    archived_at: Mapped[datetime | None]
    service: Mapped[Service] = relationship(lazy="raise")
    cluster: Mapped[Cluster | None] = relationship(lazy="raise")

    @property
    def label(self) -> str:
        """ "deployment/login in shop" or "git main": how people name it."""
        if self.kind == "kubernetes":
            return f"{self.config['kind'].lower()}/{self.config['name']} in {self.config['namespace']}"
        return f"git {self.config['branch']}"


class Release(Base):
    """A version seen on a target, with the exact thing needed to return to it.

    digest   Kubernetes: sha256 of the normalised pod template; git: the commit
    sealed   the whole template (it can hold secrets), or the git facts
    facts    masked, for pages: {"images": [...], "image_ids": [...], "change_cause": "...", "author": "...", "subject": "..."}
    """

    __tablename__ = "releases"
    __table_args__ = (
        UniqueConstraint("target_id", "digest"),
        CheckConstraint("standing IN ('unproven', 'good', 'suspect')", name="standing"),
        CheckConstraint("origin IN ('observed', 'imported', 'recorded')", name="origin"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("targets.id"), index=True)
    version: Mapped[str]
    digest: Mapped[str]
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    facts: Mapped[Json]
    origin: Mapped[str]
    made_at: Mapped[datetime | None]  # when the release itself was made, where the target says so
    first_seen_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    last_seen_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    standing: Mapped[str] = mapped_column(server_default="unproven")
    standing_reason: Mapped[str] = mapped_column(server_default="")
    standing_by: Mapped[str] = mapped_column(server_default="")  # a person's name, or "checks"
    standing_at: Mapped[datetime | None]
    target: Mapped[Target] = relationship(lazy="raise")


class Rollout(Base):
    """A stretch of time in which one release ran on a target. The open one (`ended_at` null) runs now."""

    __tablename__ = "rollouts"
    __table_args__ = (
        Index("uq_rollouts_current", "target_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("ix_rollouts_began", "target_id", "began_at"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("targets.id"))
    release_id: Mapped[int] = mapped_column(ForeignKey("releases.id"), index=True)
    replaced_id: Mapped[int | None] = mapped_column(ForeignKey("releases.id"))
    began_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    ended_at: Mapped[datetime | None]
    holding_since: Mapped[datetime | None]  # since when all its checks have held without a break
    by: Mapped[str] = mapped_column(server_default="observed")  # "observed" or "run-12"
    release: Mapped[Release] = relationship(foreign_keys=[release_id], lazy="raise")
    replaced: Mapped[Release | None] = relationship(foreign_keys=[replaced_id], lazy="raise")


class Check(Base):
    """One way to tell that a service works. `config` is one of the models in `checks.py`, by kind."""

    __tablename__ = "checks"
    __table_args__ = (
        CheckConstraint("kind IN ('health', 'version', 'smoke', 'metric')", name="kind"),
        UniqueConstraint("service_id", "name"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("services.id"), index=True)
    position: Mapped[int] = mapped_column(server_default="0")
    kind: Mapped[str]
    name: Mapped[str]
    config: Mapped[Json]
    required: Mapped[bool] = mapped_column(server_default=text("true"))
    secret_id: Mapped[int | None] = mapped_column(ForeignKey("secrets.id"))
    earlier: Mapped[Json] = mapped_column(server_default=text("'{}'"))  # what the last reading left for the next: scrapes
    archived_at: Mapped[datetime | None]
    service: Mapped[Service] = relationship(lazy="raise")


class CheckReading(Base):
    """What a check said on a look outside of verifications: the board's figures and the "good" rule live on these."""

    __tablename__ = "check_readings"
    __table_args__ = (
        CheckConstraint("outcome IN ('pass', 'fail', 'inconclusive')", name="outcome"),
        Index("ix_check_readings_recent", "check_id", "at"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    check_id: Mapped[int] = mapped_column(ForeignKey("checks.id"))
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    outcome: Mapped[str]
    value: Mapped[float | None]
    sentence: Mapped[str] = mapped_column(server_default="")


class AllowedAddress(Base):
    """A private address that an administrator lets the console call."""

    __tablename__ = "allowed_addresses"
    __table_args__ = (UniqueConstraint("host", "port"), CheckConstraint("port BETWEEN 1 AND 65535", name="port"))

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    host: Mapped[str]
    port: Mapped[int]
    reason: Mapped[str] = mapped_column(server_default="")
    allowed_by: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Look(Base):
    """A question that web asks of the world through the runner (validate, observe, resolve a plan, check a cluster).

    A job row like a run, but without effect: it may be repeated at will. `subject` names what it is about ("target-3",
    "plan-12"); `params` and `answer` hold no secrets, except sealed ones.
    """

    __tablename__ = "looks"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'looking', 'done', 'failed')", name="state"),
        CheckConstraint("(state IN ('done', 'failed')) = (ended_at IS NOT NULL)", name="ended"),
        CheckConstraint("(state = 'looking') = (lease_until IS NOT NULL)", name="lease"),
        Index("ix_looks_open", "created_at", postgresql_where=text("state IN ('queued', 'looking')")),
        Index("uq_looks_one_open", "kind", "subject", unique=True, postgresql_where=text("state = 'queued'")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str]  # "target.validate", "target.observe", "cluster.check", "plan.resolve", …
    subject: Mapped[str]
    params: Mapped[Json]
    state: Mapped[str] = mapped_column(server_default="queued")
    answer: Mapped[Json | None]
    problem: Mapped[str] = mapped_column(server_default="")
    fence: Mapped[int] = mapped_column(server_default="0")
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    rung_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
