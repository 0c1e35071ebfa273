"""The figures in the top bar."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.incidents.models import Incident
from app.incidents.queries import visible
from app.incidents.states import OPEN


@dataclass(frozen=True)
class Nav:
    open_incidents: int = 0


def nav(session: Session, me: Person) -> Nav:
    """How many open incidents the person may see."""
    query = select(func.count()).select_from(Incident).where(Incident.state.in_(sorted(OPEN)), visible(me.reach()))
    return Nav(open_incidents=session.scalars(query).one())
