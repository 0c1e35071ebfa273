"""Rows about people."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.policy import Permission, Role
from app.core.database import Base

ROLES = ", ".join(f"'{role}'" for role in Role)


class User(Base):
    """Somebody with a name. Disabled people keep their history and lose every sign-in at once."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("email = lower(email)", name="email_lower"),
        CheckConstraint("state IN ('invited', 'active', 'disabled')", name="state"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default="invited")
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    grants: Mapped[list["Grant"]] = relationship(lazy="raise", order_by="Grant.id")


class Grant(Base):
    """A role, for every service or for one (`service_id`, a plain number: services stand above)."""

    __tablename__ = "grants"
    __table_args__ = (
        CheckConstraint(f"role IN ({ROLES})", name="role"),
        CheckConstraint("role NOT IN ('admin', 'auditor') OR service_id IS NULL", name="global_roles"),
        UniqueConstraint("user_id", "role", "service_id", postgresql_nulls_not_distinct=True),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    role: Mapped[str]
    service_id: Mapped[int | None]


class SignIn(Base):
    """One sign-in: a browser that holds an opaque token, of which only the hash is here."""

    __tablename__ = "sign_ins"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    previous_hash: Mapped[bytes | None] = mapped_column(LargeBinary, index=True)  # good for a few seconds after `rotated_at`
    rotated_at: Mapped[datetime | None]
    csrf_token: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    last_seen_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    expires_at: Mapped[datetime]
    stepped_up_at: Mapped[datetime | None]  # the password was given again
    address: Mapped[str] = mapped_column(server_default="")
    agent: Mapped[str] = mapped_column(server_default="")
    ended_at: Mapped[datetime | None]
    user: Mapped[User] = relationship(lazy="raise")


class Invitation(Base):
    """A link that lets somebody set a password, once: the first administrator's, an invitation, or a lost password."""

    __tablename__ = "invitations"
    __table_args__ = (
        CheckConstraint("kind IN ('setup', 'invite', 'reset')", name="kind"),
        CheckConstraint("kind = 'setup' OR user_id IS NOT NULL", name="person"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SignInDelay(Base):
    """Failed sign-ins of one account or one address, and until when the next try waits. Never a lock-out for good."""

    __tablename__ = "sign_in_delays"

    key: Mapped[str] = mapped_column(primary_key=True)  # "account:<hash>" or "address:<ip>"
    failures: Mapped[int] = mapped_column(server_default="0")
    last_failure_at: Mapped[datetime]
    blocked_until: Mapped[datetime | None]


class ApiToken(Base):
    """A key for scripts: at most what its owner may, never approvals. Shown once, kept as a hash."""

    __tablename__ = "api_tokens"
    __table_args__ = (Index("ix_api_tokens_live", "prefix", postgresql_where=text("revoked_at IS NULL")),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(unique=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    @property
    def permissions(self) -> frozenset[Permission]:
        return frozenset(Permission(scope) for scope in self.scopes)
