""" "Strong objection?": asked of everyone on the incident at once, answered with one tap. Silence is no answer, and stops nobody."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.accounts.policy import Person
from app.core.database import db_now
from app.core.errors import Refused
from app.decisions import queries
from app.decisions.models import ObjectionAnswer, ObjectionRound
from app.decisions.rules import SIDES
from app.incidents import timeline
from app.incidents.models import Incident, RoleHolder, TimelineEntry

DOING = {"rollback": "rolling back", "fix_forward": "fixing forward"}
LONGEST = 500


def ask(session: Session, incident: Incident, choice: str, *, by: Person) -> ObjectionRound:
    """Ask everyone who holds a role or takes part. A question that is open is replaced; the same one again is given back.

    Refused where nobody else takes part, or the incident is over.
    """
    session.refresh(incident, with_for_update=True)
    if choice not in SIDES or not incident.is_open:
        raise Refused(f"Nobody was asked: {incident.ref} is {incident.state}, or no choice was named. Choose one.", field="choice")
    standing = queries.open_round(session, incident)
    if standing and standing.choice == choice:
        return standing
    others = [user for user in taking_part(session, incident) if user.id != by.id]
    if not others:
        raise Refused("Nobody else takes part in this incident yet, so nobody was asked. Decide, or call somebody in.", field="choice")
    if standing:
        standing.closed_at = db_now(session)
        session.flush()
    made = ObjectionRound(incident_id=incident.id, choice=choice, asked_by_id=by.id or None, asked_by_name=by.name)
    session.add(made)
    session.flush()
    session.add_all(ObjectionAnswer(round_id=made.id, user_id=user.id, user_name=user.name) for user in others)
    session.flush()
    timeline.record(session, incident, f"asked everyone: a strong objection to {DOING[choice]}?", kind="state", by=by)
    return made


def answer(
    session: Session, incident: Incident, objects: bool, *, reason: str = "", round_id: int | None = None, by: Person
) -> ObjectionRound:
    """Say that one objects, or does not. The last answer counts; somebody who was not asked may answer too.

    `round_id` is the question that the person had before their eyes. Refused where it is not open any more.
    """
    session.refresh(incident, with_for_update=True)
    reason = " ".join(reason.replace("\0", "").split())[:LONGEST]
    asked = queries.open_round(session, incident)
    if asked is None or (round_id is not None and asked.id != round_id):
        raise Refused(
            "That question is not open any more: it was decided, or asked anew. Your answer was not recorded; add a note instead."
        )
    mine = next((one for one in asked.answers if one.user_id == by.id), None)
    word = "objects" if objects else "none"
    if mine and (mine.answer, mine.reason) == (word, reason):
        return asked
    if mine is None:
        mine = ObjectionAnswer(round_id=asked.id, user_id=by.id, user_name=by.name)
        session.add(mine)
    mine.answer, mine.reason, mine.answered_at = word, reason, db_now(session)
    session.flush()
    line = f"objects to {DOING[asked.choice]}" if objects else f"has no strong objection to {DOING[asked.choice]}"
    timeline.record(session, incident, line + (f": {reason}" if reason else ""), kind="state", by=by)
    return asked


def close(session: Session, incident: Incident, choice: str) -> list[str]:
    """End the open question, since it is decided. Who objects to this choice, by name. The caller holds the incident's row."""
    asked = queries.open_round(session, incident) or queries.last_round(session, incident)
    if asked is None:
        return []
    if asked.closed_at is None:
        asked.closed_at = db_now(session)
        session.flush()
    return [one.user_name for one in asked.answers if one.answer == "objects"] if asked.choice == choice else []


def taking_part(session: Session, incident: Incident) -> list[User]:
    """Who holds a role of the incident, declared it, or wrote a line of its timeline; active people, by name."""
    held = select(RoleHolder.user_id).where(RoleHolder.incident_id == incident.id, RoleHolder.until.is_(None))
    wrote = select(TimelineEntry.actor_id).where(TimelineEntry.incident_id == incident.id, TimelineEntry.actor_id.is_not(None))
    declared = User.id == incident.declared_by_id if incident.declared_by_id else User.id.is_(None)
    query = select(User).where(User.state == "active", User.id.in_(held) | User.id.in_(wrote) | declared)
    return list(session.scalars(query.order_by(User.name, User.id)))
