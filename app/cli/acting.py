"""Who acts at the terminal: a user of the console, so that the timeline names a person there too."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.accounts.models import User
from app.accounts.policy import Permission, Person
from app.accounts.sign_ins import person_of
from app.core.errors import Forbidden, NotFound, Refused


def acting(session: Session, email: str) -> Person:
    """The user named by `--as` or LASTGOOD_USER; without a name, the only active one. Refused where that is not clear."""
    email = (email or os.environ.get("LASTGOOD_USER", "")).strip().lower()
    query = select(User).where(User.state == "active").options(selectinload(User.grants)).order_by(User.id)
    users = list(session.scalars(query.where(User.email == email) if email else query))
    if len(users) == 1:
        return person_of(users[0])
    if email:
        raise Refused(f"Nobody with the address {email} may sign in here. Nothing was done: see the People page for the addresses.")
    if not users:
        raise Refused("This console has no users yet, so nobody can act. Nothing was done: `lastgood setup-link` makes the first one.")
    raise Refused(f"{len(users)} people use this console. Nothing was done: say who acts, by --as EMAIL or LASTGOOD_USER.")


def demand(person: Person, permission: Permission, *service_ids: int) -> None:
    """Forbidden where the person's grants do not reach this, as on the pages."""
    if not person.may(permission, service_ids or None):
        raise Forbidden(f"{person.name} may not do this ({permission}). Nothing was done: an administrator can grant it.")


@contextmanager
def named(what: str) -> Iterator[None]:
    """Look up what the command line names."""
    try:
        yield
    except NotFound:
        raise Refused(f"There is no {what}, or you may not see it. Nothing was done.") from None
