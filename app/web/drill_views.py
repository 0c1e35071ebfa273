"""What the pages of drills and their scripts draw."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.policy import P, Person
from app.catalog import queries as catalog
from app.catalog.models import Service
from app.core.errors import NotFound
from app.core.settings import settings
from app.drills import grounds, practice, queries, scoring
from app.drills.models import Drill, Inject
from app.drills.scoring import Score
from app.executors.checks.figures import span
from app.incidents import queries as incidents


@dataclass(frozen=True)
class Measure:
    """One line of the result: in words, what earlier drills came to, and whether this one is better or worse than their median."""

    name: str
    words: str
    usual: str = ""
    compared: str = ""  # "40 s faster", "2 fewer in time", …; empty where nothing can be compared


def index(db: Session, me: Person) -> dict[str, Any]:
    """The drills that go on, those that are over, and when each service was last practised."""
    reach = me.reach()
    return {
        "running": queries.running(db, reach=reach),
        "ended": queries.ended(db, reach=reach),
        "practised": practice.of(db, catalog.services(db, reach=reach)),
        "stale_days": settings().drill_stale_days,
        "may_edit": me.may(P.EDIT_PROCEDURE),
        "may_start": {service_id for service_id in _ids(db, me) if me.may(P.EDIT_PROCEDURE, {service_id})},
    }


def starting(db: Session, service: Service, nonce: str = "") -> dict[str, Any]:
    """The form that starts a drill of a service."""
    targets = catalog.targets_of(db, service)
    return {
        "service": service,
        "scripts": queries.scripts_for(db, service.id),
        "targets": [
            (target, grounds.is_for_practice(target)) for target in sorted(targets, key=lambda one: not grounds.is_for_practice(one))
        ],
        "nonce": nonce or secrets.token_urlsafe(16),
    }


def shown(db: Session, drill: Drill, me: Person) -> dict[str, Any]:
    """One drill. What is still to come is for who leads it; when it is over, for everybody."""
    may_lead = me.may(P.EDIT_PROCEDURE, {drill.service_id})
    leads = queries.leads(drill, me)
    earlier = queries.earlier(db, drill)
    incident = drill.incident if drill.incident and _sees(db, drill, me) else None
    return {
        "drill": drill,
        "incident": incident,
        "leads": leads,
        "may_lead": may_lead and not leads and drill.ended_at is None,
        "facts": queries.told_to(drill, me),
        "next": _next(drill) if leads else None,
        "sees_all": leads or drill.ended_at is not None,
        "measures": measures(scoring.of(db, drill), [scoring.of(db, one) for one in earlier], is_over=drill.ended_at is not None),
        "earlier": earlier,
        "is_for_practice": drill.target is None or not drill.accepts_production,
        "declare": f"/incidents/new?is_drill=1&service={drill.service.slug}",
        "may_declare": me.may(P.DECLARE),
    }


def measures(score: Score, earlier: Sequence[Score], *, is_over: bool) -> list[Measure]:
    """The five numbers beside what earlier drills of the service came to."""
    missing = "not reached" if is_over else "not yet"
    found = [
        _time(name, getattr(score, field), [getattr(one, field) for one in earlier], missing)
        for name, field in (("Time to declare", "declare"), ("Time to decide", "decide"), ("Time to recover", "recover"))
    ]
    for name, field in (("Updates in time", "updates"), ("Checklist items done", "items")):
        found.append(_share(name, getattr(score, field), [getattr(one, field) for one in earlier]))
    return found


def _time(name: str, seconds: float | None, before: Sequence[float | None], missing: str) -> Measure:
    usual = _median([one for one in before if one is not None])
    words, usually = missing if seconds is None else span(seconds), "" if usual is None else span(usual)
    if seconds is None or usual is None:
        return Measure(name, words, usually)
    apart = seconds - usual
    compared = "as before" if abs(apart) < 1 else f"{span(abs(apart))} {'slower' if apart > 0 else 'faster'}"
    return Measure(name, words, usually, compared)


def _share(name: str, counted: tuple[int, int] | None, before: Sequence[tuple[int, int] | None]) -> Measure:
    usual = _median([100 * done / of for done, of in (one for one in before if one) if of])
    words, usually = f"{counted[0]} of {counted[1]}" if counted else "none were due", "" if usual is None else f"{usual:.0f}\u00a0%"
    if not counted or not counted[1] or usual is None:
        return Measure(name, words, usually)
    apart = 100 * counted[0] / counted[1] - usual
    return Measure(name, words, usually, "as before" if abs(apart) < 1 else "more" if apart > 0 else "fewer")


def _median(values: Sequence[float]) -> float | None:
    found, middle = sorted(values), len(values) // 2
    if not found:
        return None
    return found[middle] if len(found) % 2 else (found[middle - 1] + found[middle]) / 2


def _next(drill: Drill) -> Inject | None:
    return next((fact for fact in sorted(drill.injects, key=lambda one: (one.due_at, one.position)) if fact.state == "waiting"), None)


def _sees(db: Session, drill: Drill, me: Person) -> bool:
    """An incident can be restricted to fewer people than the service."""
    try:
        return bool(drill.incident_id and incidents.get(db, drill.incident_id, reach=me.reach()))
    except NotFound:
        return False


def _ids(db: Session, me: Person) -> list[int]:
    return [service.id for service in catalog.services(db, reach=me.reach(P.EDIT_PROCEDURE))]
