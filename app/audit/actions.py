"""Write the audit log."""

import hashlib
import json
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.audit.models import AuditEntry, AuditHead, AuditPending
from app.core.database import Json, db_now


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def link(previous: bytes, *, seq: int, at: datetime, actor: str, actor_name: str, action: str, object_: str, detail: Json) -> bytes:
    """The hash of one entry: SHA-256 over the hash before it and the entry as canonical JSON."""
    fields = [seq, at.isoformat(), actor, actor_name, action, object_, detail]
    return hashlib.sha256(previous + _canonical(fields).encode()).digest()


def record(session: Session, action: str, object_: str, *, actor: str, actor_name: str, **detail: Any) -> AuditEntry:
    """Add an entry to the chain, in the writer's own transaction.

    `action` is a verb ("run.confirm"), `object_` a name ("run-12"), `detail` plain JSON values without secrets. The head row
    stays locked until that transaction ends, so that no two entries follow the same one.
    """
    head = session.scalars(select(AuditHead).with_for_update().execution_options(populate_existing=True)).one()
    facts: Json = {"at": db_now(session), "actor": actor, "actor_name": actor_name, "action": action, "detail": detail}
    seq = head.seq + 1
    entry = AuditEntry(seq=seq, object=object_, previous=head.hash, hash=link(head.hash, seq=seq, object_=object_, **facts), **facts)
    session.add(entry)
    head.seq, head.hash = seq, entry.hash
    session.flush()
    return entry


def record_at_commit(session: Session, action: str, object_: str, *, actor: str, actor_name: str, **detail: Any) -> None:
    """Add an entry as `record` does, linked by the database while the writer's transaction commits, and not if it rolls back.

    The head is held for the commit alone: no round trip, no page that is drawn meanwhile. For what many people do at once. The
    entry has its number and its time only then, and stands behind all that the transaction recorded otherwise.
    """
    tail = _canonical([actor, actor_name, action, object_, detail])[1:]
    facts = {"actor": actor, "actor_name": actor_name, "action": action, "object": object_, "detail": detail, "tail": tail}
    session.execute(insert(AuditPending).values(facts))
