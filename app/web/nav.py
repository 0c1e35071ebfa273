"""The figures in the top bar."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.incidents.queries import count_open

MOST = 100  # "100" in the bar says "more than anybody reads": counting further would cost every page


@dataclass(frozen=True)
class Nav:
    open_incidents: int = 0


def nav(session: Session, me: Person) -> Nav:
    """How many open incidents the person may see, counted up to a hundred."""
    return Nav(open_incidents=count_open(session, reach=me.reach(), limit=MOST))
