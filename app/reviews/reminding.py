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
from app.reviews import items, letters, meeting, sections
from app.reviews.models import ActionItem, Kind, Review

PAGE_ONLY = " (on the page only: there is no mail channel)"


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
    incident, when = session.get_one(Incident, item.incident_id), _when(item.due_on, today=at.date())
    went = letters.write(
        session,
        [owner],
        incident,
        about=f"action-item-{item.id}-{at:%Y%m%d}",
        subject=f"“{item.title}” is {when}",
        text=f"You took on “{item.title}” after {incident.ref} ({incident.title}). It is {when}. Say how far it is:",
        path=f"/actions/{item.id}",
    )
    line = f"reminded {owner.name} of the action item “{item.title}”, {when}{'' if went else PAGE_ONLY}"
    timeline.record(session, incident, line, kind="review", by=SYSTEM, is_system=True, item=item.id)
    live.tell(session, "board")


def _of_meeting(session: Session, review: Review) -> None:
    review.reminded_at = now()
    session.flush()
    if review.meets_at is None:
        return
    incident, people = session.get_one(Incident, review.incident_id), meeting.invited(session, review)
    name, at = sections.NAMES[Kind(review.kind)].lower(), f"{review.meets_at:%H:%M} UTC"
    where = f", {review.meeting_place}" if review.meeting_place else ""
    went = letters.write(
        session,
        people,
        incident,
        about=f"review-{review.id}-meeting-{review.meeting_sequence}",
        subject=f"the {name} is talked through at {at}",
        text=f"The {name} of {incident.ref} ({review.title}) is talked through at {at}{where}. Read it before:",
        path=f"/reviews/{review.id}?preview",
    )
    named = ", ".join(user.name for user in people) or "everybody"
    line = f"reminded {named} that the {name} is talked through at {at}{'' if went else PAGE_ONLY}"
    timeline.record(session, incident, line, kind="review", by=SYSTEM, is_system=True, review=review.id)


def _when(due_on: date, *, today: date) -> str:
    days = (due_on - today).days
    if days < 0:
        return f"overdue since {due_on:%-d %B %Y}"
    return "due today" if days == 0 else f"due on {due_on:%-d %B %Y}"
