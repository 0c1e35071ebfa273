"""Who may hear a name on the live stream. A name says only that something changed, but even that is not everybody's business."""

import re
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.accounts.policy import Reach
from app.checklists.models import Checklist
from app.drills.models import Drill
from app.incidents.models import Incident, IncidentService
from app.runs.models import Plan, Run
from app.verification.models import Verification

FOR_ALL = {"board", "services", "people", "all"}
NAME = re.compile(r"[a-z]+(-[0-9]{1,10})?")


@dataclass(frozen=True)
class Audience:
    """Those whose reach includes one of the services; those who read anything at all, where it is `open`."""

    services: frozenset[int] = frozenset()
    open: bool = False

    def includes(self, reach: Reach) -> bool:
        return reach.everything or bool(self.services & reach.service_ids) or (self.open and bool(reach))


def audience(session: Session, name: str) -> Audience:
    """The audience of "run-12" and its like, as this moment's rows have it. Unknown names are for those who read everything."""
    if name in FOR_ALL:
        return Audience(open=True)
    kind, _, number = name.partition("-")
    if kind == "service":
        return Audience(frozenset({int(number)}))
    if kind in {"incident", "timeline"}:
        return _of_incident(session, int(number))
    if kind == "checklist":
        return _of_checklist(session, int(number))
    if kind in SERVICES:
        return Audience(frozenset(session.scalars(SERVICES[kind].where(KEYS[kind] == int(number)))))
    return Audience()


SERVICES: dict[str, Select[int]] = {
    "drill": select(Drill.service_id),
    "plan": select(Plan.service_id),
    "run": select(Run.service_id),
    "verification": select(Verification.service_id),
}
KEYS = {"drill": Drill.id, "plan": Plan.id, "run": Run.id, "verification": Verification.id}


def _of_checklist(session: Session, checklist_id: int) -> Audience:
    checklist = session.get(Checklist, checklist_id)
    if checklist and checklist.incident_id:
        return _of_incident(session, checklist.incident_id)
    return Audience(frozenset({checklist.service_id} if checklist and checklist.service_id else ()))


def _of_incident(session: Session, incident_id: int) -> Audience:
    services = frozenset(session.scalars(select(IncidentService.service_id).where(IncidentService.incident_id == incident_id)))
    restricted = session.scalar(select(Incident.is_restricted).where(Incident.id == incident_id))
    return Audience(services, open=not services and restricted is False)
