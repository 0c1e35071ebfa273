"""The form of a template: rows of items, as they are drawn and as they are read."""

from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.catalog import queries as catalog
from app.checklists.binding import BINDINGS
from app.checklists.models import TemplateVersion
from app.checklists.phases import NAMES
from app.checklists.templates import MOST_ITEMS, Draft, Line
from app.core.errors import Refused
from app.incidents.states import Severity
from app.web.fields import Fields

EMPTY = 3  # rows that wait for something new
Row = dict[str, Any]


def draft(sent: Fields) -> Draft:
    """What was typed. Rows without a text are left out; the others stand in the order of their places."""
    rows = [
        (sent.number(f"place-{number}") or number, number) for number in range(1, MOST_ITEMS + EMPTY + 1) if sent.text(f"text-{number}")
    ]
    return Draft(
        name=sent.text("name"),
        lines=[_line(sent, number) for _, number in sorted(rows)],
        severities=sent.every("severity"),
        service_ids=[_id(one) for one in sent.every("service")],
        reason=sent.text("reason"),
    )


def shown(db: Session, me: Person, version: TemplateVersion | None) -> dict[str, Any]:
    """The form as the version has it, with a few empty rows."""
    items: list[Row] = list(version.items) if version else []
    empty = asdict(Line(text=""))
    return {
        "rows": items + [empty] * EMPTY,
        "services": catalog.services(db, reach=me.reach()),
        "severities": Severity,
        "bindings": BINDINGS,
        "phases_named": NAMES,
    }


def _line(sent: Fields, number: int) -> Line:
    minutes = sent.number(f"due-{number}")
    return Line(
        text=sent.text(f"text-{number}"),
        hint=sent.text(f"hint-{number}"),
        required=sent.ticked(f"required-{number}"),
        binding=sent.text(f"binding-{number}"),
        due_s=round(minutes * 60) if minutes else None,
    )


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refused("That is not a service of the list. Nothing was saved.", field="services")
    return int(text)
