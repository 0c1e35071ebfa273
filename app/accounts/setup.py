"""The first administrator: a link that works for 30 minutes, once, and only while there is none."""

from datetime import timedelta

from sqlalchemy import exists, select, text, update
from sqlalchemy.orm import Session

from app.accounts import invitations, opaque, passwords
from app.accounts.models import Grant, Invitation, User
from app.accounts.policy import Role
from app.audit import actions as audit
from app.core.clock import now
from app.core.errors import Refused
from app.core.settings import settings

LASTS = timedelta(minutes=30)
USED_UP = "This set-up link was used before, or is older than 30 minutes. Get a new one on the server: lastgood setup-link."
DONE = "This console has an administrator already. Ask one of them for an invitation."
# whoever makes the first administrator holds it until the transaction ends: two at once must not both find nobody
_LOCK = text("SELECT pg_advisory_xact_lock(4842001)")


def is_needed(session: Session) -> bool:
    """Whether there is no active administrator."""
    query = exists().where(Grant.role == Role.ADMIN, Grant.user_id == User.id, User.state == "active")
    return not session.scalar(select(query))


def new_link(session: Session) -> str:
    """The address at which the first administrator makes their account. Refused where there is one. Older links end."""
    if not is_needed(session):
        raise Refused(DONE)
    unused = update(Invitation).where(Invitation.kind == "setup", Invitation.used_at.is_(None), Invitation.expires_at > now())
    session.execute(unused.values(expires_at=now()))
    token, token_hash = opaque.new()
    session.add(Invitation(kind="setup", token_hash=token_hash, expires_at=now() + LASTS))
    audit.record(session, "setup.link", "setup", actor="system", actor_name="Lastgood")
    return f"{settings().base_url}/setup/{token}"


def check_link(session: Session, token: str) -> None:
    """NotFound where the link is unknown, used or over. Refused where there is an administrator by now."""
    invitations.usable(session, token, {"setup"}, USED_UP)
    if not is_needed(session):
        raise Refused(DONE)


def complete(session: Session, token: str, *, email: str, name: str, password: str, repeated: str) -> User:
    """Make the first administrator, who also commands and reads the audit log, and use the link up."""
    session.execute(_LOCK)
    check_link(session, token)
    email, name = email.strip().lower(), name.strip()
    invitations.check_email(email)
    invitations.check_name(name)
    passwords.check_new(password, repeated, email=email)
    user = session.scalar(select(User).where(User.email == email)) or User(email=email)
    user.name, user.password_hash, user.state = name, passwords.hashed(password), "active"
    session.add(user)
    session.flush()
    for role in (Role.ADMIN, Role.COMMANDER, Role.AUDITOR):
        if not session.scalar(select(Grant.id).where(Grant.user_id == user.id, Grant.role == role, Grant.service_id.is_(None))):
            session.add(Grant(user_id=user.id, role=role))
    link = invitations.usable(session, token, {"setup"}, USED_UP)
    link.used_at, link.user_id = now(), user.id
    audit.record(session, "setup.complete", f"user-{user.id}", actor=f"user:{user.id}", actor_name=name)
    return user
