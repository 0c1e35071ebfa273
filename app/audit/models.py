"""Rows of the audit log."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, LargeBinary
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


class AuditHead(Base):
    """The end of the chain: one row, locked by every writer."""

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
