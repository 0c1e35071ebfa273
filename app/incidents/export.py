"""An incident on paper: its facts and its whole timeline, oldest first, as markdown or as JSON.

Both are written piece by piece from a cursor, so that ten thousand lines cost no memory. Whoever calls has looked the incident up
within the reader's reach.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.core.clock import now
from app.incidents import queries
from app.incidents.models import Incident, RoleHolder, TimelineEntry
from app.incidents.states import TROUBLE_NAMES

BATCH = 500


def markdown(session: Session, incident: Incident) -> Iterator[str]:
    """One heading, the facts as a list, the timeline by day; notes keep their own markdown, indented under their line."""
    incident = queries.shown(session, incident)
    yield f"# {incident.ref} {incident.title}\n\n"
    yield from (f"- {name}: {value}\n" for name, value in _facts(incident).items() if value)
    yield "\n## Roles\n\n"
    for holder in _holders(session, incident):
        until = _stamp(holder.until) if holder.until else "now"
        yield f"- {holder.role}: {holder.user.name}, {_stamp(holder.since)} to {until}" + (
            f" ({holder.briefing})\n" if holder.briefing else "\n"
        )
    yield "\n## Timeline\n"
    day = None
    for entry in _entries(session, incident):
        if entry.at.date() != day:
            day = entry.at.date()
            yield f"\n### {day}\n\n"
        yield _line(entry)
    yield f"\nExported {_stamp(now())} by Lastgood. Times are UTC.\n"


def as_json(session: Session, incident: Incident) -> Iterator[str]:
    """`{"incident": {…}, "roles": […], "phases": […], "timeline": […]}`; every version of every note, `replaces` names the older."""
    incident = queries.shown(session, incident)
    head = {
        "incident": _incident(incident),
        "roles": [_holder(one) for one in _holders(session, incident)],
        "phases": _phases(session, incident),
    }
    yield json.dumps(head, ensure_ascii=False)[:-1] + ', "timeline": ['
    separator = "\n"
    for entry in _entries(session, incident, every_version=True):
        yield separator + json.dumps(_entry(entry), ensure_ascii=False)
        separator = ",\n"
    yield "\n]}\n"


def _entries(session: Session, incident: Incident, *, every_version: bool = False) -> Iterator[TimelineEntry]:
    query = select(TimelineEntry) if every_version else queries.standing()
    query = query.where(TimelineEntry.incident_id == incident.id).order_by(TimelineEntry.at, TimelineEntry.id)
    for entry in session.scalars(query.execution_options(yield_per=BATCH)):
        yield entry
        session.expunge(entry)


def _holders(session: Session, incident: Incident) -> list[RoleHolder]:
    query = select(RoleHolder).where(RoleHolder.incident_id == incident.id).options(joinedload(RoleHolder.user)).order_by(RoleHolder.id)
    return list(session.scalars(query))


def _facts(incident: Incident) -> dict[str, str]:
    percent = "" if incident.affected_percent is None else f"{incident.affected_percent:g} % of users"
    return {
        "Severity": incident.severity + (" (drill)" if incident.is_drill else ""),
        "State": f"{incident.state} since {_stamp(incident.state_since)}",
        "Duplicate of": f"INC-{incident.duplicate_of_id}" if incident.duplicate_of_id else "",
        "Services": ", ".join(touched.service.slug for touched in incident.services),
        "Affected": percent,
        "Kind of trouble": TROUBLE_NAMES[incident.trouble] if incident.trouble else "",
        "Impact": " ".join(incident.impact.split()),
        "Began": _stamp(incident.began_at) if incident.began_at else "unknown",
        "Declared": _stamp(incident.declared_at),
        "Ended": _stamp(incident.resolved_at) if incident.resolved_at else "",
    }


def _line(entry: TimelineEntry) -> str:
    time = f"- **{entry.at:%H:%M:%S}** {entry.actor_name}"
    if entry.kind != "note":
        return f"{time} {entry.body}\n"
    edited = f" (version {entry.version})" if entry.version > 1 else ""
    return f"{time} noted{edited}:\n\n" + "".join(f"  {line}".rstrip() + "\n" for line in entry.body.splitlines()) + "\n"


def _incident(incident: Incident) -> dict[str, Any]:
    plain = ("title", "severity", "trouble", "state", "impact", "affected_percent", "is_drill", "is_restricted", "duplicate_of_id")
    times = ("began_at", "declared_at", "state_since", "resolved_at")
    return (
        {"ref": incident.ref, "id": incident.id}
        | {name: getattr(incident, name) for name in plain}
        | {name: _iso(getattr(incident, name)) for name in times}
        | {"services": [touched.service.slug for touched in incident.services]}
    )


def _holder(holder: RoleHolder) -> dict[str, Any]:
    times = {"since": _iso(holder.since), "until": _iso(holder.until)}
    return {"role": holder.role, "name": holder.user.name, "briefing": holder.briefing} | times


def _phases(session: Session, incident: Incident) -> list[dict[str, Any]]:
    return [
        {"state": phase.state, "by": phase.by, "reason": phase.reason, "from": _iso(phase.began_at), "to": _iso(phase.ended_at)}
        for phase in queries.phases(session, incident)
    ]


def _entry(entry: TimelineEntry) -> dict[str, Any]:
    plain = ("id", "kind", "is_system", "actor_name", "body", "refs", "version")
    times = {"at": _iso(entry.at), "recorded_at": _iso(entry.recorded_at)}
    return {name: getattr(entry, name) for name in plain} | times | {"replaces": entry.replaces_id}


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
