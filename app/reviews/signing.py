"""Reviewers and their signatures. A signature is a person's word on one version; a later version asks for it again."""

from collections.abc import Collection, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload

from app.accounts.models import User
from app.accounts.policy import Person
from app.audit import actions as audit
from app.checklists import binding
from app.core import live
from app.core.database import db_now
from app.core.errors import Conflict, Forbidden, Refused
from app.incidents import queries, timeline
from app.incidents.models import Incident
from app.reviews import letters, sections
from app.reviews.actions import hold
from app.reviews.models import Kind, Review, Reviewer, ReviewState, Section, Signature
from app.reviews.sections import ADDENDUM


def candidates(session: Session, incident: Incident, *, by: Person) -> list[User]:
    """Who can be asked to sign: whoever can respond to the incident, except for the one who asks."""
    return [user for user in queries.people(session, incident) if user.id != by.id]


def send(session: Session, review: Review, *, to: Collection[int], by: Person) -> None:
    """Ask these people to read and sign. Refused without anybody, for oneself, and for people who cannot see the incident."""
    hold(session, review)
    incident = session.get_one(Incident, review.incident_id)
    able = {user.id: user for user in candidates(session, incident, by=by)}
    if by.id in to:
        raise Refused("A second pair of eyes is what a review is for. Nothing was sent: choose somebody else than yourself.", field="to")
    if not to:
        raise Refused("Choose who reads and signs it. Nothing was sent.", field="to")
    if any(user not in able for user in to):
        raise Refused(f"Somebody of those cannot respond to {incident.ref} any more. Nothing was sent: choose from the list.", field="to")
    session.execute(delete(Reviewer).where(Reviewer.review_id == review.id))
    session.add_all(Reviewer(review_id=review.id, user_id=user) for user in sorted(set(to)))
    review.state, review.author_id, review.sent_at, review.signed_at = ReviewState.IN_REVIEW, by.id or None, db_now(session), None
    session.flush()
    asked, name = [able[user] for user in sorted(set(to))], sections.NAMES[Kind(review.kind)].lower()
    _tell(session, review, f"asked {', '.join(user.name for user in asked)} to review the {name}", by=by)
    text = f"{by.name} asks you to read and sign the {name} of {incident.ref} ({review.title}), version {review.version}:"
    letters.write(
        session,
        asked,
        incident,
        about=f"review-{review.id}-asked-{review.version}",
        subject=f"the {name} waits for your signature",
        text=text,
        path=f"/reviews/{review.id}/sign",
    )


def sign(session: Session, review: Review, *, version: int, by: Person) -> None:
    """Sign the version that one has read. Conflict where it is not the one that stands. All have signed it: the review is signed."""
    addendum = session.get(Section, (review.id, ADDENDUM), populate_existing=True)
    if review.outdated_at and addendum and not addendum.body:
        raise Refused("The incident was opened again and the addendum is empty. It was not signed: write what happened since.")
    _speak(session, review, "signed", version=version, note="", by=by)
    missing = [one.user.name for one in reviewers(session, review) if not _holds(session, review, one.user_id)]
    if not missing:
        review.state, review.signed_at, review.outdated_at = ReviewState.SIGNED, db_now(session), None
        session.flush()
    _tell(session, review, f"signed the {sections.NAMES[Kind(review.kind)].lower()}, version {review.version}", by=by)
    if not missing:
        binding.happened(session, session.get_one(Incident, review.incident_id), "report.written", url=f"/reviews/{review.id}")
    detail = {"version": review.version, "complete": not missing}
    audit.record(session, "review.sign", f"review-{review.id}", actor=by.actor, actor_name=by.name, **detail)


def ask_for_changes(session: Session, review: Review, *, version: int, note: str, by: Person) -> None:
    """Give it back to its author, with what is missing. Refused without a note."""
    text = note.replace("\0", "").strip()
    if not 1 <= len(text) <= 2000:
        raise Refused("Say what is missing, in up to 2,000 characters. Nothing was sent back.", field="note")
    _speak(session, review, "changes", version=version, note=text, by=by)
    review.state = ReviewState.DRAFT
    session.flush()
    _tell(session, review, f"asked for changes of the {sections.NAMES[Kind(review.kind)].lower()}: {text}", by=by)


def reviewers(session: Session, review: Review) -> list[Reviewer]:
    """Whose signature is asked for, by name."""
    query = select(Reviewer).where(Reviewer.review_id == review.id).options(joinedload(Reviewer.user))
    return sorted(session.scalars(query), key=lambda one: one.user.name)


def signatures(session: Session, review: Review) -> list[Signature]:
    """Every word of a reviewer, newest first."""
    query = select(Signature).where(Signature.review_id == review.id).order_by(Signature.id.desc()).options(joinedload(Signature.user))
    return list(session.scalars(query))


def waiting_for(session: Session, me: Person, *, limit: int = 6) -> list[Review]:
    """The reviews that wait for this person's signature, the longest first."""
    mine = select(Signature.id).where(
        Signature.review_id == Review.id, Signature.user_id == me.id, Signature.version == Review.version, Signature.verdict == "signed"
    )
    query = select(Review).join(Reviewer, Reviewer.review_id == Review.id).where(Reviewer.user_id == me.id, ~mine.exists())
    asked = query.where(Review.state == ReviewState.IN_REVIEW).order_by(Review.sent_at).limit(limit)
    return list(session.scalars(asked.options(joinedload(Review.incident))))


def standing(review: Review, reviewer: Reviewer, said: Sequence[Signature]) -> str:
    """How one reviewer stands: waiting | signed | changes | lapsed (signed an older version). `said` is newest first."""
    last = next((one for one in said if one.user_id == reviewer.user_id and one.at >= reviewer.asked_at), None)
    if last is None:
        return "waiting"
    if last.verdict == "changes":
        return "changes"
    return "signed" if last.version == review.version else "lapsed"


def _holds(session: Session, review: Review, user_id: int) -> bool:
    query = select(Signature).where(Signature.review_id == review.id, Signature.user_id == user_id).order_by(Signature.id.desc()).limit(1)
    last = session.scalars(query).first()
    return last is not None and last.verdict == "signed" and last.version == review.version


def _speak(session: Session, review: Review, verdict: str, *, version: int, note: str, by: Person) -> None:
    hold(session, review)
    if by.token_id:
        raise Forbidden("A signature is a person's word; a token gives none. Sign in and sign on the page.")
    if session.get(Reviewer, (review.id, by.id)) is None:
        raise Refused("You were not asked to review this, so nothing was signed. Its author can ask you.")
    if review.state == ReviewState.DRAFT:
        raise Refused("This was given back to its author, so there is nothing to sign now. It comes to you again when they send it.")
    if version != review.version:
        raise Conflict(
            f"This has changed since you opened it (version {review.version}, you read {version}). Nothing was signed: read it again.",
            link=f"/reviews/{review.id}",
        )
    session.add(Signature(review_id=review.id, user_id=by.id, version=version, verdict=verdict, note=note))
    session.flush()


def _tell(session: Session, review: Review, line: str, *, by: Person) -> None:
    incident = session.get_one(Incident, review.incident_id)
    timeline.record(session, incident, line, kind="review", by=by, review=review.id)
    live.tell(session, "board")
