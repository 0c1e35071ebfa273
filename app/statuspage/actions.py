"""Publish: the only way that a word reaches the public. Every verb here is somebody's, on purpose, and is written into the audit log."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import nh3
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.audit import actions as audit
from app.core.database import db_now
from app.core.errors import Conflict, Invalid, NotFound, Refused
from app.incidents import timeline
from app.incidents.models import Incident
from app.statuspage import felt as feeling
from app.statuspage import pages, queries, telling
from app.statuspage.felt import Felt
from app.statuspage.models import PublicIncident, PublicReview, PublicUpdate, StatusPage
from app.statuspage.states import Progress

LONGEST_TEXT, LONGEST_TITLE, LONGEST_ANSWER = 5000, 200, 200
FARTHEST = timedelta(days=366)
DRILL = "This is a drill, and a drill is never shown to the public. Nothing was published."


@dataclass(frozen=True)
class Post:
    """What a person wants the public to read.

    title      needed for the first post about something; '' keeps the one that stands
    seen       how many updates the writer had before their eyes; None where nobody looked (a script)
    felt       component id to how it stands from now on, whole; None leaves it as it is
    next_at    when the public may look again; None promises nothing
    tells      whether subscribers get a copy
    """

    text: str
    state: str
    title: str = ""
    must_act: str = "No"
    began_at: datetime | None = None
    next_at: datetime | None = None
    felt: Mapping[int, Felt] | None = field(default=None)
    seen: int | None = None
    tells: bool = True


def publish(
    session: Session,
    page: StatusPage,
    incident: Incident | None = None,
    *,
    text: str,
    state: str,
    by: Person,
    about: PublicIncident | None = None,
    **more: Any,
) -> PublicUpdate:
    """Publish an update about `incident` (one of ours), about what was published before (`about`), or about something new.

    `more` are the other fields of `Post`. Invalid where a field cannot be used; Refused for a drill; Conflict where somebody
    published since the writer looked, with what they said: two people at once wait for the page's row one after the other, and
    the second then finds an update that they had not seen.
    """
    post = Post(text=text.strip(), state=state, **more)
    incident_id = incident.id if incident else about.incident_id if about else None
    incident = session.get(Incident, incident_id, with_for_update=True) if incident_id else None  # before the page, as everywhere
    if incident is not None and incident.is_drill:
        raise Refused(DRILL)
    page = pages.locked(session, page)
    subject = _subject(session, page, incident, about)
    _not_overtaken(session, page, subject, post)
    at = db_now(session)
    _check(post, subject, at)
    felt = None if post.felt is None else feeling.checked(session, page, post.felt)
    is_new = subject is None
    if subject is None:
        began = post.began_at or (incident.since if incident else at)
        subject = PublicIncident(page_id=page.id, incident_id=incident.id if incident else None, ref=pages.new_ref(), began_at=began)
        session.add(subject)
    _say(session, subject, post, felt, at=subject.began_at if is_new else at, now=at)
    update = _written(session, subject, post, at=at, by=by)
    _finish(session, page, subject, update, incident, post, by=by)
    return update


def correct(session: Session, page: StatusPage, update: PublicUpdate, *, text: str, by: Person) -> None:
    """Put the wording of an update right. The public sees that it was corrected; no copies go out; the old words stay in the audit log."""
    text = text.strip()
    if not 1 <= len(text) <= LONGEST_TEXT:
        raise Refused(f"An update has 1 to {LONGEST_TEXT:,} characters. Nothing was changed.", field="text")
    page = pages.locked(session, page)
    if text == update.text:
        return
    before, update.text, update.corrected_at = update.text, text, db_now(session)
    pages.changed(session, page)
    _audit(session, "statuspage.correct", page, by=by, update=update.id, before=before, after=text)


def withdraw(session: Session, page: StatusPage, subject: PublicIncident, *, reason: str, by: Person) -> None:
    """Take down what should not have been published. Copies that went out cannot be called back, and the record of ours stays."""
    if not reason.strip():
        raise Refused("Say why it is taken down. Nothing was changed: copies that went out stay where they are.", field="reason")
    incident = session.get(Incident, subject.incident_id, with_for_update=True) if subject.incident_id else None
    page = pages.locked(session, page)
    subject.withdrawn_at = at = db_now(session)
    feeling.end(session, subject, at=at)
    pages.changed(session, page)
    if incident:
        timeline.record(
            session, incident, f"took “{subject.title}” off the status page {page.name}: {reason.strip()}", kind="notice", by=by
        )
    _audit(session, "statuspage.withdraw", page, by=by, title=subject.title, reason=reason.strip())


def publish_review(
    session: Session, page: StatusPage, *, incident_ref: str, title: str, html: str, at: datetime, by: Person
) -> PublicReview:
    """Publish the review of one of our incidents (`incident_ref` is "INC-42"), or put a new version in its place.

    `html` was checked for private data by a person; markup that a page must not have is taken out here once more.
    """
    number = re.fullmatch(r"INC-(\d{1,9})", incident_ref)
    incident = session.get(Incident, int(number[1]), with_for_update=True) if number else None
    if incident is None:
        raise NotFound
    if incident.is_drill:
        raise Refused(DRILL)
    if not 1 <= len(title.strip()) <= LONGEST_TITLE:
        raise Refused(f"A review needs a title of 1 to {LONGEST_TITLE} characters. Nothing was published.", field="title")
    page = pages.locked(session, page)
    review = session.scalar(select(PublicReview).where(PublicReview.page_id == page.id, PublicReview.incident_id == incident.id))
    if review is None:
        review = PublicReview(page_id=page.id, incident_id=incident.id, ref=pages.new_ref())
        session.add(review)
    review.title, review.html, review.at, review.by_id, review.by_name = title.strip(), nh3.clean(html), at, by.id or None, by.name
    pages.changed(session, page)
    timeline.record(session, incident, f"published the review on the status page {page.name}", kind="notice", by=by)
    _audit(session, "statuspage.review.publish", page, by=by, incident=incident.ref, title=review.title)
    return review


def unpublish_review(session: Session, page: StatusPage, review: PublicReview, *, by: Person) -> None:
    """Take a review off the page."""
    page = pages.locked(session, page)
    session.execute(delete(PublicReview).where(PublicReview.id == review.id))
    pages.changed(session, page)
    _audit(session, "statuspage.review.remove", page, by=by, title=review.title)


def _subject(session: Session, page: StatusPage, incident: Incident | None, about: PublicIncident | None) -> PublicIncident | None:
    """What the post is about, as it is now that the page is held."""
    query = select(PublicIncident).where(PublicIncident.page_id == page.id, PublicIncident.withdrawn_at.is_(None))
    if about is not None:
        query = query.where(PublicIncident.id == about.id)
    elif incident is not None:
        query = query.where(PublicIncident.incident_id == incident.id)
    else:
        return None
    found = session.scalar(query.execution_options(populate_existing=True))
    if found is None and about is not None:
        raise Refused("This was taken down while you wrote. Nothing was published; publish it as something new if it is still true.")
    return found


def _not_overtaken(session: Session, page: StatusPage, subject: PublicIncident | None, post: Post) -> None:
    if post.seen is None or post.seen == (subject.updates if subject else 0) or subject is None:
        return
    first = queries.updates(session, subject)[0]
    raise Conflict(
        f"{first.by_name} published another update at {first.at:%H:%M} UTC while you wrote: “{first.text}”. "
        "Yours was not published. Read it, change yours if you must, and publish again.",
        link=f"/status-pages/{page.id}",
    )


def _check(post: Post, subject: PublicIncident | None, now: datetime) -> None:
    problems = {
        "text": not 1 <= len(post.text) <= LONGEST_TEXT and f"An update has 1 to {LONGEST_TEXT:,} characters: what is so, and for whom.",
        "state": post.state not in set(Progress) and "Choose how far it is.",
        "title": not (post.title.strip() or subject) and "The first post needs a title in the words of your customers: Sign-in fails.",
        "must_act": len(post.must_act) > LONGEST_ANSWER and f"The answer has up to {LONGEST_ANSWER} characters.",
        "next_at": bool(post.next_at and post.next_at <= now) and "The next update lies in the past. Give a time that you can keep.",
        "began_at": bool(post.began_at and not now - FARTHEST <= post.began_at <= now)
        and "It began within the last year, and not in the future.",
    }
    if len(post.title.strip()) > LONGEST_TITLE:
        problems["title"] = f"A title has up to {LONGEST_TITLE} characters."
    if found := {name: sentence for name, sentence in problems.items() if isinstance(sentence, str)}:
        raise Invalid(found)


def _say(session: Session, subject: PublicIncident, post: Post, felt: Mapping[int, Felt] | None, *, at: datetime, now: datetime) -> None:
    """Bring the head of it up to date. What is felt begins with the disturbance in its first post, and with the post in later ones."""
    is_over = post.state == Progress.RESOLVED
    subject.title = post.title.strip() or subject.title
    subject.state, subject.must_act = post.state, post.must_act.strip() or "No"
    subject.next_update_at = None if is_over else post.next_at
    subject.resolved_at = (subject.resolved_at or now) if is_over else None
    subject.updates = (subject.updates or 0) + 1
    session.flush()
    if felt is not None:
        feeling.say(session, subject, felt, at=at)
    if is_over:
        feeling.end(session, subject, at=now)


def _written(session: Session, subject: PublicIncident, post: Post, *, at: datetime, by: Person) -> PublicUpdate:
    update = PublicUpdate(
        public_incident_id=subject.id,
        number=subject.updates,
        state=post.state,
        text=post.text,
        at=at,
        by_id=by.id or None,
        by_name=by.name,
    )
    session.add(update)
    session.flush()
    return update


def _finish(
    session: Session,
    page: StatusPage,
    subject: PublicIncident,
    update: PublicUpdate,
    incident: Incident | None,
    post: Post,
    *,
    by: Person,
) -> None:
    pages.changed(session, page)
    if post.tells:
        telling.tell(session, page, subject, update)
    if incident is not None:
        words = f"published on {page.name}, {Progress(update.state).value}: “{update.text}”"
        timeline.record(session, incident, words, kind="notice", by=by, update=update.id)
    _audit(session, "statuspage.publish", page, by=by, title=subject.title, state=update.state, number=update.number)


def _audit(session: Session, action: str, page: StatusPage, *, by: Person, **detail: Any) -> None:
    audit.record(session, action, f"statuspage-{page.id}", actor=by.actor, actor_name=by.name, page=page.name, **detail)
