"""Rows of the audit log."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Identity, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, Json


class AuditEntry(Base):
    """One thing that somebody did. Append-only: the application's role may insert and read, nothing else."""

    __tablename__ = "audit_entries"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str]  # "user:3", "token:9", "system"
    actor_name: Mapped[str]
    action: Mapped[str] = mapped_column(index=True)  # "run.confirm", "sign_in.failed"
    object: Mapped[str] = mapped_column(index=True)  # "run-12"
    detail: Mapped[Json]
    previous: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class AuditPending(Base):
    """An entry on its way: written at any time, linked into the chain by the database as the last thing before the commit, then gone.

    `tail` is the canonical JSON of its fields from `actor` on, as `actions.link` hashes them.
    """

    __tablename__ = "audit_pending"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    actor: Mapped[str]
    actor_name: Mapped[str]
    action: Mapped[str]
    object: Mapped[str]
    detail: Mapped[Json]
    tail: Mapped[str]


class AuditHead(Base):
    """The end of the chain: one row, locked by every writer."""

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
