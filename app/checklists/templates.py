"""Templates: what a list says, in versions. A running copy never changes with them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import func
from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.audit import actions as audit
from app.catalog.models import Service
from app.checklists import queries
from app.checklists.binding import BINDINGS
from app.checklists.models import ChecklistTemplate, TemplateVersion
from app.checklists.phases import ListPhase
from app.core.errors import Conflict, Invalid, Refused
from app.incidents.models import Incident
from app.incidents.states import Severity

LONGEST_TEXT = 200
MOST_ITEMS = 40
LONGEST_DUE_S = 30 * 86400


@dataclass(frozen=True)
class Line:
    """One item of a draft. `due_s` counts from the beginning of the list's phase."""

    text: str
    hint: str = ""
    required: bool = True
    binding: str = ""
    due_s: int | None = None


@dataclass(frozen=True)
class Draft:
    """What a version is to say. Without severities or services it is for all of them; `reason` is why it changes."""

    name: str
    lines: Sequence[Line]
    severities: Sequence[str] = ()
    service_ids: Sequence[int] = ()
    reason: str = ""


def make(session: Session, draft: Draft, *, phase: str, by: Person) -> ChecklistTemplate:
    """A new template. Invalid names every wrong field."""
    if phase not in list(ListPhase):
        raise Refused(f"A list belongs to one of {', '.join(ListPhase)}. None was made.", field="phase")
    _may(by, draft.service_ids)
    version = _checked(draft, nothing="No list was made")
    template = ChecklistTemplate(phase=phase)
    session.add(template)
    session.flush()
    _add(session, template, version, number=1, incident=None, by=by)
    return template


def change(
    session: Session, template: ChecklistTemplate, draft: Draft, *, seen: int, incident: Incident | None = None, by: Person
) -> TemplateVersion:
    """Write the next version; `seen` is the number that the person edited, `incident` the one that taught it.

    The same again changes nothing. Conflict where there is a newer one. Lists that run keep what they say.
    """
    session.refresh(template, with_for_update=True)  # two at once: the second waits here and finds its `seen` overtaken
    _, now = queries.get_template(session, template.id)
    if seen != now.number:
        raise Conflict(
            f"{now.by_name} saved version {now.number} of “{now.name}” while you were writing. "
            "Yours was not saved: look at it, then edit it.",
            link=f"/checklist-templates/{template.id}",
        )
    _may(by, now.service_ids)
    _may(by, draft.service_ids)
    version = _checked(draft, nothing="Nothing was saved")
    same = ("name", "severities", "service_ids", "items")
    if all(getattr(version, field) == getattr(now, field) for field in same):
        return now
    template.version = now.number + 1
    return _add(session, template, version, number=template.version, incident=incident, by=by)


def put_away(session: Session, template: ChecklistTemplate, *, by: Person) -> None:
    """No new incident gets it. Put away already: nothing happens."""
    _shelve(session, template, away=True, by=by)


def take_out(session: Session, template: ChecklistTemplate, *, by: Person) -> None:
    """Use it again. In use already: nothing happens."""
    _shelve(session, template, away=False, by=by)


def _shelve(session: Session, template: ChecklistTemplate, *, away: bool, by: Person) -> None:
    session.refresh(template, with_for_update=True)
    if (template.archived_at is not None) == away:
        return
    _, version = queries.get_template(session, template.id)
    _may(by, version.service_ids)
    template.archived_at = func.now() if away else None
    session.flush()
    session.refresh(template)
    _audit(session, template, "put_away" if away else "take_out", version, by=by)


def _add(
    session: Session, template: ChecklistTemplate, version: TemplateVersion, *, number: int, incident: Incident | None, by: Person
) -> TemplateVersion:
    version.template_id, version.number = template.id, number
    version.by_id, version.by_name, version.incident_id = by.id or None, by.name, incident.id if incident else None
    session.add(version)
    session.flush()
    _audit(session, template, "change" if number > 1 else "make", version, by=by)
    return version


def _audit(session: Session, template: ChecklistTemplate, verb: str, version: TemplateVersion, *, by: Person) -> None:
    about = {"version": version.number, "name": version.name}
    audit.record(session, f"checklist_template.{verb}", f"checklist-template-{template.id}", actor=by.actor, actor_name=by.name, **about)


def _checked(draft: Draft, *, nothing: str) -> TemplateVersion:
    """The draft as it is kept. Invalid names every wrong field; the items' are called "item-1", "item-2", …"""
    problems: dict[str, str] = {}
    name = _one_line(draft.name)
    if not 1 <= len(name) <= 80:
        problems["name"] = f"A list has a name of 1 to 80 characters. {nothing}."
    lines = [Line(_one_line(one.text), _one_line(one.hint), one.required, one.binding, one.due_s) for one in draft.lines]
    if not 1 <= len(lines) <= MOST_ITEMS:
        problems["items"] = f"A list has 1 to {MOST_ITEMS} items. {nothing}."
    for place, line in enumerate(lines, start=1):
        if problem := _wrong(line):
            problems[f"item-{place}"] = f"{problem} {nothing}."
    if unknown := sorted(set(draft.severities) - set(Severity)):
        problems["severities"] = f"There is no severity “{unknown[0][:20]}”. {nothing}."
    if problems:
        raise Invalid(problems)
    return TemplateVersion(
        name=name,
        severities=[one for one in Severity if one in draft.severities],
        service_ids=sorted(set(draft.service_ids)),
        items=[asdict(line) for line in lines],
        reason=_one_line(draft.reason)[:500],
    )


def _wrong(line: Line) -> str:
    if not 1 <= len(line.text) <= LONGEST_TEXT or len(line.hint) > LONGEST_TEXT:
        return f"An item says in 1 to {LONGEST_TEXT} characters what is to be done, its hint in up to {LONGEST_TEXT}."
    if line.binding and line.binding not in BINDINGS:
        return f"There is nothing called “{line.binding[:40]}” that could tick it."
    if line.due_s is not None and not 60 <= line.due_s <= LONGEST_DUE_S:
        return "An item is due after one minute to 30 days."
    return ""


def _may(by: Person, service_ids: Sequence[int]) -> None:
    """A list that is for every service is changed by people who may do so for every service."""
    if service_ids and by.may_all(Permission.EDIT_PROCEDURE, service_ids):
        return
    if not by.reach(Permission.EDIT_PROCEDURE).everything:
        raise Refused(
            "This list is for services beyond those whose procedure you may edit. Nothing was changed: ask a commander of all of them."
        )


def for_services(services: Sequence[Service], version: TemplateVersion) -> list[Service]:
    """The services that a version names, of these."""
    return [one for one in services if one.id in version.service_ids]


def _one_line(text: str) -> str:
    return " ".join(text.replace("\0", "").split())
