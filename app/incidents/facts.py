"""The facts of an incident: what a person can correct while it runs."""

from datetime import datetime
from typing import Any, TypedDict, Unpack

from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.audit import actions as audit
from app.core import live
from app.core.clock import now
from app.core.errors import Conflict, Invalid
from app.incidents import timeline
from app.incidents.models import Incident
from app.incidents.states import TROUBLE_NAMES, Severity, Trouble

LONGEST_IMPACT = 2000


class Facts(TypedDict, total=False):
    title: str
    severity: str
    trouble: str  # a Trouble; empty: nobody has said
    impact: str
    affected_percent: float | None
    began_at: datetime | None  # None: unknown
    is_drill: bool


def of(incident: Incident) -> Facts:
    """The facts as they stand: what a form shows, and hands back as `was`."""
    return Facts(
        title=incident.title,
        severity=incident.severity,
        trouble=incident.trouble,
        impact=incident.impact,
        affected_percent=incident.affected_percent,
        began_at=incident.began_at,
        is_drill=incident.is_drill,
    )


def change(session: Session, incident: Incident, *, was: Facts | None = None, by: Person, **new: Unpack[Facts]) -> list[str]:
    """Correct facts, each with a line of its own; returns the lines. What equals the present fact writes nothing.

    `was` is what the person had before their eyes. Facts that they left alone keep what others wrote meanwhile; a fact that both
    changed is a Conflict, and nothing is changed.
    """
    session.refresh(incident, with_for_update=True)
    present, wanted = of(incident), checked(new, nothing="Nothing was changed")
    if was is not None:
        wanted = _merged(incident, was=was, wanted=wanted, present=present)
    told = {name: _line(name, present.get(name), value) for name, value in wanted.items() if value != present.get(name)}
    lines = list(told.values())
    if not lines:
        return []
    for name, value in wanted.items():
        setattr(incident, name, value)
    session.flush()
    for name, line in told.items():
        # a severity that somebody set is also one that somebody confirmed
        refs: dict[str, Any] = {"severity": incident.severity} if name == "severity" else {}
        timeline.record(session, incident, line, kind="facts", by=by, fact=name, **refs)
    audit.record(session, "incident.change", f"incident-{incident.id}", actor=by.actor, actor_name=by.name, lines=lines)
    live.tell(session, "board")
    return lines


def confirm_severity(session: Session, incident: Incident, *, seen: str, by: Person) -> None:
    """Say that the severity is right as it is. Conflict where it is not the one that the person saw."""
    session.refresh(incident, with_for_update=True)
    if incident.severity != seen:
        raise Conflict(f"The severity of {incident.ref} is {incident.severity} by now. Nothing was confirmed: look again.")
    line = f"confirmed the severity: {incident.severity}"
    timeline.record(session, incident, line, kind="facts", by=by, severity=incident.severity)
    audit.record(session, "incident.confirm", f"incident-{incident.id}", actor=by.actor, actor_name=by.name, severity=incident.severity)


def checked(facts: Facts, *, nothing: str) -> Facts:
    """The facts as they are kept. Invalid names every wrong one; `nothing` says what is true now ("Nothing was changed")."""
    kept, problems, percent = facts.copy(), {}, facts.get("affected_percent")
    if "title" in facts:
        kept["title"] = " ".join(facts["title"].replace("\0", "").split())
        if not 1 <= len(kept["title"]) <= 200:
            problems["title"] = f"An incident needs a title of 1 to 200 characters. {nothing}: say in a few words what fails."
    if "impact" in facts:
        kept["impact"] = facts["impact"].replace("\0", "").strip()
        if len(kept["impact"]) > LONGEST_IMPACT:
            problems["impact"] = f"The impact has {len(kept['impact']):,} characters; {LONGEST_IMPACT:,} fit. {nothing}: shorten it."
    if "severity" in facts and facts["severity"] not in list(Severity):
        problems["severity"] = f"The severity is one of {', '.join(Severity)}. {nothing}: choose one."
    if facts.get("trouble") and facts["trouble"] not in list(Trouble):
        problems["trouble"] = f"The kind of trouble is one of {', '.join(Trouble)}. {nothing}: choose one, or leave it empty."
    if percent is not None and not 0 <= percent <= 100:
        problems["affected_percent"] = f"The share of users is a number from 0 to 100. {nothing}: correct it, or leave it empty."
    if (began_at := facts.get("began_at")) and began_at > now():
        problems["began_at"] = f"The beginning lies in the future. {nothing}: leave it empty if it is unknown."
    if problems:
        raise Invalid(problems)
    return kept


def _merged(incident: Incident, *, was: Facts, wanted: Facts, present: Facts) -> Facts:
    """What the person changed themselves, without what they only saw."""
    for name, value in wanted.items():
        if value not in (was.get(name), present.get(name)) and present.get(name) != was.get(name):
            raise Conflict(
                f"Somebody else {_line(name, was.get(name), present.get(name))} while you were writing. "
                f"Nothing of yours was saved: look at {incident.ref} again, then change what is still wrong."
            )
    merged: Facts = wanted.copy()
    for name in wanted:
        if wanted.get(name) == was.get(name):
            merged.pop(name)  # type: ignore[misc]  # a key of Facts by construction
    return merged


def _line(name: str, old: object, new: object) -> str:
    match name:
        case "title":
            return f"renamed the incident from “{old}” to “{new}”"
        case "severity":
            return f"set the severity from {old} to {new}"
        case "trouble":
            return f"set the kind of trouble to {TROUBLE_NAMES[str(new)].lower()}" if new else "set the kind of trouble to unknown"
        case "impact":
            return f"set the impact: {new}" if new else "took back the impact"
        case "affected_percent":
            return "set the share of affected users to unknown" if new is None else f"set the share of affected users to {new:g}\u00a0%"
        case "began_at":
            return f"set the beginning to {new:%Y-%m-%d %H:%M} UTC" if isinstance(new, datetime) else "set the beginning to unknown"
        case _:
            return "marked the incident as a drill" if new else "said that the incident is real, not a drill"
