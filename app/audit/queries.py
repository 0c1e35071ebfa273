"""Read the audit log."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.audit.actions import link
from app.audit.models import AuditEntry, AuditHead


def newest(session: Session, *, before: int | None = None, about: str = "", limit: int = 100) -> list[AuditEntry]:
    """A page of the log, newest first. `before` is the number of the last entry of the page above; `about` one object ("run-12")."""
    query = select(AuditEntry).order_by(AuditEntry.seq.desc()).limit(limit)
    if before:
        query = query.where(AuditEntry.seq < before)
    if about:
        query = query.where(AuditEntry.object == about)
    return list(session.scalars(query))


def verify(session: Session) -> str:
    """Walk the whole chain. Empty where it is intact, else one sentence that names the first entry that does not fit.

    A tail that was cut together with the head shows only against a head that was kept elsewhere.
    """
    head = session.scalars(select(AuditHead).execution_options(populate_existing=True)).one()
    seq, previous = 0, b""
    for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.seq).execution_options(yield_per=1000, populate_existing=True)):
        if entry.seq != seq + 1:
            return f"Entry {seq + 1} of the audit log is missing."
        expected = link(
            previous,
            seq=entry.seq,
            at=entry.at,
            actor=entry.actor,
            actor_name=entry.actor_name,
            action=entry.action,
            object_=entry.object,
            detail=entry.detail,
        )
        if entry.previous != previous or entry.hash != expected:
            return f"Entry {entry.seq} of the audit log was changed after it was written."
        seq, previous = entry.seq, entry.hash
    if (head.seq, head.hash) != (seq, previous):
        return f"The audit log ends at entry {seq}, but {head.seq} were written."
    return ""
