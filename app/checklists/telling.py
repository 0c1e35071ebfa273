"""The timeline's share of ticks: what one person did on one list is one line, however many items it were.

Every change of an item is a row in `checklist_marks`. A moment after the first that the timeline does not know, all of them are told
together. Killed in between, the next pass tells them; two at once: each takes marks that the other does not hold.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import groupby

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload

from app.accounts.policy import SYSTEM, Person
from app.checklists.marks import OPEN, TICKED
from app.checklists.models import Checklist, Item, Mark
from app.incidents import timeline
from app.incidents.models import Incident

GATHERED = timedelta(seconds=10)  # how long ticks wait for others that go into the same line
_LISTS = 20  # that one pass tells of
_NAMED = 6  # items that a line names; of more it says how many
_WORDS = {TICKED: "ticked", OPEN: "took back"}


def tell(session: Session, *, after: timedelta = GATHERED) -> None:
    """Write the lines that are due."""
    first = func.min(Mark.at)
    query = select(Mark.checklist_id).where(Mark.told_at.is_(None)).group_by(Mark.checklist_id)
    for checklist_id in session.scalars(query.having(first <= func.clock_timestamp() - after).order_by(first).limit(_LISTS)).all():
        checklist = session.scalars(select(Checklist).where(Checklist.id == checklist_id).options(joinedload(Checklist.incident))).one()
        _tell(session, checklist)


def _tell(session: Session, checklist: Checklist) -> None:
    query = select(Mark).where(Mark.checklist_id == checklist.id, Mark.told_at.is_(None)).order_by(Mark.id)
    marks = session.scalars(query.with_for_update(skip_locked=True)).all()
    if not marks:
        return
    session.execute(update(Mark).where(Mark.id.in_([mark.id for mark in marks])).values(told_at=func.now()))
    if checklist.incident is None:
        return
    texts = {row.id: row.text for row in session.execute(select(Item.id, Item.text).where(Item.checklist_id == checklist.id))}
    by_person = sorted(marks, key=lambda mark: (mark.by_id or 0, mark.id))
    for (person_id, name), theirs in groupby(by_person, key=lambda mark: (mark.by_id or 0, mark.by_name)):
        _line(session, checklist, checklist.incident, list(theirs), texts, by=Person(id=person_id, name=name) if person_id else SYSTEM)


def _line(session: Session, checklist: Checklist, incident: Incident, marks: Sequence[Mark], texts: dict[int, str], *, by: Person) -> None:
    last = {mark.item_id: mark for mark in marks}  # what somebody ticked and took back again is told as it ended
    parts = [
        f"{word} {_named([_told(mark, texts) for mark in last.values() if mark.state == state])}"
        for state, word in _WORDS.items()
        if any(mark.state == state for mark in last.values())
    ]
    if not parts:
        return
    line = f"{'; '.join(parts)} on “{checklist.name}”"
    at = max(mark.at for mark in marks)
    timeline.record(session, incident, line, kind="checklist", by=by, at=at, is_system=not by.id, checklist=checklist.id, ticks=len(marks))


def _told(mark: Mark, texts: dict[int, str]) -> str:
    return f"{texts[mark.item_id]} ({mark.evidence})" if mark.evidence else texts[mark.item_id]


def _named(items: Iterable[str]) -> str:
    every = list(items)
    named, rest = every[:_NAMED], len(every) - _NAMED
    return ", ".join(named) + (f" and {rest} more" if rest > 0 else "")
