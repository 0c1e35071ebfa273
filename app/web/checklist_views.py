"""What the pages and pieces of checklists draw."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.catalog import queries as catalog
from app.checklists import queries
from app.checklists.binding import BINDINGS
from app.checklists.models import Checklist, ChecklistTemplate, Item
from app.core.errors import Conflict, NotFound, Refused
from app.incidents import queries as incidents
from app.incidents.models import Incident
from app.web.errors import Redrawn
from app.web.fields import Fields
from app.web.render import back, is_htmx, piece

USUAL = {"bindings": BINDINGS, "problem": "", "place": "checklists"}


def pane(db: Session, incident: Incident, me: Person) -> dict[str, Any]:
    """The lists of the present phase, for the cockpit."""
    lists = queries.of_incident(db, incident)
    return USUAL | {
        "incident": incident,
        "lists": queries.present(lists, incident),
        "others": len(lists),
        "may_respond": incidents.may(db, incident, P.RESPOND, by=me),
        "place": "cockpit",
    }


def tab(db: Session, incident: Incident, me: Person) -> dict[str, Any]:
    """All lists of the incident, those of the present phase first, and those that could be begun."""
    lists = queries.of_incident(db, incident)
    now = queries.present(lists, incident)
    had = {one.template_id for one in lists}
    return USUAL | {
        "lists": now + [one for one in lists if one not in now],
        "more": [version for template, version in queries.templates(db) if template.id not in had],
        "may_respond": incidents.may(db, incident, P.RESPOND, by=me),
    }


def one(db: Session, checklist: Checklist, me: Person) -> dict[str, Any]:
    """One list."""
    return USUAL | {"checklist": checklist, "may_respond": _may(db, checklist, me), "incident": checklist.incident}


def detail(db: Session, item: Item, me: Person) -> dict[str, Any]:
    """One item: everything that can be done with it, who did what, what was written beside it."""
    checklist = queries.get(db, item.checklist_id, reach=me.reach())
    shown = next(one for one in checklist.items if one.id == item.id)
    return one(db, checklist, me) | {
        "item": shown,
        "marks": queries.history(db, shown),
        "notes": queries.notes(db, shown),
        "people": incidents.people(db, checklist.incident) if checklist.incident else [],
        "url": url(checklist, "checklists", shown),
    }


def of_service(db: Session, slug: str, me: Person) -> dict[str, Any]:
    """The lists that were begun for a service, and those that could be."""
    service = catalog.get_service(db, slug, reach=me.reach())
    lists = queries.of_service(db, service)
    return USUAL | {
        "service": service,
        "lists": lists,
        "more": [version for template, version in queries.templates(db) if template.phase == "deployment"],
        "may_respond": me.may(P.RESPOND, {service.id}),
        "incident": None,
    }


def chosen(db: Session, sent: Fields) -> ChecklistTemplate:
    """The template that a form names. Refused where there is none."""
    try:
        return queries.get_template(db, sent.whole("template") or 0)[0]
    except NotFound:
        raise Refused("There is no such list, so none was begun. Choose one of those offered.", field="template") from None


def drawn(request: Request, item: Item, sent: Fields, *, problem: str = "", status: int = 200) -> Response:
    """The item as it is now, for htmx; it was loaded by somebody who may respond, or else the verb did not run."""
    shown = USUAL | {"item": item, "may_respond": True, "place": _place(sent), "problem": problem}
    return piece(request, "checklists/_item.html", status, **shown, incident=item.checklist.incident)


def answered(request: Request, item: Item, sent: Fields) -> Response:
    """What a button of an item answers: the item, or the page on which it was pressed."""
    if is_htmx(request):
        return drawn(request, item, sent)
    return back(url(item.checklist, _place(sent), item))


@contextmanager
def deciding(request: Request, db: Session, item: Item, me: Person, sent: Fields) -> Iterator[None]:
    """Run a verb on the item; where it refuses, the item is drawn as it is by now with the sentence, or its page shows it."""
    there = url(item.checklist, _place(sent), item)
    try:
        yield
        if item.binding:
            queries.get_item(db, item.id, reach=me.reach())  # the evidence was asked, so it may stand otherwise now
    except Refused as refused:
        if is_htmx(request):
            status, now = 409 if isinstance(refused, Conflict) else 422, queries.get_item(db, item.id, reach=me.reach())
            raise Redrawn(drawn(request, now, sent, problem=refused.sentence, status=status)) from refused
        raise Redrawn(back(there, flash=refused.sentence)) from refused


def url(checklist: Checklist, place: str, item: Item | None = None) -> str:
    """Where the list stands: on the cockpit, on the incident's tab, or on its own page."""
    anchor = f"#item-{item.id}" if item else ""
    if place == "item" and item:
        return f"/checklist-items/{item.id}"
    if checklist.incident_id is None:
        return f"/checklists/{checklist.id}{anchor}"
    if place == "cockpit":
        return f"/incidents/{checklist.incident_id}{anchor}"
    return f"/incidents/{checklist.incident_id}/checklists{anchor or f'#checklist-{checklist.id}'}"


def _place(sent: Fields) -> str:
    return sent.text("place") if sent.text("place") in {"cockpit", "item"} else "checklists"


def _may(db: Session, checklist: Checklist, me: Person) -> bool:
    return me.may(P.RESPOND, queries.services_of(db, checklist))
