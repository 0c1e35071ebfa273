"""When a review is talked through: its date, the invitation as iCalendar, and the reminder."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from icalendar import Alarm, Calendar, Event, vCalAddress, vText
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.accounts.policy import Person
from app.checklists import binding
from app.core.clock import now
from app.core.errors import Refused
from app.incidents import timeline
from app.incidents.models import Incident
from app.reviews import sections
from app.reviews.actions import hold
from app.reviews.models import Kind, Review, Reviewer

REMINDED_BEFORE = timedelta(hours=1)


def schedule(session: Session, review: Review, *, at: datetime, minutes: int = 60, place: str = "", by: Person) -> None:
    """Give it a date, or another one. Refused in the past, and for meetings that nobody can sit through."""
    hold(session, review)
    where = " ".join(place.replace("\0", "").split())
    if at <= now():
        raise Refused("The date of the review lies in the past, so nothing was changed. Choose one that is ahead.", field="meets_at")
    if not 5 <= minutes <= 480:
        raise Refused("A review takes 5 minutes to 8 hours. Nothing was changed.", field="minutes")
    if len(where) > 300:
        raise Refused("The place has up to 300 characters. Nothing was changed: shorten it.", field="place")
    if (review.meets_at, review.meeting_minutes, review.meeting_place) == (at, minutes, where):
        return
    moved = review.meets_at is not None
    review.meets_at, review.meeting_minutes, review.meeting_place = at, minutes, where
    review.meeting_sequence, review.reminded_at = review.meeting_sequence + 1, None
    session.flush()
    name, incident = sections.NAMES[Kind(review.kind)].lower(), session.get_one(Incident, review.incident_id)
    line = f"{'moved' if moved else 'set'} the meeting about the {name} to {at:%-d %B %Y, %H:%M} UTC"
    timeline.record(session, incident, line, kind="review", by=by, review=review.id)
    binding.happened(session, incident, "review.scheduled", url=f"/reviews/{review.id}")


def call_off(session: Session, review: Review, *, by: Person) -> None:
    """Take the date back; invitations that were taken along are cancelled by the next one. Without a date nothing happens."""
    hold(session, review)
    if review.meets_at is None:
        return
    review.meets_at, review.meeting_sequence, review.reminded_at = None, review.meeting_sequence + 1, None
    session.flush()
    incident = session.get_one(Incident, review.incident_id)
    line = f"called off the meeting about the {sections.NAMES[Kind(review.kind)].lower()}"
    timeline.record(session, incident, line, kind="review", by=by, review=review.id)
    binding.withdrawn(session, incident, "review.scheduled", url=f"/reviews/{review.id}")


def due(session: Session, *, limit: int = 20) -> list[Review]:
    """The meetings of which people are to be reminded now, held by this transaction; others skip them."""
    soon = now() + REMINDED_BEFORE
    query = select(Review).join(Review.incident).where(Review.meets_at.is_not(None), Review.reminded_at.is_(None), Review.meets_at <= soon)
    held = query.order_by(Review.meets_at).limit(limit).with_for_update(of=(Incident, Review), skip_locked=True)
    return list(session.scalars(held))


def invited(session: Session, review: Review) -> list[User]:
    """Its author and its reviewers, by name."""
    ids = set(session.scalars(select(Reviewer.user_id).where(Reviewer.review_id == review.id))) | {review.author_id}
    return list(session.scalars(select(User).where(User.id.in_(ids), User.state == "active").order_by(User.name)))


def invitation(review: Review, incident: Incident, people: Sequence[User], *, url: str, host: str) -> bytes:
    """The meeting as iCalendar (RFC 5545): the same UID for ever, a higher SEQUENCE for every change, an alarm an hour before.

    Only for a review that has a date.
    """
    if review.meets_at is None:
        raise Refused("This review has no date yet, so there is no invitation. Set one first.")
    calendar = Calendar()
    calendar.add("prodid", "-//Lastgood//Review//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")  # a file that people take along; REQUEST would have every calendar answer for all of them
    event = Event()
    event.add("uid", f"review-{review.id}@{host}")
    event.add("sequence", review.meeting_sequence)
    event.add("dtstamp", review.changed_at)
    event.add("dtstart", review.meets_at)
    event.add("dtend", review.meets_at + timedelta(minutes=review.meeting_minutes))
    event.add("summary", f"{sections.NAMES[Kind(review.kind)]} of {incident.ref}: {review.title}")
    event.add("description", f"Read it before: {url}")
    event.add("url", url)
    if review.meeting_place:
        event.add("location", review.meeting_place)
    for person in people:
        event.add("attendee", _address(person), encode=False)
    event.add_component(_alarm(review))
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _address(person: User) -> vCalAddress:
    address = vCalAddress(f"MAILTO:{person.email}")
    address.params["CN"] = vText(person.name)
    address.params["ROLE"] = vText("REQ-PARTICIPANT")
    return address


def _alarm(review: Review) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", review.title)
    alarm.add("trigger", -REMINDED_BEFORE)
    return alarm
