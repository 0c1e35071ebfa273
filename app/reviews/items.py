"""Action items: what changes them, and what reads them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypedDict, Unpack
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, joinedload

from app.accounts.models import User
from app.accounts.policy import Person, Reach
from app.audit import actions as audit
from app.core import live
from app.core.clock import now
from app.core.errors import Conflict, Invalid, NotFound, Refused
from app.incidents import queries, timeline
from app.incidents.models import Incident
from app.reviews.models import UNDONE, ActionItem, ItemState, Priority, Work

BEFORE = timedelta(days=2)  # the owner is reminded this long before the day, on the day, and every week after it
AGAIN = timedelta(days=7)
MORNING = time(8, 0, tzinfo=UTC)
STATES = {"open": "Open", "in_progress": "In progress", "done": "Done", "dropped": "Dropped"}


class Facts(TypedDict, total=False):
    title: str
    detail: str
    kind: str
    priority: str
    owner_id: int | None
    due_on: date | None
    link: str
    state: str
    outcome: str


@dataclass(frozen=True)
class Filters:
    """What the board is narrowed to. Empty and None mean all that is undone."""

    owner_id: int | None = None
    kind: str = ""
    state: str = ""  # open | in_progress | done | dropped | overdue
    incident_id: int | None = None

    @property
    def is_empty(self) -> bool:
        return self == Filters()


def add(session: Session, incident: Incident, *, by: Person, form_nonce: str | None = None, **facts: Unpack[Facts]) -> ActionItem:
    """Write an action item down. The same form sent twice gives the same item."""
    session.execute(select(Incident.id).where(Incident.id == incident.id).with_for_update())  # a second submit finds the first
    if form_nonce and (first := session.scalar(select(ActionItem).where(ActionItem.form_nonce == form_nonce))):
        return first
    known = _checked(session, incident, facts)
    item = ActionItem(incident_id=incident.id, created_by_name=by.name, form_nonce=form_nonce, **known)
    item.remind_at = _next_reminder(item, after=now())
    session.add(item)
    session.flush()
    timeline.record(session, incident, f"added the action item “{item.title}”{_whose(session, item)}", kind="review", by=by, item=item.id)
    live.tell(session, "board")
    return item


def change(session: Session, item: ActionItem, *, version: int | None = None, by: Person, **facts: Unpack[Facts]) -> ActionItem:
    """Correct it, hand it on, begin it, end it. What is not given stays. A Conflict where `version` is not the one that stands."""
    session.execute(select(Incident.id).where(Incident.id == item.incident_id).with_for_update())
    session.refresh(item, with_for_update={"of": ActionItem})
    incident = session.get_one(Incident, item.incident_id)
    if version is not None and version != item.version:
        raise Conflict(f"“{item.title}” was changed since you opened it. Nothing was saved: look at it again.", link=f"/actions/{item.id}")
    known = _checked(session, incident, facts, item)
    new: dict[str, Any] = {name: value for name, value in known.items() if value != getattr(item, name)}
    if not new:
        return item
    old = ItemState(item.state)
    for name, value in new.items():
        setattr(item, name, value)
    item.version += 1
    item.ended_at = None if item.is_undone else item.ended_at or now()
    if {"due_on", "state", "owner_id"} & set(new):
        item.remind_at = _next_reminder(item, after=now()) if item.is_undone else None
    session.flush()
    timeline.record(session, incident, _line(session, item, old, new), kind="review", by=by, item=item.id)
    if item.state != old and not item.is_undone:
        detail = {"state": item.state, "outcome": item.outcome}
        audit.record(session, "action_item.end", f"action-item-{item.id}", actor=by.actor, actor_name=by.name, **detail)
    live.tell(session, "board")
    return item


def get(session: Session, item_id: int, *, reach: Reach) -> ActionItem:
    """One item with its owner and incident. NotFound out of the reader's reach."""
    known = _shown().where(ActionItem.id == item_id, queries.visible(reach))
    item = session.scalar(known.execution_options(populate_existing=True))
    if item is None:
        raise NotFound
    return item


def of_incident(session: Session, incident: Incident) -> list[ActionItem]:
    """The items of an incident, in the order in which they were written down."""
    return list(session.scalars(_shown().where(ActionItem.incident_id == incident.id).order_by(ActionItem.id)))


def find(session: Session, filters: Filters, *, reach: Reach, limit: int = 200) -> list[ActionItem]:
    """The board: what is due first stands first, what has no date last."""
    query = _shown().where(queries.visible(reach), *_narrowed(filters))
    return list(session.scalars(query.order_by(ActionItem.due_on.asc().nulls_last(), ActionItem.id).limit(limit)))


def overdue(session: Session, *, reach: Reach, limit: int = 6) -> list[ActionItem]:
    """What should be done by now, the oldest first."""
    return find(session, Filters(state="overdue"), reach=reach, limit=limit)


def is_overdue(item: ActionItem, *, today: date | None = None) -> bool:
    return bool(item.is_undone and item.due_on and item.due_on < (today or now().date()))


def reminded(item: ActionItem, *, at: datetime) -> None:
    """Note that the owner was reminded, and when the next time is."""
    item.reminded_at, item.remind_at = at, _next_reminder(item, after=at)


def _shown() -> Select[ActionItem]:
    query: Select[ActionItem] = select(ActionItem)
    return query.join(Incident, Incident.id == ActionItem.incident_id).options(
        joinedload(ActionItem.owner), joinedload(ActionItem.incident)
    )


def _narrowed(filters: Filters) -> list[ColumnElement[bool]]:
    undone = ActionItem.state.in_(UNDONE)
    states: dict[str, list[ColumnElement[bool]]] = {"": [undone], "overdue": [undone, ActionItem.due_on < func.current_date()]}
    found = states.get(filters.state, [ActionItem.state == filters.state])
    if filters.owner_id is not None:
        found.append(ActionItem.owner_id == filters.owner_id)
    if filters.kind:
        found.append(ActionItem.kind == filters.kind)
    if filters.incident_id is not None:
        found.append(ActionItem.incident_id == filters.incident_id)
    return found


def _next_reminder(item: ActionItem, *, after: datetime) -> datetime | None:
    """The morning two days before it is due, that of the day, then one a week; None without a date or an owner."""
    if item.due_on is None or item.owner_id is None:
        return None
    due = datetime.combine(item.due_on, MORNING)
    ahead = [moment for moment in (due - BEFORE, due) if moment > after]
    return ahead[0] if ahead else due + AGAIN * ((after - due) // AGAIN + 1)


def _checked(session: Session, incident: Incident, facts: Facts, item: ActionItem | None = None) -> Facts:
    known: Facts = {**facts}
    problems = {}
    for name in ("title", "detail", "link", "outcome"):
        if name in known:
            known[name] = known[name].replace("\0", "").strip()
    if "title" in known or item is None:
        known["title"] = " ".join(known.get("title", "").split())
        if not 1 <= len(known["title"]) <= 200:
            problems["title"] = "Say what is to be done, in 1 to 200 characters. Nothing was saved."
    if len(known.get("detail", "")) > 5000 or len(known.get("outcome", "")) > 2000:
        problems["detail"] = "The text is too long: 5,000 characters fit. Nothing was saved."
    for name, choices in (("kind", Work), ("priority", Priority), ("state", ItemState)):
        if name in known and known[name] not in set(choices):  # type: ignore[literal-required]
            problems[name] = f"Choose one of: {', '.join(choices)}. Nothing was saved."
    if known.get("link") and (urlsplit(known["link"]).scheme not in {"http", "https"} or len(known["link"]) > 500):
        problems["link"] = "A link begins with https:// and has up to 500 characters. Nothing was saved."
    if (
        known.get("owner_id")
        and (item is None or known["owner_id"] != item.owner_id)
        and not _may_own(session, incident, known["owner_id"])
    ):
        problems["owner_id"] = f"That person cannot respond to {incident.ref}. Nothing was saved: choose somebody from the list."
    if known.get("state") == "dropped" and not known.get("outcome", item.outcome if item else ""):
        problems["outcome"] = "Say why it is dropped. Nothing was saved."
    if problems:
        raise Invalid(problems)
    return known


def _may_own(session: Session, incident: Incident, user_id: int | None) -> bool:
    return any(user.id == user_id for user in queries.people(session, incident))


def _whose(session: Session, item: ActionItem) -> str:
    owner = session.get(User, item.owner_id) if item.owner_id else None
    due = f", due {item.due_on:%-d %B %Y}" if item.due_on else ""
    return (f" for {owner.name}" if owner else "") + due


def _line(session: Session, item: ActionItem, old: ItemState, new: Collection[str]) -> str:
    if "state" in new and item.state != old:
        said = {"done": "did", "dropped": "dropped", "in_progress": "began", "open": "opened again"}[item.state]
        return f"{said} the action item “{item.title}”" + (f": {item.outcome}" if item.outcome and not item.is_undone else "")
    if "owner_id" in new and item.owner_id is None:
        return f"took the owner off the action item “{item.title}”"
    return f"changed the action item “{item.title}”{_whose(session, item)}"


def owners(items: Sequence[ActionItem]) -> list[User]:
    """Who owns any of them, by name."""
    found = {item.owner.id: item.owner for item in items if item.owner}
    return sorted(found.values(), key=lambda user: user.name)


def mine_first(items: Sequence[ActionItem], me: Person) -> tuple[list[ActionItem], list[ActionItem]]:
    """Those of one person, and the others."""
    return [item for item in items if item.owner_id == me.id], [item for item in items if item.owner_id != me.id]


def day(typed: str) -> date | None:
    """A day as a form sends it; None where it was left empty."""
    if not typed:
        return None
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise Refused(f"“{typed[:40]}” is not a day like 2026-11-30. Nothing was saved.", field="due_on") from None
