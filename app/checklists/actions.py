"""What people do with a running list: begin it, tick, take back, skip, overrule, own, set a time, write a note."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.accounts.policy import Person
from app.checklists import attaching, binding
from app.checklists.marks import OPEN, SKIPPED, TICKED, mark, note_change
from app.checklists.models import Checklist, Item, ItemNote
from app.core.clock import now
from app.core.errors import Conflict, Refused
from app.incidents import queries as incidents
from app.incidents import timeline
from app.incidents.models import Incident

LONGEST_REASON = 500
LONGEST_NOTE = 2000
DONE = {OPEN: "took back", TICKED: "ticked", SKIPPED: "skipped"}

attach = attaching.attach
begin = attaching.begin


def tick(session: Session, item: Item, *, seen: str | None = None, by: Person) -> None:
    """Tick it. Ticked already by the same person: nothing happens. `seen` is the state that they had before their eyes.

    Refused where evidence ticks it. Conflict where somebody was faster; it says who.
    """
    _by_hand(item, "ticked")
    _marked(session, item, TICKED, seen=seen, by=by)


def untick(session: Session, item: Item, *, seen: str | None = None, by: Person) -> None:
    """Open it again, ticked or skipped. Open already: nothing happens for whoever opened it, else Conflict."""
    if item.state != SKIPPED:
        _by_hand(item, "opened again")
    _marked(session, item, OPEN, seen=seen, by=by)
    if item.is_bound:
        _look_again(session, item)


def skip(session: Session, item: Item, *, reason: str, seen: str | None = None, by: Person) -> None:
    """Say that it is not done here, and why. Refused without a reason."""
    why = _reason(reason, item, "skipped")
    _hold_incident(session, item)
    _marked(session, item, SKIPPED, seen=seen, reason=why, told=True, by=by)
    _line(session, item, f"skipped “{item.text}”: {why}", by=by)


def overrule(session: Session, item: Item, *, ticked: bool, reason: str, by: Person) -> None:
    """Say of a bound item that it is done, or is not, whatever the evidence says; the reason stays in sight. Refused without one."""
    if not item.is_bound:
        raise Refused(f"“{item.text}” is ticked by people, so there is nothing to overrule. Tick it, or open it again.")
    why, state = _reason(reason, item, "overruled"), TICKED if ticked else OPEN
    _hold_incident(session, item)
    if not mark(session, item, state, if_=(Item.state != state) | ~Item.is_overruled, reason=why, is_overruled=True, told=True, by=by):
        raise _overtaken(session, item, "overruled")
    word = "done" if ticked else "not done"
    _line(session, item, f"overruled the evidence, “{item.text}” is {word}: {why}", by=by)


def lift(session: Session, item: Item, *, by: Person) -> None:
    """Let the evidence decide again. Not overruled: nothing happens."""
    _hold_incident(session, item)
    if not mark(session, item, OPEN, if_=Item.is_overruled.is_(True), told=True, by=by):
        return
    _line(session, item, f"let the evidence decide again on “{item.text}”", by=by)
    _look_again(session, item)


def own(session: Session, item: Item, *, owner_id: int | None, seen: int | None = None, by: Person) -> None:
    """Give the item one owner, or none. `seen` is the owner that the person saw; None: nobody.

    Refused for somebody who cannot respond. Conflict where somebody else took it meanwhile.
    """
    if owner_id and owner_id != by.id and not _can_own(session, item, owner_id):
        raise Refused(f"That person cannot respond here, so “{item.text}” was given to nobody. Choose from the list.", field="owner")
    if owner_id == item.owner_id:
        return
    # Two at once: the second waits for the row, then finds an owner that it has not seen.
    statement = update(Item).where(Item.id == item.id, Item.owner_id.is_not_distinct_from(seen)).values(owner_id=owner_id)
    if session.scalar(statement.returning(Item.id), execution_options={"synchronize_session": False}) is None:
        session.refresh(item, ["owner_id", "owner"])
        has = f"{item.owner.name} has it" if item.owner else "nobody has it any more"
        raise Conflict(f"Somebody was faster: {has}. “{item.text}” stays as it is.")
    session.refresh(item, ["owner_id", "owner"])
    note_change(session, item, "own", by=by, owner=item.owner.name if item.owner else "")


def set_due(session: Session, item: Item, *, at: datetime | None, by: Person) -> None:
    """Say until when it is due, or that it is not. Refused for a time that is over."""
    if at and at < now():
        raise Refused("That time is over already. Nothing was changed: choose one that lies ahead.", field="due_at")
    if at == item.due_at:
        return
    item.due_at, item.due_s = at, None
    session.flush()
    note_change(session, item, "due", by=by, due_at=at.isoformat() if at else "")


def note_item(session: Session, item: Item, *, body: str, by: Person, form_nonce: str | None = None) -> None:
    """Write a note beside the item. The same form sent twice writes one. Refused where it is empty or too long."""
    text = body.replace("\0", "").strip()
    if not 1 <= len(text) <= LONGEST_NOTE:
        raise Refused(f"A note has 1 to {LONGEST_NOTE:,} characters. Nothing was added.", field="body")
    row = insert(ItemNote).values(item_id=item.id, body=text, by_id=by.id or None, by_name=by.name, form_nonce=form_nonce)
    if session.scalar(row.on_conflict_do_nothing(index_elements=["form_nonce"]).returning(ItemNote.id)) is None:
        return
    session.execute(update(Item).where(Item.id == item.id).values(notes=Item.notes + 1))
    note_change(session, item, "note", by=by)


def _marked(session: Session, item: Item, state: str, *, seen: str | None, by: Person, reason: str = "", told: bool = False) -> None:
    if not mark(session, item, state, if_=Item.state == seen if seen else Item.state != state, reason=reason, told=told, by=by):
        _unless_own(session, item, state, by=by)


def _unless_own(session: Session, item: Item, state: str, *, by: Person) -> None:
    """The second of two clicks of one person is no conflict."""
    session.refresh(item, ["state", "marked_by_id", "marked_by", "marked_at", "reason", "evidence", "evidence_url"])
    if item.state != state or item.marked_by_id != by.id:
        raise _overtaken(session, item, DONE[state])


def _overtaken(session: Session, item: Item, done: str) -> Conflict:
    session.refresh(item)
    if item.marked_at is None:
        return Conflict(f"“{item.text}” is {item.state}. Nothing was {done}: look again.")
    did = f"{item.marked_by} {DONE[item.state]} it at {item.marked_at:%H:%M:%S} UTC"
    return Conflict(f"Somebody was faster: {did}. Nothing of yours was changed.")


def _by_hand(item: Item, done: str) -> None:
    if not item.is_bound:
        return
    told = binding.BINDINGS[item.binding]
    raise Refused(f"“{item.text}” cannot be {done} by hand: it is ticked when {told.when}. Overrule it with a reason, if you know better.")


def _look_again(session: Session, item: Item) -> None:
    if incident := _incident(session, item):
        binding.settle(session, incident, only={item.binding})


def _reason(text: str, item: Item, done: str) -> str:
    why = " ".join(text.replace("\0", "").split())
    if not 1 <= len(why) <= LONGEST_REASON:
        raise Refused(f"“{item.text}” was not {done}: say why, in 1 to {LONGEST_REASON} characters.", field="reason")
    return why


def _hold_incident(session: Session, item: Item) -> None:
    """The incident's row before the item's, since a line of the timeline follows: in the order of every other verb."""
    if incident := _incident(session, item):
        session.execute(select(Incident.id).where(Incident.id == incident.id).with_for_update())


def _line(session: Session, item: Item, body: str, *, by: Person) -> None:
    if incident := _incident(session, item):
        timeline.record(session, incident, body, kind="checklist", by=by, checklist=item.checklist_id)


def _can_own(session: Session, item: Item, owner_id: int) -> bool:
    incident = _incident(session, item)
    if incident is None:
        return bool(session.scalar(select(func.count()).where(User.id == owner_id, User.state == "active")))
    return any(user.id == owner_id for user in incidents.people(session, incident))


def _incident(session: Session, item: Item) -> Incident | None:
    """The incident of the item's list; a list that was begun for a deployment has none."""
    checklist = session.get_one(Checklist, item.checklist_id)
    return session.get_one(Incident, checklist.incident_id) if checklist.incident_id else None
