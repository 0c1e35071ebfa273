"""How an item changes its state: one guarded statement, one row of history, one entry of the audit log.

Nothing that others wait for is held but the item's own row: not the list's, not the incident's, and the head of the audit chain only
while the transaction commits.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, insert, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from app.accounts.policy import Person
from app.audit import actions as audit
from app.checklists.models import Item, Mark
from app.core import live

OPEN, TICKED, SKIPPED = "open", "ticked", "skipped"
VERBS = {OPEN: "untick", TICKED: "tick", SKIPPED: "skip"}


@dataclass(frozen=True)
class Evidence:
    """What is so, where that can be seen: "run 12 succeeded", "/runs/12"."""

    sentence: str
    url: str


def mark(
    session: Session,
    item: Item,
    state: str,
    *,
    by: Person,
    if_: ColumnElement[bool],
    reason: str = "",
    evidence: Evidence | None = None,
    is_overruled: bool = False,
    told: bool = False,
) -> bool:
    """Change the item where the condition `if_` still holds of its row, and say whether it did.

    Two at once: the second waits for the row, then finds the condition untrue and changes nothing. `told` says that the caller
    writes the line of the timeline itself.
    """
    seen = evidence or Evidence("", "")
    facts: dict[str, Any] = {"state": state, "reason": reason, "evidence": seen.sentence, "evidence_url": seen.url}
    who = {"marked_by_id": by.id or None, "marked_by": by.name, "marked_at": func.clock_timestamp()}
    changed = facts | who | {"is_overruled": is_overruled}
    statement = update(Item).where(Item.id == item.id, if_).values(**changed).returning(*(getattr(Item, name) for name in changed))
    row = session.execute(statement, execution_options={"synchronize_session": False}).one_or_none()
    if row is None:
        return False
    for name, value in row._mapping.items():
        set_committed_value(item, name, value)
    _keep(session, item, facts, by=by, is_overruled=is_overruled, told=told)
    return True


def note_change(session: Session, item: Item, action: str, *, by: Person, **detail: Any) -> None:
    """Audit a change of an item and tell the pages that draw its list."""
    about = {"checklist": item.checklist_id, "text": item.text} | detail
    actor = by.actor if by.id else "system"
    audit.record_at_commit(session, f"checklist.{action}", f"item-{item.id}", actor=actor, actor_name=by.name, **about)
    live.tell(session, f"checklist-{item.checklist_id}")


def _keep(session: Session, item: Item, facts: dict[str, Any], *, by: Person, is_overruled: bool, told: bool) -> None:
    row = facts | {"item_id": item.id, "checklist_id": item.checklist_id, "by_id": by.id or None, "by_name": by.name}
    session.execute(insert(Mark).values(**row, **({"told_at": func.now()} if told else {})))
    why = {name: facts[name] for name in ("reason", "evidence") if facts[name]}
    note_change(session, item, "overrule" if is_overruled else VERBS[facts["state"]], by=by, **why)
