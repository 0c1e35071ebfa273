"""What the command board draws: trouble that nobody declared, open incidents and what runs for them, recent changes, what ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from app.accounts.policy import P, Person
from app.catalog import queries as catalog
from app.checklists import queries as checklists
from app.checklists.queries import Standing
from app.drills import practice
from app.incidents import queries as incidents
from app.incidents import roles, signals
from app.incidents.models import Incident, RoleHolder
from app.incidents.signals import Trouble
from app.incidents.states import PHASES, State
from app.reviews import items, signing
from app.runs import queries as runs
from app.runs.models import Run
from app.verification import queries as verifications
from app.verification.models import Verification
from app.web.figures import Figure, draw

MANY = 100  # open incidents are counted no further


@dataclass(frozen=True)
class Row:
    """An open incident, with what goes on for it."""

    incident: Incident
    reached: int  # of seven phases
    commander: RoleHolder | None
    run: Run | None
    verification: Verification | None
    ticks: Standing | None  # how far its checklists are


@dataclass(frozen=True)
class TroubleRow:
    """A service in trouble, with the address that declares it: title, service and beginning are filled in."""

    trouble: Trouble
    figure: Figure
    title: str
    declare: str


def board(db: Session, me: Person) -> dict[str, Any]:
    """The whole board, within the reader's reach."""
    reach = me.reach()
    changes = catalog.recent_changes(db, reach=reach)
    active = runs.active_runs(db, reach=reach)
    found = incidents.worst_open(db, reach=reach)
    rows = _rows(db, found, active)
    listed = {row.incident.id for row in rows}
    has_services = bool(changes) or bool(catalog.services(db, reach=reach))
    return {
        "open_count": incidents.count_open(db, reach=reach, limit=MANY),
        "rows": rows,
        "troubles": [_trouble(sign) for sign in signals.undeclared(db, reach=reach, changes=changes)],
        "changes": changes[:8],
        "more_changes": max(0, len(changes) - 8),
        "running": active,
        "elsewhere": [run for run in active if run.incident_id not in listed],
        "ended": incidents.recently_ended(db, reach=reach),
        "overdue": items.overdue(db, reach=reach),
        "to_sign": signing.waiting_for(db, me),
        "unpractised": practice.stale(db, reach=reach),
        "has_services": has_services,
        "is_new": not has_services and me.may(P.EDIT_SERVICE),
        "may_declare": me.may(P.DECLARE),
    }


def _rows(db: Session, found: Sequence[Incident], active: Sequence[Run]) -> list[Row]:
    running = {run.incident_id: run for run in reversed(active)}
    ticks = checklists.standing(db, found)
    return [
        Row(
            incident=incident,
            reached=PHASES.index(State(incident.state)) + 1,
            commander=next((holder for holder in incident.roles if holder.role == roles.COMMANDER), None),
            run=running.get(incident.id),
            verification=_watched(db, incident),
            ticks=ticks.get(incident.id),
        )
        for incident in found
    ]


def _watched(db: Session, incident: Incident) -> Verification | None:
    """The verification that goes on; asked only where the state says that there may be one."""
    if State(incident.state) not in {State.RECOVERING, State.VERIFYING}:
        return None
    return next((one for one in verifications.of_incident(db, incident) if one.state == "watching"), None)


def _trouble(sign: Trouble) -> TroubleRow:
    worst = sign.failing[0]
    change = sign.change if sign.follows else None
    figure = draw(worst.check, worst.hour, marks=[change.rollout.began_at] if change else [])
    what = f"{worst.check.name} {figure.text}".strip()
    title = f"{sign.service.name}: {what}" + (f" since {change.release.version}" if change else "")
    query = {"title": title[:200], "service": sign.service.slug, "began_at": f"{sign.since:%Y-%m-%dT%H:%M:%S}"}
    return TroubleRow(sign, figure, title, f"/incidents/new?{urlencode(query)}")
