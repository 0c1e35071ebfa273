"""Who holds which role, for every service or for one."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Grant, User
from app.accounts.policy import GLOBAL_ONLY, TABLE, Person, Role
from app.audit import actions as audit
from app.core import live
from app.core.errors import NotFound, Refused

EVERYWHERE_ONLY = frozenset(role for role in Role if TABLE[role] & GLOBAL_ONLY)  # admin, auditor


def give(session: Session, user: User, *, role: Role, service_id: int | None = None, by: Person) -> None:
    """Give a role, for every service or for one. Giving it again changes nothing. Refused for a role that is only for everything."""
    if service_id is not None and role in EVERYWHERE_ONLY:
        raise Refused(f"The role {role} holds for everything, not for one service. Nothing was changed.", field="service_id")
    same = select(Grant).where(Grant.user_id == user.id, Grant.role == role, Grant.service_id.is_not_distinct_from(service_id))
    session.scalars(
        select(User).where(User.id == user.id).with_for_update()
    ).one()  # the same grant twice at once: the second sees the first
    if session.scalar(same):
        return
    session.add(Grant(user_id=user.id, role=role, service_id=service_id))
    session.flush()
    audit.record(session, "grant.give", f"user-{user.id}", actor=by.actor, actor_name=by.name, role=role, service=service_id)
    live.tell(session, "people", f"user-{user.id}")


def take(session: Session, user: User, grant_id: int, *, by: Person) -> None:
    """Take a grant away. It holds at once, also for pages that are open. Refused for the last administrator's."""
    grant = session.scalar(select(Grant).where(Grant.id == grant_id, Grant.user_id == user.id))
    if grant is None:
        raise NotFound
    if grant.role == Role.ADMIN:
        keep_an_administrator(session, user)
    session.delete(grant)
    session.flush()
    audit.record(session, "grant.take", f"user-{user.id}", actor=by.actor, actor_name=by.name, role=grant.role, service=grant.service_id)
    live.tell(session, "people", f"user-{user.id}")


def keep_an_administrator(session: Session, user: User) -> None:
    """Refused where the person is the only active administrator.

    Locks every administrator's grant and row: of two who remove each other, the second waits and then finds the first one gone.
    """
    query = select(Grant.user_id).join(User, User.id == Grant.user_id).where(Grant.role == Role.ADMIN, User.state == "active")
    if set(session.scalars(query.order_by(Grant.id).with_for_update())) == {user.id}:
        raise Refused(f"{user.name} is the only administrator, so nothing was changed. Make somebody else administrator first.")
