"""Links that let somebody set a password, once: an invitation, or a lost password."""

from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts import grants, opaque, passwords, sign_ins
from app.accounts.models import Invitation, User
from app.accounts.policy import Person, Role
from app.audit import actions as audit
from app.core import live
from app.core.clock import now
from app.core.errors import NotFound, Refused
from app.core.settings import settings

LASTS = timedelta(hours=24)
USED_UP = "This link was used before, or is older than 24 hours. Ask an administrator for a new one."


def invite(session: Session, *, email: str, name: str, role: Role, service_id: int | None = None, by: Person) -> str:
    """Make an account with a role and return the link for its owner. Refused where the address has an account."""
    email, name = email.strip().lower(), name.strip()
    check_email(email)
    check_name(name)
    made = session.scalar(insert(User).values(email=email, name=name).on_conflict_do_nothing().returning(User.id))
    if made is None:
        raise Refused(f"{email} has an account. Give it another role, or a new link, in the list.", field="email")
    user = session.get_one(User, made)
    audit.record(session, "person.invite", f"user-{user.id}", actor=by.actor, actor_name=by.name, email=email)
    grants.give(session, user, role=role, service_id=service_id, by=by)
    return new_link(session, user, by=by)


def new_link(session: Session, user: User, *, by: Person) -> str:
    """A fresh link for somebody invited, or for somebody who lost their password; older ones end. Refused for the disabled."""
    if user.state == "disabled":
        raise Refused(f"{user.name} is disabled. Enable the account first.")
    unused = update(Invitation).where(Invitation.user_id == user.id, Invitation.used_at.is_(None), Invitation.expires_at > now())
    session.execute(unused.values(expires_at=now()))
    kind = "invite" if user.state == "invited" else "reset"
    token, token_hash = opaque.new()
    session.add(Invitation(kind=kind, user_id=user.id, token_hash=token_hash, expires_at=now() + LASTS))
    session.flush()
    audit.record(session, f"person.{kind}_link", f"user-{user.id}", actor=by.actor, actor_name=by.name)
    return f"{settings().base_url}/invitations/{token}"


def owner(session: Session, token: str) -> User:
    """Whose link it is. NotFound where it is unknown, used or over."""
    return session.get_one(User, usable(session, token, {"invite", "reset"}, USED_UP).user_id)


def accept(session: Session, token: str, *, password: str, repeated: str) -> User:
    """Set the password, use the link up, and end every sign-in that the account had. Refused for a weak password."""
    link = usable(session, token, {"invite", "reset"}, USED_UP)
    user = session.get_one(User, link.user_id, with_for_update=True)
    if user.state == "disabled":
        raise NotFound(USED_UP)
    passwords.check_new(password, repeated, email=user.email)
    user.password_hash, user.state, link.used_at = passwords.hashed(password), "active", now()
    sign_ins.end_others(session, user.id)
    audit.record(session, "person.set_password", f"user-{user.id}", actor=f"user:{user.id}", actor_name=user.name, by=link.kind)
    live.tell(session, "people")
    return user


def usable(session: Session, token: str, kinds: set[str], sentence: str) -> Invitation:
    """The link, locked so that of two who use it at once the second finds it used. NotFound, with the sentence, otherwise."""
    query = select(Invitation).where(Invitation.token_hash == opaque.digest(token), Invitation.kind.in_(kinds))
    link = session.scalar(query.where(Invitation.used_at.is_(None), Invitation.expires_at > now()).with_for_update())
    if link is None:
        raise NotFound(sentence)
    return link


def check_email(email: str) -> None:
    """Refused for what cannot be an address. Whether it is somebody's shows when the link arrives."""
    local, at, domain = email.partition("@")
    if not (local and at and "." in domain and len(email) <= 254 and email.isprintable() and " " not in email and email.count("@") == 1):
        raise Refused("This is not an e-mail address. Nothing was saved.", field="email")


def check_name(name: str) -> None:
    if not 1 <= len(name) <= 100:
        raise Refused("A name has 1 to 100 characters. Nothing was saved.", field="name")
