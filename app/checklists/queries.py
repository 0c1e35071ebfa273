"""What only reads checklists."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from app.accounts.policy import Reach
from app.catalog.models import Service
from app.catalog.queries import within
from app.checklists.models import Checklist, ChecklistTemplate, Item, ItemNote, Mark, TemplateVersion
from app.checklists.phases import ORDER, PRESENT, ListPhase
from app.core.errors import NotFound
from app.incidents.models import Incident, IncidentService
from app.incidents.queries import visible
from app.incidents.states import PHASES, State

Template = tuple[ChecklistTemplate, TemplateVersion]


@dataclass(frozen=True)
class Standing:
    """How far the lists of an incident are: items ticked or skipped, all items, and the ids of the lists."""

    done: int = 0
    total: int = 0
    lists: tuple[int, ...] = ()


def get(session: Session, checklist_id: int, *, reach: Reach) -> Checklist:
    """One list with its items and their owners. NotFound outside of the reader's reach."""
    query = select(Checklist).where(Checklist.id == checklist_id).outerjoin(Checklist.incident).outerjoin(Checklist.service)
    query = query.where(_within(reach)).options(contains_eager(Checklist.incident), contains_eager(Checklist.service), *_ITEMS)
    if found := session.scalar(query.execution_options(populate_existing=True)):
        return found
    raise NotFound


def get_item(session: Session, item_id: int, *, reach: Reach) -> Item:
    """One item as it is now, with its owner, its list and what that is of. NotFound outside of the reader's reach. One statement."""
    query = (
        select(Item)
        .where(Item.id == item_id, _within(reach))
        .join(Item.checklist)
        .outerjoin(Checklist.incident)
        .outerjoin(Checklist.service)
        .options(
            joinedload(Item.owner),
            contains_eager(Item.checklist).options(contains_eager(Checklist.incident), contains_eager(Checklist.service)),
        )
    )
    if found := session.scalar(query.execution_options(populate_existing=True)):
        return found
    raise NotFound


def services_of(session: Session, checklist: Checklist) -> frozenset[int]:
    """The services whose grants count for the list."""
    if checklist.service_id:
        return frozenset({checklist.service_id})
    return frozenset(session.scalars(select(IncidentService.service_id).where(IncidentService.incident_id == checklist.incident_id)))


def of_incident(session: Session, incident: Incident) -> list[Checklist]:
    """The lists of an incident with items and owners, in the order of the phases."""
    query = select(Checklist).where(Checklist.incident_id == incident.id).options(*_ITEMS)
    found = session.scalars(query.execution_options(populate_existing=True))
    return sorted(found, key=lambda one: (ORDER[ListPhase(one.phase)], one.id))


def present(lists: Sequence[Checklist], incident: Incident) -> list[Checklist]:
    """Those of the phase that the incident is in; none where it was cancelled."""
    phase = PRESENT.get(State(incident.state))
    return [one for one in lists if one.phase == phase]


def of_service(session: Session, service: Service, *, limit: int = 20) -> list[Checklist]:
    """The lists that were begun for a service itself, newest first."""
    query = select(Checklist).where(Checklist.service_id == service.id).options(*_ITEMS).order_by(Checklist.id.desc())
    return list(session.scalars(query.limit(limit)))


def standing(session: Session, incidents: Iterable[Incident]) -> dict[int, Standing]:
    """How far the lists of each incident are, by its id. Without lists: no entry. One query for all."""
    query = (
        select(Checklist.incident_id, Checklist.id, func.count().filter(Item.state != "open"), func.count())
        .join(Item, Item.checklist_id == Checklist.id)
        .where(Checklist.incident_id.in_([incident.id for incident in incidents]))
        .group_by(Checklist.incident_id, Checklist.id)
        .order_by(Checklist.id)
    )
    found: dict[int, Standing] = {}
    for incident_id, checklist_id, done, total in session.execute(query):
        so_far = found.get(incident_id or 0, Standing())
        found[incident_id or 0] = Standing(so_far.done + done, so_far.total + total, (*so_far.lists, checklist_id))
    return found


def progress(session: Session, incidents: Iterable[Incident]) -> dict[int, tuple[int, int]]:
    """How many items are ticked or skipped, of how many, by id of the incident. Without lists: no entry. One query for all."""
    return {incident_id: (one.done, one.total) for incident_id, one in standing(session, incidents).items()}


def open_required(session: Session, incident: Incident, *, before: State = State.RESOLVED) -> list[Item]:
    """Required items that nobody ticked or skipped, with their lists, in order: what stands in the way of resolving.

    The list "After" stands in the way of `State.REVIEWED` only; lists begun by hand for a deployment are in nobody's way.
    """
    phases = {phase for state, phase in PRESENT.items() if PHASES.index(state) < PHASES.index(before)}
    query = (
        select(Item)
        .join(Item.checklist)
        .where(Checklist.incident_id == incident.id, Checklist.phase.in_(sorted(phases)), Item.required, Item.state == "open")
        .options(contains_eager(Item.checklist))
    )
    found = session.scalars(query.execution_options(populate_existing=True))
    return sorted(found, key=lambda item: (ORDER[ListPhase(item.checklist.phase)], item.checklist_id, item.position))


def history(session: Session, item: Item, *, limit: int = 200) -> list[Mark]:
    """What happened to the item, newest first."""
    return list(session.scalars(select(Mark).where(Mark.item_id == item.id).order_by(Mark.id.desc()).limit(limit)))


def notes(session: Session, item: Item, *, limit: int = 200) -> list[ItemNote]:
    """What people wrote beside the item, newest first."""
    return list(session.scalars(select(ItemNote).where(ItemNote.item_id == item.id).order_by(ItemNote.id.desc()).limit(limit)))


def templates(session: Session, *, archived: bool = False) -> list[Template]:
    """Each template with its newest version, in the order of the phases."""
    query = _templates().where(ChecklistTemplate.archived_at.is_not(None) if archived else ChecklistTemplate.archived_at.is_(None))
    found = [(row[0], row[1]) for row in session.execute(query)]
    return sorted(found, key=lambda pair: (ORDER[ListPhase(pair[0].phase)], pair[0].id))


def get_template(session: Session, template_id: int) -> Template:
    """One template with its newest version. NotFound where there is none."""
    if row := session.execute(_templates().where(ChecklistTemplate.id == template_id)).one_or_none():
        return row[0], row[1]
    raise NotFound


def versions(session: Session, template: ChecklistTemplate) -> list[TemplateVersion]:
    """All versions of a template, newest first."""
    query = select(TemplateVersion).where(TemplateVersion.template_id == template.id)
    return list(session.scalars(query.order_by(TemplateVersion.number.desc())))


_ITEMS = (selectinload(Checklist.items).joinedload(Item.owner),)


def _within(reach: Reach) -> ColumnElement[bool]:
    """The list is of an incident that the reader may see, or of a service within reach."""
    if reach.everything:
        return true()
    return or_(and_(Checklist.incident_id.is_not(None), visible(reach)), and_(Checklist.service_id.is_not(None), within(reach)))


def _templates() -> Select[ChecklistTemplate, TemplateVersion]:
    newest = and_(TemplateVersion.template_id == ChecklistTemplate.id, TemplateVersion.number == ChecklistTemplate.version)
    return select(ChecklistTemplate, TemplateVersion).join(TemplateVersion, newest)
