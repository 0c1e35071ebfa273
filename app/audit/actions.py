"""Write the audit log."""

import hashlib
import json
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.audit.models import AuditEntry, AuditHead
from app.core.database import Json, db_now


def link(previous: bytes, *, seq: int, at: datetime, actor: str, actor_name: str, action: str, object_: str, detail: Json) -> bytes:
    """The hash of one entry: SHA-256 over the hash before it and the entry as canonical JSON."""
    fields = [seq, at.isoformat(), actor, actor_name, action, object_, detail]
    return hashlib.sha256(previous + json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).digest()


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
