"""Signing in and out, and who a browser's token belongs to."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, or_, select, update
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from app.accounts import delays, opaque, passwords
from app.accounts.models import SignIn, User
from app.accounts.policy import Granted, Permission, Person, Role
from app.audit import actions as audit
from app.core import live
from app.core.clock import now
from app.core.database import transaction
from app.core.errors import NotFound, Refused
from app.core.settings import settings

WRONG = "The e-mail address and the password do not belong together. Check both and try again."
SEEN_EVERY = timedelta(minutes=1)
# requests that were on their way while the token was replaced still arrive with the old one
ROTATION_GRACE = timedelta(seconds=10)


@dataclass(frozen=True)
class Visitor:
    """A person in a browser: who, and the token that their forms carry."""

    person: Person
    csrf_token: str


def person_of(
    user: User, *, session_id: int | None = None, token_id: int | None = None, scopes: frozenset[Permission] | None = None
) -> Person:
    """The person as actions know them. The user's grants must be loaded."""
    grants = tuple(Granted(Role(grant.role), grant.service_id) for grant in user.grants)
    return Person(user.id, user.name, user.email, grants, scopes=scopes, session_id=session_id, token_id=token_id)


def sign_in(session: Session, *, email: str, password: str, address: str, agent: str = "") -> str:
    """Check the password and return the new browser token.

    Refused with the same sentence, after the same work, for a wrong password, an unknown account and a disabled one.
    """
    email = email.strip().lower()
    with transaction() as own:
        user = own.scalar(select(User).where(User.email == email, User.state == "active"))
        counted = delays.keys(email, address, is_known_here=user is not None and _signed_in_lately(own, user, address))
    delays.count_try(counted)
    if not passwords.matches(user.password_hash if user else None, password) or user is None:
        _record_failure(user, address)
        raise Refused(WRONG, field="password")
    delays.forgive(counted)
    return begin(session, user, address=address, agent=agent)


def begin(session: Session, user: User, *, address: str, agent: str = "") -> str:
    """Sign somebody in who has proved who they are, and return the browser token."""
    token, token_hash = opaque.new()
    row = SignIn(
        user_id=user.id,
        token_hash=token_hash,
        csrf_token=secrets.token_urlsafe(24),
        expires_at=now() + timedelta(seconds=settings().session_absolute_s),
        address=address,
        agent=agent[:300],
    )
    session.add(row)
    session.flush()
    audit.record(session, "sign_in", f"user-{user.id}", actor=f"user:{user.id}", actor_name=user.name, address=address, sign_in=row.id)
    return token


def visitor(session: Session, token: str) -> Visitor | None:
    """Who the token belongs to, or None where it is unknown, ended, too long unused, or its owner was disabled."""
    moment, digest = now(), opaque.digest(token)
    query = (
        select(SignIn)
        .join(SignIn.user)
        .options(contains_eager(SignIn.user).options(joinedload(User.grants)))  # every request asks this: one statement
        .where(
            or_(SignIn.token_hash == digest, and_(SignIn.previous_hash == digest, SignIn.rotated_at > moment - ROTATION_GRACE)),
            *_alive(moment),
        )
    )
    row = session.scalars(query).unique().one_or_none()
    if row is None:
        return None
    if row.last_seen_at < moment - SEEN_EVERY:
        _note_seen(row.id, moment)
    return Visitor(person_of(row.user, session_id=row.id), row.csrf_token)


def person_for_session(session: Session, token: str) -> Person | None:
    known = visitor(session, token)
    return known.person if known else None


def still_there(session: Session, sign_in_id: int) -> Person | None:
    """The person of a sign-in with the grants of this moment, or None where it has ended: what a long-lived stream asks."""
    query = select(SignIn).join(SignIn.user).options(contains_eager(SignIn.user).options(selectinload(User.grants)))
    row = session.scalar(query.where(SignIn.id == sign_in_id, *_alive(now())))
    return person_of(row.user, session_id=row.id) if row else None


def of_person(session: Session, *, by: Person) -> list[SignIn]:
    """The person's own sign-ins that are alive, the newest first."""
    query = select(SignIn).join(SignIn.user).where(SignIn.user_id == by.id, *_alive(now())).order_by(SignIn.last_seen_at.desc())
    return list(session.scalars(query))


def sign_out(session: Session, *, by: Person) -> None:
    """End the sign-in that the person uses now."""
    _end(session, SignIn.id == by.session_id)
    audit.record(session, "sign_out", f"user-{by.id}", actor=by.actor, actor_name=by.name)
    live.tell(session, f"user-{by.id}")


def end(session: Session, sign_in_id: int, *, by: Person) -> None:
    """End one of the person's own sign-ins. NotFound for anybody else's."""
    if not _end(session, (SignIn.id == sign_in_id) & (SignIn.user_id == by.id)):
        raise NotFound
    audit.record(session, "sign_in.end", f"user-{by.id}", actor=by.actor, actor_name=by.name, sign_in=sign_in_id)
    live.tell(session, f"user-{by.id}")


def end_others(session: Session, user_id: int, *, keep: int | None = None) -> int:
    """End every sign-in of a person but the one to keep, and return how many."""
    ended = _end(session, (SignIn.user_id == user_id) & (SignIn.id.is_distinct_from(keep)))
    live.tell(session, f"user-{user_id}")
    return ended


def step_up(session: Session, *, password: str, by: Person) -> str:
    """The password again, before something grave. Returns the new browser token, which replaces the present one.

    Refused for a wrong password; failures make the next try wait, as they do for signing in. Call it before anything else
    in the transaction: a failure is audited in a transaction of its own, which would wait for an audit line of this one.
    """
    user = session.get_one(User, by.id)
    row = session.scalar(select(SignIn).where(SignIn.id == by.session_id, SignIn.user_id == by.id).with_for_update(key_share=True))
    if row is None:
        raise Refused("Only somebody who signed in with a browser can confirm this.")
    counted = delays.keys(user.email, row.address, is_known_here=True)
    delays.count_try(counted)
    if not passwords.matches(user.password_hash, password):
        _record_failure(user, row.address)
        raise Refused("This is not your password. Nothing was done; type it again.", field="password")
    delays.forgive(counted)
    token, token_hash = opaque.new()
    row.previous_hash, row.token_hash = row.token_hash, token_hash
    row.rotated_at = row.stepped_up_at = now()
    audit.record(session, "sign_in.step_up", f"user-{by.id}", actor=by.actor, actor_name=by.name)
    return token


def _alive(moment: datetime) -> tuple[ColumnElement[bool], ...]:
    idle = timedelta(seconds=settings().session_idle_s)
    return SignIn.ended_at.is_(None), SignIn.expires_at > moment, SignIn.last_seen_at > moment - idle, User.state == "active"


def _end(session: Session, which: ColumnElement[bool]) -> int:
    query = update(SignIn).where(which, SignIn.ended_at.is_(None)).values(ended_at=now()).returning(SignIn.id)
    return len(session.scalars(query).all())


def _note_seen(sign_in_id: int, moment: datetime) -> None:
    """In a transaction of its own: a long request must not hold the row that every request of the person reads and marks."""
    with transaction() as own:
        own.execute(update(SignIn).where(SignIn.id == sign_in_id, SignIn.last_seen_at < moment - SEEN_EVERY).values(last_seen_at=moment))


def _signed_in_lately(session: Session, user: User, address: str) -> bool:
    lately = now() - timedelta(days=30)
    return bool(session.scalar(select(exists().where(SignIn.user_id == user.id, SignIn.address == address, SignIn.created_at > lately))))


def _record_failure(user: User | None, address: str) -> None:
    """Outlives the refusal. What was typed as the name is not kept: it is now and then a password."""
    with transaction() as own:
        object_ = f"user-{user.id}" if user else "unknown"
        audit.record(own, "sign_in.failed", object_, actor="anonymous", actor_name="", address=address)
