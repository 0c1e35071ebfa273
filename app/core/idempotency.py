"""Answers that were given before: a script that sends the same POST twice gets the first answer, and nothing happens twice."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Identity, UniqueConstraint, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.database import Base, Json
from app.core.errors import Conflict

KEPT = timedelta(days=7)


class RememberedAnswer(Base):
    """One POST under an `Idempotency-Key`: what was asked, and what was answered once it was."""

    __tablename__ = "remembered_answers"
    __table_args__ = (UniqueConstraint("owner", "key"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    owner: Mapped[str]  # whose key it is: "token:9"
    key: Mapped[str]
    fingerprint: Mapped[str]  # sha256 of method, path and body
    status: Mapped[int | None]
    answer: Mapped[Json | None]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"), index=True)


def fingerprint(method: str, path: str, body: Any) -> str:
    """What makes two requests the same."""
    canonical = json.dumps([method, path, body], sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


def begin(session: Session, *, owner: str, key: str, asked: str) -> RememberedAnswer:
    """The row of this key: a new one without an answer, or the earlier one with it. Conflict where the key was used for another request.

    Two at once: the second waits on the unique key until the first has committed, and reads its answer; where the first
    rolled back, the second is the first.
    """
    session.execute(
        insert(RememberedAnswer).values(owner=owner, key=key, fingerprint=asked).on_conflict_do_nothing(index_elements=["owner", "key"])
    )
    row = session.scalars(select(RememberedAnswer).where(RememberedAnswer.owner == owner, RememberedAnswer.key == key)).one()
    if row.fingerprint != asked:
        raise Conflict(
            "This Idempotency-Key was used for another request. Nothing was done: send a new key for a new request, "
            "or the same request to get the first answer again."
        )
    return row


def forget(session: Session) -> None:
    """Delete answers that are older than a week: no script repeats a request that late."""
    session.execute(delete(RememberedAnswer).where(RememberedAnswer.at < func.now() - KEPT))
