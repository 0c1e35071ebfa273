"""What every benchmark needs: a console of its own, people, a token, and the lab's cluster."""

import os
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy.orm import Session, selectinload

from app.accounts import api_tokens, sign_ins
from app.accounts.models import Grant, User
from app.accounts.passwords import hashed
from app.accounts.policy import Permission, Person, Role
from app.accounts.sign_ins import person_of
from app.core import database, sealing
from app.core.database import transaction
from app.core.embedded import reachable
from app.core.settings import settings
from app.web import cookies
from tests.running import Running, running

PASSWORD = "correct horse battery staple"
SCOPES = (Permission.READ, Permission.DECLARE, Permission.RESPOND, Permission.COMMAND, Permission.PLAN, Permission.EXECUTE)


@contextmanager
def console(**env: str) -> Iterator[Running]:
    """A running console whose database this process may reach too."""
    with running("up", **env) as started:
        started.ready()
        for name in ("DATABASE_URL", "MIGRATION_DATABASE_URL", "REDIS_URL"):
            os.environ.pop(f"LASTGOOD_{name}", None)
        os.environ |= {name: value for name, value in started.env.items() if name.startswith("LASTGOOD_")}
        settings.cache_clear()
        sealing.reset()
        database.reset()
        with reachable():
            yield started
            database.engine().dispose()


def make_commander(session: Session, email: str = "ana@example.org") -> tuple[Person, str]:
    """Somebody who may do everything, and a bearer token of theirs."""
    user = User(email=email, name="Ana Ruiz", state="active", password_hash=hashed(PASSWORD))
    session.add(user)
    session.flush()
    session.add_all(Grant(user_id=user.id, role=role) for role in (Role.COMMANDER, Role.ADMIN))
    session.flush()
    person = person_of(session.get_one(User, user.id, options=[selectinload(User.grants)], populate_existing=True))
    return person, api_tokens.create(session, name="bench", scopes=SCOPES, days=1, by=person)


def make_browser(session: Session, person: Person) -> dict[str, str]:
    """The cookie of a browser that this person is signed in with."""
    user = session.get_one(User, person.id)
    return {cookies.SESSION: sign_ins.begin(session, user, address="127.0.0.1", agent="bench")}


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def row(what: str, values: Sequence[float], unit: str = "ms") -> str:
    """One line of a table: median and 95th percentile."""
    return f"| {what} | {statistics.median(values):.0f} {unit} | {quantile(values, 0.95):.0f} {unit} | {len(values)} |"


__all__ = ["PASSWORD", "console", "make_browser", "make_commander", "quantile", "row", "transaction"]
