"""The timeline: the only way to write history."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.core import live
from app.core.clock import now
from app.core.errors import Conflict, Refused
from app.incidents.models import Incident, TimelineEntry

LONGEST = 20_000
FARTHEST = timedelta(days=366)  # before the incident began: what is older is a slip of the date


def record(
    session: Session,
    incident: Incident,
    body: str,
    *,
    kind: str,
    by: Person,
    at: datetime | None = None,
    is_system: bool = False,
    form_nonce: str | None = None,
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
        form_nonce=form_nonce,
        **({"at": at} if at else {}),
    )
    session.add(entry)
    session.execute(update(Incident).where(Incident.id == incident.id).values(entries=Incident.entries + 1))
    session.flush()
    live.tell(session, f"incident-{incident.id}", f"timeline-{incident.id}")
    return entry


def note(
    session: Session, incident: Incident, *, body: str, by: Person, at: datetime | None = None, form_nonce: str | None = None
) -> TimelineEntry:
    """A person's note, as markdown; `at` puts it at a moment in the past. The same form sent twice gives the same note.

    Refused where it is empty, too long, in the future or long before the incident.
    """
    text, moment = _checked(body), _past(incident, at)
    if form_nonce:
        # Two submits at once: the second waits for the incident's row and then finds what the first one wrote.
        session.execute(select(Incident.id).where(Incident.id == incident.id).with_for_update())
        first = session.scalar(
            select(TimelineEntry).where(TimelineEntry.form_nonce == form_nonce, TimelineEntry.incident_id == incident.id)
        )
        if first:
            return first
    return record(session, incident, text, kind="note", by=by, at=moment, form_nonce=form_nonce)


def edit(session: Session, entry: TimelineEntry, *, body: str, by: Person) -> TimelineEntry:
    """A new version of one's own note; the old one stays in the record.

    Refused for lines that are not notes, for other people's notes, and where somebody was faster.
    """
    if entry.kind != "note":
        raise Refused("Only notes can be edited; this line was written by a change of the incident. Add a note that corrects it.")
    if entry.actor_id != by.id:
        raise Refused(f"This note is {entry.actor_name}'s. Nothing was changed; add a note of your own.", field="body")
    text = _checked(body)
    # Two at once: the second waits for the incident's row and then finds the version of the first.
    session.execute(select(Incident.id).where(Incident.id == entry.incident_id).with_for_update())
    newer = session.scalar(select(TimelineEntry).where(TimelineEntry.replaces_id == entry.id))
    if newer:
        link = f"/incidents/{entry.incident_id}/timeline?entry={newer.id}#entry-{newer.id}"
        raise Conflict(
            f"This note has been edited since you opened it (version {newer.version}). "
            "Yours was not saved: look at that version, then edit it.",
            link=link,
        )
    if text == entry.body:
        return entry
    version = TimelineEntry(
        incident_id=entry.incident_id,
        kind=entry.kind,
        body=text,
        actor_id=by.id,
        actor_name=by.name,
        at=entry.at,
        refs=entry.refs,
        replaces_id=entry.id,
        version=entry.version + 1,
    )
    session.add(version)
    session.flush()
    live.tell(session, f"incident-{entry.incident_id}", f"timeline-{entry.incident_id}")
    return version


def _checked(body: str) -> str:
    text = body.replace("\0", "").strip()
    if not text:
        raise Refused("The note is empty, so nothing was added. Write what you see.", field="body")
    if len(text) > LONGEST:
        raise Refused(f"The note has {len(text):,} characters; {LONGEST:,} fit. Nothing was added: shorten it.", field="body")
    return text


def _past(incident: Incident, at: datetime | None) -> datetime | None:
    if at and at > now():
        raise Refused("The time of the note lies in the future, so nothing was added. Leave it empty for now.", field="at")
    if at and at < incident.since - FARTHEST:
        raise Refused(f"The time lies more than a year before {incident.ref} began, so nothing was added. Correct the date.", field="at")
    return at
