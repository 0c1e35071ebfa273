"""Running copies: which lists an incident gets by itself, and those that somebody begins by hand."""

from collections.abc import Iterable, Sequence

from sqlalchemy import insert as plain
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.audit import actions as audit
from app.catalog.models import Service
from app.checklists import binding, queries
from app.checklists.models import Checklist, ChecklistTemplate, Item, TemplateVersion
from app.checklists.phases import ListPhase
from app.core import live
from app.core.errors import Refused
from app.incidents import queries as incidents
from app.incidents import timeline
from app.incidents.models import Incident


def attach(session: Session, incident: Incident, *, by: Person) -> list[int]:
    """Give the incident every list that is for its severity and services and that it has not, and return their ids.

    What it has stays, whatever its severity becomes. Any number of times, by any number at once: each list is there once.
    """
    services = incidents.service_ids(session, incident)
    wanted = [pair for pair in queries.templates(session) if _fits(pair, incident.severity, services)]
    had = incident.id in queries.standing(session, [incident])
    made = _copied(session, wanted, by=by, incident_id=incident.id)
    if not made:
        return []
    actor = by.actor if by.id else "system"
    listed = [name for _, name in made]
    if had:
        line = f"added {_quoted(listed)}, now that the incident is {incident.severity}"
        timeline.record(session, incident, line, kind="checklist", by=by, is_system=True)
        live.tell(session, f"incident-{incident.id}")
    binding.settle(session, incident)
    audit.record_at_commit(session, "checklist.attach", f"incident-{incident.id}", actor=actor, actor_name=by.name, lists=listed)
    return [checklist_id for checklist_id, _ in made]


def begin(
    session: Session,
    template: ChecklistTemplate,
    *,
    incident: Incident | None = None,
    service: Service | None = None,
    form_nonce: str,
    by: Person,
) -> Checklist:
    """Begin a list by hand: of an incident, once, or of a service, as often as somebody deploys. The same form twice begins one."""
    pair = queries.get_template(session, template.id)
    if template.archived_at:
        raise Refused(f"“{pair[1].name}” was put away. Nothing was begun: choose another list.")
    subject = {"incident_id": incident.id if incident else None, "service_id": service.id if service else None}
    made = _copied(session, [pair], by=by, form_nonce=form_nonce, **subject)
    if not made:
        there = Checklist.form_nonce == form_nonce
        if incident:
            there |= (Checklist.incident_id == incident.id) & (Checklist.template_id == template.id)
        return session.scalars(select(Checklist).where(there)).one()
    if incident:
        timeline.record(session, incident, f"began the list {_quoted([pair[1].name])}", kind="checklist", by=by, checklist=made[0][0])
        binding.settle(session, incident)
    about = f"incident-{incident.id}" if incident else f"service-{service.id}" if service else ""
    audit.record_at_commit(session, "checklist.begin", about, actor=by.actor, actor_name=by.name, list=pair[1].name)
    live.tell(session, about)
    return session.get_one(Checklist, made[0][0])


def _fits(pair: queries.Template, severity: str, services: Iterable[int]) -> bool:
    template, version = pair
    if template.phase == ListPhase.DEPLOYMENT:
        return False
    by_service = not version.service_ids or bool(set(version.service_ids) & set(services))
    return by_service and (not version.severities or severity in version.severities)


def _copied(session: Session, pairs: Sequence[queries.Template], *, by: Person, **subject: int | str | None) -> list[tuple[int, str]]:
    """Copy each version into a list that later versions do not touch; one that is there already is left alone. (id, name) of the new."""
    if not pairs:
        return []
    rows = [
        {"template_id": template.id, "version": version.number, "phase": template.phase, "name": version.name, "begun_by": by.name}
        | subject
        for template, version in pairs
    ]
    query = insert(Checklist).values(rows).on_conflict_do_nothing().returning(Checklist.id, Checklist.template_id)
    made = {template_id: checklist_id for checklist_id, template_id in session.execute(query)}
    copied = [(made[template.id], version) for template, version in pairs if template.id in made]
    if items := [row for checklist_id, version in copied for row in _items(checklist_id, version)]:
        session.execute(plain(Item), items)
    return [(checklist_id, version.name) for checklist_id, version in copied]


def _items(checklist_id: int, version: TemplateVersion) -> list[dict[str, object]]:
    return [{"checklist_id": checklist_id, "position": place, **item} for place, item in enumerate(version.items)]


def _quoted(listed: Sequence[str]) -> str:
    return ", ".join(f"“{name}”" for name in listed)
