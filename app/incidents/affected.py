"""Which services an incident touches, which of their releases is under suspicion, and who may know of it."""

from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.audit import actions as audit
from app.catalog import releases
from app.catalog.models import Release, Service, Target
from app.core import live
from app.core.errors import Forbidden, Refused
from app.incidents import timeline
from app.incidents.models import Incident, IncidentService


def touch(session: Session, incident: Incident, service: Service, *, by: Person) -> None:
    """Add a service, found within the person's reach. Touched already: nothing happens."""
    session.refresh(incident, with_for_update=True)
    if session.get(IncidentService, (incident.id, service.id)):
        return
    session.add(IncidentService(incident_id=incident.id, service_id=service.id))
    _changed(session, incident, f"added the service {service.slug}", by=by)


def leave(session: Session, incident: Incident, service: Service, *, by: Person) -> None:
    """Take a service off. Refused for the last one: without a service everybody who is signed in could read the incident."""
    session.refresh(incident, with_for_update=True)
    count = session.scalar(select(func.count()).where(IncidentService.incident_id == incident.id))
    if session.get(IncidentService, (incident.id, service.id)) is None:
        return
    if count == 1 and not incident.is_restricted:
        raise Refused(
            f"{service.slug} is the only service of {incident.ref}. Without one, everybody who is signed in could read the incident. "
            "Nothing was changed: add the right service first, or restrict the incident."
        )
    session.execute(delete(IncidentService).where(IncidentService.incident_id == incident.id, IncidentService.service_id == service.id))
    _changed(session, incident, f"took off the service {service.slug}", by=by)


def suspect(session: Session, incident: Incident, service: Service, release: Release | None, *, by: Person) -> None:
    """Name the release that is under suspicion, or none. A service that was not touched yet is added. Named already: nothing happens.

    Forbidden to somebody who does not respond for that service: a suspect release is no longer offered as good.
    """
    if not by.may(Permission.RESPOND, {service.id}):
        raise Forbidden(f"You do not respond for {service.slug}, so its release stays as it is. Ask somebody who does, or write a note.")
    if release and session.get_one(Target, release.target_id).service_id != service.id:
        raise Refused(f"{release.version} is not a release of {service.slug}. Nothing was changed: choose one of its own.")
    session.refresh(incident, with_for_update=True)
    touched = session.get(IncidentService, (incident.id, service.id))
    if touched is None:
        touched = IncidentService(incident_id=incident.id, service_id=service.id)
        session.add(touched)
    if touched.suspect_release_id == (release.id if release else None):
        return
    touched.suspect_release_id = release.id if release else None
    if release is None:
        _changed(session, incident, f"took back the suspicion against the release of {service.slug}", by=by)
        return
    releases.suspect(session, release, incident_ref=incident.ref, by=by)
    _changed(session, incident, f"named {service.slug} {release.version} as the suspect", by=by, release=release.id)


def restrict(session: Session, incident: Incident, restricted: bool, *, by: Person) -> None:
    """Hide an incident without services from people who may not read every service, or open it to everybody who is signed in.

    Forbidden to somebody who would lose sight of it.
    """
    session.refresh(incident, with_for_update=True)
    if incident.is_restricted == restricted:
        return
    if restricted and not by.reach().everything:
        raise Forbidden(f"{incident.ref} stays as it is: restricted, you could not read it yourself. Somebody who reads every service can.")
    incident.is_restricted = restricted
    line = (
        "restricted the incident to people who may read every service" if restricted else "opened the incident to everybody who may read it"
    )
    _changed(session, incident, line, by=by)


def _changed(session: Session, incident: Incident, line: str, *, by: Person, **refs: Any) -> None:
    session.flush()
    timeline.record(session, incident, line, kind="facts", by=by, **refs)
    audit.record(session, "incident.change", f"incident-{incident.id}", actor=by.actor, actor_name=by.name, lines=[line])
    live.tell(session, "board")
