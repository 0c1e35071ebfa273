"""Everything that the pages and pieces of one incident draw."""

from typing import Any

from sqlalchemy.orm import Session

from app.accounts.policy import P, Person
from app.catalog import queries as catalog
from app.checklists import queries as checklists
from app.decisions import queries as decisions
from app.incidents import history, queries
from app.incidents.models import Incident
from app.incidents.states import PHASES, Severity
from app.runs import queries as runs
from app.verification import queries as verifications
from app.web import checklist_views, decision_views, incident_views, notice_views, paging_views, status_views, timeline_views, what_now

NEWEST = 40  # lines beside the cockpit; the timeline's own page has the rest


def header(db: Session, incident: Incident, me: Person, tab: str) -> dict[str, Any]:
    """The header that stands on every tab."""
    return {
        "incident": incident,
        "phases": incident_views.phases(db, incident),
        "reached": PHASES.index(incident.state) + 1 if incident.state in PHASES else 0,
        "roles": incident_views.role_views(incident),
        "can": incident_views.rights(incident, me),
        "severities": Severity,
        "question": decision_views.question(db, incident, me),
        "ticks": checklists.standing(db, [incident]).get(incident.id),
        "due": notice_views.clock(db, incident, me),
        "tab": tab,
    }


def whole(db: Session, incident: Incident, me: Person) -> dict[str, Any]:
    """The cockpit."""
    services = incident_views.touched(db, incident, me=me)
    pane = checklist_views.pane(db, incident, me)
    more = {
        "services": services,
        "pane": pane,
        "public": status_views.beside(db, incident, me),
        "alerting": paging_views.beside(db, incident, me),
    }
    return header(db, incident, me, "cockpit") | recovery(db, incident, services, me) | log(db, incident, me) | more


def now(db: Session, incident: Incident, me: Person) -> dict[str, Any]:
    """The panel "What now" and the list of recoveries under it."""
    services = incident_views.touched(db, incident, me=me)
    return recovery(db, incident, services, me) | {"incident": incident, "services": services, "can": incident_views.rights(incident, me)}


def recovery(db: Session, incident: Incident, services: list[incident_views.ServiceView], me: Person) -> dict[str, Any]:
    """What runs and ran for the incident, of services that the reader may see."""
    ran = [run for run in runs.runs_of(db, incident, limit=20) if me.may(P.READ, {run.service_id})]
    verified = [one for one in verifications.of_incident(db, incident) if me.may(P.READ, {one.service_id})]
    decision, assessment = decisions.current_decision(db, incident), decisions.assessment(db, incident)
    until = None if decision else decisions.decide_by(db, incident)[0]
    told = what_now.Told(decision, assessment, until)
    what = what_now.of(incident, services=services, runs=ran, verifications=verified, told=told)
    return {"what": what, "runs": ran, "verifications": verified}


def sides(db: Session, incident: Incident, me: Person) -> dict[str, Any]:
    """Services with their figures, contacts and links."""
    return {
        "incident": incident,
        "services": incident_views.touched(db, incident, me=me),
        "can": incident_views.rights(incident, me),
        "roles": incident_views.role_views(incident),
        "public": status_views.beside(db, incident, me),
        "alerting": paging_views.beside(db, incident, me),
    }


def log(db: Session, incident: Incident, me: Person) -> dict[str, Any]:
    """The newest lines of the timeline."""
    page = history.page(db, incident, limit=NEWEST)
    return {
        "incident": incident,
        "can": incident_views.rights(incident, me),
        "groups": timeline_views.draw(db, incident, page.entries, me=me),
        "older": page.older,
    }


def to_add(db: Session, incident: Incident, me: Person) -> dict[str, Any]:
    """The services that can be added, those that changed lately first."""
    held = {link.service_id for link in incident.services}
    changes = [change for change in catalog.recent_changes(db, reach=me.reach()) if change.service.id not in held]
    changed = {change.service.id for change in changes}
    others = [one for one in catalog.services(db, reach=me.reach()) if one.id not in held | changed]
    return {"changes": changes, "others": others}


def again(db: Session, incident: Incident) -> Incident:
    """The incident after a verb has changed it."""
    return queries.shown(db, incident)
