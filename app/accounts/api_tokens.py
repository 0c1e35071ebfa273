"""Keys for scripts: shown once, at most what their owner may do, never approvals or administration."""

import secrets
from datetime import timedelta
from hmac import compare_digest

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session, selectinload

from app.accounts import opaque
from app.accounts.models import ApiToken, User
from app.accounts.policy import NEVER_BY_TOKEN, Permission, Person
from app.accounts.sign_ins import person_of
from app.audit import actions as audit
from app.core.clock import now
from app.core.database import transaction
from app.core.errors import NotFound, Refused

SCOPES = tuple(p for p in Permission if p not in NEVER_BY_TOKEN | {Permission.PUBLIC})
LONGEST_DAYS = 366
SEEN_EVERY = timedelta(minutes=1)


def create(session: Session, *, name: str, scopes: tuple[Permission, ...], days: int, by: Person) -> str:
    """Make a token for oneself and return its text, which is never shown again. Refused without a name or a scope."""
    if not name.strip():
        raise Refused("A token needs a name that says what uses it. None was made.", field="label")
    if not scopes or set(scopes) - set(SCOPES):
        raise Refused("Choose at least one scope from the list. None was made.", field="scopes")
    if not 1 <= days <= LONGEST_DAYS:
        raise Refused(f"A token lasts from 1 to {LONGEST_DAYS} days. None was made.", field="days")
    prefix, (secret, secret_hash) = secrets.token_hex(5), opaque.new()
    token = ApiToken(
        user_id=by.id,
        name=name.strip()[:100],
        prefix=prefix,
        token_hash=secret_hash,
        scopes=sorted(scopes),
        expires_at=now() + timedelta(days=days),
    )
    session.add(token)
    session.flush()
    audit.record(session, "token.create", f"token-{token.id}", actor=by.actor, actor_name=by.name, scopes=token.scopes)
    return f"lastgood_{prefix}_{secret}"


def revoke(session: Session, token_id: int, *, by: Person) -> None:
    """End one of the person's own tokens at once. NotFound for anybody else's."""
    query = update(ApiToken).where(ApiToken.id == token_id, ApiToken.user_id == by.id, ApiToken.revoked_at.is_(None))
    if session.scalar(query.values(revoked_at=now()).returning(ApiToken.id)) is None:
        raise NotFound
    audit.record(session, "token.revoke", f"token-{token_id}", actor=by.actor, actor_name=by.name)


def of_person(session: Session, *, by: Person) -> list[ApiToken]:
    """The person's tokens that work, the newest first."""
    return list(session.scalars(select(ApiToken).where(ApiToken.user_id == by.id, *_working()).order_by(ApiToken.id.desc())))


def person_for_bearer(session: Session, text: str) -> Person | None:
    """Who a token speaks for, or None where it is unknown, revoked or over, or its owner is disabled."""
    kind, _, rest = text.partition("_")
    prefix, _, secret = rest.partition("_")
    token = session.scalar(select(ApiToken).where(ApiToken.prefix == prefix, *_working()))
    if kind != "lastgood" or token is None or not compare_digest(token.token_hash, opaque.digest(secret)):
        return None
    user = session.scalar(select(User).where(User.id == token.user_id, User.state == "active").options(selectinload(User.grants)))
    if user is None:
        return None
    if token.last_used_at is None or token.last_used_at < now() - SEEN_EVERY:
        with transaction() as own:
            own.execute(update(ApiToken).where(ApiToken.id == token.id).values(last_used_at=now()))
    return person_of(user, scopes=token.permissions, token_id=token.id)


def _working() -> tuple[ColumnElement[bool], ...]:
    return ApiToken.revoked_at.is_(None), or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now())
