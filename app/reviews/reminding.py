"""Remind people of what they took on: action items that are due, and meetings that are near. One pass of the sweep."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.accounts.policy import SYSTEM
from app.core import live
from app.core.clock import now
from app.incidents import timeline
from app.incidents.models import Incident
from app.reviews import items, meeting, sections
from app.reviews.models import ActionItem, Kind, Review


def sweep(session: Session, *, limit: int = 20) -> None:
    """What is due now, each once whoever sweeps: rows that another process holds are skipped."""
    for item in _due(session, limit):
        _of_item(session, item)
    for review in meeting.due(session, limit=limit):
        _of_meeting(session, review)


def _due(session: Session, limit: int) -> list[ActionItem]:
    query = select(ActionItem).join(ActionItem.incident).where(ActionItem.remind_at.is_not(None), ActionItem.remind_at <= now())
    held = query.order_by(ActionItem.remind_at).limit(limit).with_for_update(of=(Incident, ActionItem), skip_locked=True)
    return list(session.scalars(held))


def _of_item(session: Session, item: ActionItem) -> None:
    at = now()
    items.reminded(item, at=at)
    session.flush()
    owner = session.get(User, item.owner_id) if item.owner_id else None
    if owner is None or item.due_on is None:
        return
    line = f"reminded {owner.name} of the action item “{item.title}”, {_when(item.due_on, today=at.date())}"
    timeline.record(session, session.get_one(Incident, item.incident_id), line, kind="review", by=SYSTEM, is_system=True, item=item.id)
    live.tell(session, "board")


def _of_meeting(session: Session, review: Review) -> None:
    review.reminded_at = now()
    session.flush()
    if review.meets_at is None:
        return
    people = ", ".join(user.name for user in meeting.invited(session, review)) or "everybody"
    name = sections.NAMES[Kind(review.kind)].lower()
    line = f"reminded {people} that the {name} is talked through at {review.meets_at:%H:%M} UTC"
    timeline.record(
        session, session.get_one(Incident, review.incident_id), line, kind="review", by=SYSTEM, is_system=True, review=review.id
    )


def _when(due_on: date, *, today: date) -> str:
    days = (due_on - today).days
    if days < 0:
        return f"overdue since {due_on:%-d %B %Y}"
    return "due today" if days == 0 else f"due on {due_on:%-d %B %Y}"
