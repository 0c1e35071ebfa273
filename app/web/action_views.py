"""What the pages of action items draw."""

from typing import Any, cast

from sqlalchemy.orm import Session
from starlette.datastructures import QueryParams

from app.accounts.policy import P, Person
from app.core.clock import now
from app.incidents import queries as incidents
from app.incidents.models import Incident
from app.reviews import items, measures, record
from app.reviews.items import Facts, Filters
from app.reviews.measures import Measure
from app.reviews.models import ActionItem, ItemState, Priority, Work
from app.web import incident_forms
from app.web.fields import Fields

TEXTS = ("title", "detail", "kind", "priority", "link", "state", "outcome")
SHOWN = ("overdue", *ItemState)


def board(db: Session, me: Person, query: QueryParams) -> dict[str, Any]:
    """The board: one's own first, then the others; what is overdue stands on top of each."""
    kind, state, owner = query.get("kind", ""), query.get("state", ""), query.get("owner", "")
    filters = Filters(
        owner_id=me.id if owner == "me" else incident_forms.whole(owner),
        kind=kind if kind in set(Work) else "",
        state=state if state in SHOWN else "",
        incident_id=incident_forms.whole(query.get("incident", "")),
    )
    found = items.find(db, filters, reach=me.reach())
    everything = found if filters.is_empty else items.find(db, Filters(), reach=me.reach())
    mine, others = items.mine_first(found, me)
    return {
        "mine": mine,
        "others": others,
        "filters": filters,
        "query": query,
        "owners": items.owners(everything),
        "overdue": {item.id for item in [*found, *everything] if items.is_overdue(item)},
        "overdue_count": sum(items.is_overdue(item) for item in everything),
        "undone": len(everything),
        "works": list(Work),
        "states": items.STATES,
    }


def form(db: Session, incident: Incident, me: Person, item: ActionItem | None = None) -> dict[str, Any]:
    """The form of an item, new or known."""
    return {
        "incident": incident,
        "item": item,
        "people": incidents.people(db, incident),
        "works": list(Work),
        "priorities": list(Priority),
        "states": items.STATES,
        "may_change": me.may(P.RESPOND, incidents.service_ids(db, incident)),
        "is_overdue": bool(item and items.is_overdue(item)),
    }


def offered(db: Session, incident: Incident) -> list[Measure]:
    """The ready-made measures that are not written down yet."""
    return measures.offered(record.of(db, incident), items.of_incident(db, incident))


def proposed(db: Session, incident: Incident, key: str) -> dict[str, str]:
    """The fields of a ready-made measure; nothing for a key that is none."""
    chosen = next((one for one in offered(db, incident) if one.key == key), None)
    if chosen is None:
        return {}
    facts = {"title": chosen.title, "detail": chosen.detail, "kind": str(chosen.kind), "priority": str(chosen.priority)}
    return facts | {"due_on": chosen.due_on(now().date()).isoformat()}


def sent(fields: Fields) -> Facts:
    """The facts of an item as a form sends them; what the form does not have stays as it is."""
    facts: dict[str, Any] = {name: fields.text(name) for name in TEXTS if name in fields}
    if "owner_id" in fields:
        facts["owner_id"] = fields.whole("owner_id")
    if "due_on" in fields:
        facts["due_on"] = items.day(fields.text("due_on"))
    return cast("Facts", facts)
