"""The timeline: the only way to write history."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.core import live
from app.core.clock import now
from app.core.errors import Refused
from app.incidents.models import Incident, TimelineEntry

LONGEST = 20_000


def record(
    session: Session,
    incident: Incident,
    body: str,
    *,
    kind: str,
    by: Person,
    at: datetime | None = None,
    is_system: bool = False,
    **refs: Any,
) -> TimelineEntry:
    """Write one line in the transaction of the change that it tells of, and tell every open page of the incident."""
    entry = TimelineEntry(
        incident_id=incident.id,
        kind=kind,
        body=body,
        actor_id=by.id or None,
        actor_name=by.name,
        is_system=is_system,
        refs=refs,
        **({"at": at} if at else {}),
    )
    session.add(entry)
    session.execute(update(Incident).where(Incident.id == incident.id).values(entries=Incident.entries + 1))
    session.flush()
    live.tell(session, f"incident-{incident.id}", f"timeline-{incident.id}")
    return entry


def note(session: Session, incident: Incident, *, body: str, by: Person, at: datetime | None = None) -> TimelineEntry:
    """A person's note, as markdown; `at` puts it at a moment in the past. Refused where it is empty, too long or in the future."""
    return record(session, incident, _checked(body), kind="note", by=by, at=_past(at))


def edit(session: Session, entry: TimelineEntry, *, body: str, by: Person) -> TimelineEntry:
    """A new version of one's own note; the old one stays in the record.

    Refused for lines that are not notes, for other people's notes, and where somebody was faster.
    """
    if entry.kind != "note":
        raise Refused("Only notes can be edited; this line was written by a change of the incident. Add a note that corrects it.")
    if entry.actor_id != by.id:
        raise Refused(f"This note is {entry.actor_name}'s. Nothing was changed; add a note of your own.", field="body")
    newer = session.scalar(select(TimelineEntry.version).where(TimelineEntry.replaces_id == entry.id))
    if newer:
        raise Refused(f"This note has been edited since you opened it (version {newer}). Look at that version, then edit it.")
    # Two at once: both pass the question above, and the unique index on replaces_id lets one of them through.
    version = TimelineEntry(
        incident_id=entry.incident_id,
        kind=entry.kind,
        body=_checked(body),
        actor_id=by.id,
        actor_name=by.name,
        at=entry.at,
        refs=entry.refs,
        replaces_id=entry.id,
        version=entry.version + 1,
    )
    session.add(version)
    session.flush()
    live.tell(session, f"timeline-{entry.incident_id}")
    return version


def _checked(body: str) -> str:
    text = body.strip()
    if not text:
        raise Refused("The note is empty, so nothing was added. Write what you see.", field="body")
    if len(text) > LONGEST:
        raise Refused(f"The note has {len(text):,} characters; {LONGEST:,} fit. Nothing was added: shorten it.", field="body")
    return text


def _past(at: datetime | None) -> datetime | None:
    if at and at > now():
        raise Refused("The time of the note lies in the future, so nothing was added. Leave it empty for now.", field="at")
    return at
