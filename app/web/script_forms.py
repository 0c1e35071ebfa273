"""The form of a drill's script: rows of facts with their minutes, as they are drawn and as they are read."""

from typing import Any

from sqlalchemy.orm import Session

from app.accounts.policy import P, Person
from app.catalog import queries as catalog
from app.core.errors import Refused
from app.drills.models import ScriptVersion
from app.drills.scripts import MOST_FACTS, Draft, Fact
from app.web.fields import Fields

EMPTY = 3  # rows that wait for something new


def shown(db: Session, me: Person, version: ScriptVersion | None) -> dict[str, Any]:
    """The form as the version has it, with a few empty rows."""
    rows = [{"minute": fact["minute"], "text": fact["text"]} for fact in version.injects] if version else []
    reach = me.reach(P.EDIT_PROCEDURE)
    every = [("", "Every service")] if reach.everything else []
    return {
        "version": version,
        "rows": rows + [{"minute": "", "text": ""}] * EMPTY,
        "services": [*every, *((one.id, one.name) for one in catalog.services(db, reach=reach))],
    }


def draft(db: Session, me: Person, sent: Fields) -> Draft:
    """What was typed. Rows without a text are left out. Refused for a minute that is no whole number."""
    service_id = sent.whole("service")
    if service_id and service_id not in {one.id for one in catalog.services(db, reach=me.reach())}:
        raise Refused("That service is not known any more. Nothing was saved: choose again.", field="service")
    rows = [number for number in range(1, MOST_FACTS + EMPTY + 1) if sent.text(f"text-{number}")]
    facts = [Fact(sent.whole(f"minute-{number}") or 0, sent.text(f"text-{number}")) for number in rows]
    return Draft(sent.text("name"), sent.text("signal"), facts, service_id=service_id, reason=sent.text("reason"))
