"""What the fields say about one incident now. Every value is plain text; '' where nobody knows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.core.database import db_now
from app.core.settings import settings
from app.decisions import queries as decisions
from app.incidents import roles
from app.incidents.models import Incident, IncidentService, TimelineEntry
from app.incidents.states import State
from app.notifications.fields import ASKED
from app.notifications.kinds import OUTSIDE, Audience
from app.notifications.render import clean
from app.runs import queries as runs
from app.runs.models import Run
from app.verification import queries as verifications
from app.verification.models import Verification

STATUS = {
    State.DETECTED: "being assessed",
    State.ASSESSED: "assessed, being decided",
    State.DECIDED: "decided, recovery is being prepared",
    State.RECOVERING: "recovering",
    State.VERIFYING: "being verified",
    State.RESOLVED: "resolved",
    State.REVIEWED: "resolved and reviewed",
    State.CANCELLED: "cancelled",
    State.DUPLICATE: "part of another incident",
}
TOLD_LINES = 5
TOLD_KINDS = ("state", "run", "verification", "notice")  # what was done and found; notes and facts stay inside the console


@dataclass(frozen=True)
class Next:
    """When people hear again: the moment, and how often after that (minutes)."""

    at: datetime | None
    every_min: int | None


def values(session: Session, incident: Incident, told: Mapping[str, Any], audience: Audience, next_: Next) -> dict[str, str]:
    """The value of every field, by name. What a person told beats what the console knows."""
    now = db_now(session)
    found = _facts(session, incident, now) | _cadence(next_, now)
    if audience not in OUTSIDE:
        found |= _inside(session, incident)
    found |= {field.name: str(told[field.name]) for field in ASKED if told.get(field.name)}
    return {name: clean(value).strip() for name, value in found.items()}


def _facts(session: Session, incident: Incident, now: datetime) -> dict[str, str]:
    touched = select(IncidentService).where(IncidentService.incident_id == incident.id).options(joinedload(IncidentService.service))
    names = [link.service.name for link in session.scalars(touched)]
    return {
        "status": STATUS[State(incident.state)],
        "severity": incident.severity,
        "services": _listed(names),
        "impact": " ".join(incident.impact.split()),
        "affected": "" if incident.affected_percent is None else f"{incident.affected_percent:g}\u00a0% of users",
        "began": stamp(incident.since),
        "declared": stamp(incident.declared_at),
        "duration": lasted((incident.resolved_at or now) - incident.since),
        "now": stamp(now),
    }


def _cadence(next_: Next, now: datetime) -> dict[str, str]:
    at, every = next_.at, next_.every_min
    return {
        "next_update": f"by {stamp(at, since=now)}" if at else "",
        "cadence": f"then every {lasted(timedelta(minutes=every))}" if at and every else "",
    }


def _inside(session: Session, incident: Incident) -> dict[str, str]:
    """What the console knows and people outside need not know."""
    ran, verified = runs.runs_of(session, incident, limit=1), verifications.of_incident(session, incident)
    run, verification = (ran[0] if ran else None), (verified[0] if verified else None)
    return {
        "title": incident.title,
        "incident": incident.ref,
        "suspect": _suspects(session, incident),
        "action": _action(session, incident, run, verification),
        "eta": _eta(run),
        "timeline": _timeline(session, incident),
        "commander": _holder(session, incident, roles.COMMANDER),
        "communications": _holder(session, incident, roles.COMMS),
        "recovery": f"{_named(run)}: {run.sentence or run.state}" if run else "",
        "verdict": verification.sentence if verification else "",
        "resolution": f"{_named(run)} brought it back." if run and _held(run, verification) else "",
        "link": f"{settings().base_url}/incidents/{incident.id}",
    }


def _suspects(session: Session, incident: Incident) -> str:
    query = select(IncidentService).where(IncidentService.incident_id == incident.id, IncidentService.suspect_release_id.is_not(None))
    query = query.options(joinedload(IncidentService.service), joinedload(IncidentService.suspect_release))
    return _listed(f"{link.service.name} {link.suspect_release.version}" for link in session.scalars(query) if link.suspect_release)


def _action(session: Session, incident: Incident, run: Run | None, verification: Verification | None) -> str:
    if verification and verification.state == "watching":
        return "we watch whether the recovery holds"
    if run and run.state in {"queued", "running", "needs_attention", "awaiting_approval"}:
        return f"{_named(run)} ({run.state.replace('_', ' ')})"
    decision = decisions.current_decision(session, incident)
    return {"rollback": "we roll back", "fix_forward": "we fix forward"}.get(decision.choice, "") if decision else ""


def _eta(run: Run | None) -> str:
    """Only for a run that goes on, and only from what its plan expected: a guess would be a promise."""
    if run is None or run.state != "running" or not run.started_at or not run.plan.expected_s:
        return ""
    return f"about {stamp(run.started_at + timedelta(seconds=run.plan.expected_s), since=run.started_at)}, then we verify"


def _timeline(session: Session, incident: Incident) -> str:
    reminders = (TimelineEntry.kind == "notice") & TimelineEntry.is_system  # who is late is no news for those who are told
    query = select(TimelineEntry).where(TimelineEntry.incident_id == incident.id, TimelineEntry.kind.in_(TOLD_KINDS), ~reminders)
    newest = session.scalars(query.order_by(TimelineEntry.at.desc(), TimelineEntry.id.desc()).limit(TOLD_LINES)).all()
    return "\n".join(f"{entry.at.astimezone(UTC):%H:%M} {entry.actor_name} {' '.join(entry.body.split())[:200]}" for entry in newest[::-1])


def _holder(session: Session, incident: Incident, role: str) -> str:
    holder = roles.holder_of(session, incident, role)
    return holder.user.name if holder else ""


def _named(run: Run) -> str:
    return f"{run.plan.title or run.plan.kind.replace('_', ' ')} (run {run.id})"


def _held(run: Run, verification: Verification | None) -> bool:
    return run.state == "succeeded" and verification is not None and verification.verdict == "recovered"


def _listed(names: Any) -> str:
    several = list(names)
    return several[0] if len(several) == 1 else f"{', '.join(several[:-1])} and {several[-1]}" if several else ""


def stamp(moment: datetime, *, since: datetime | None = None) -> str:
    """ "14:36 UTC" on the day of `since`, else with the day: "24 Nov 2026, 14:36 UTC"."""
    moment = moment.astimezone(UTC)
    same = since is not None and since.astimezone(UTC).date() == moment.date()
    return moment.strftime("%H:%M UTC" if same else "%-d %b %Y, %H:%M UTC")


def lasted(length: timedelta) -> str:
    """ "48 seconds", "12 minutes", "3 hours 20 minutes", in words, as one reads it aloud."""
    seconds = max(int(length.total_seconds()), 0)
    if seconds < 60:
        return _count(seconds, "second")
    hours, minutes = divmod(seconds // 60, 60)
    days, hours = divmod(hours, 24)
    parts = [_count(number, word) for number, word in ((days, "day"), (hours, "hour"), (minutes, "minute")) if number]
    return " ".join(parts[:2])


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
