"""One pass a beat, whoever comes first: many processes look for what is due, and one look at a time is enough.

Decision: a row with the time of the last pass, claimed by one statement, instead of one process that is in charge. Nobody has to notice
that somebody died: the next process that asks finds the beat over and takes it.
"""

from datetime import datetime, timedelta

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.database import Base


class Pulse(Base):
    """When the pass of this name was last begun."""

    __tablename__ = "pulses"

    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]


def take(session: Session, name: str, *, every_s: float) -> bool:
    """Claim the pass where the last one began `every_s` ago or earlier, by the database's clock. Of two at once, one gets it.

    A clock that goes back costs nothing: a time in the future counts as over, too.
    """
    moment = func.clock_timestamp()
    over = (Pulse.at <= moment - timedelta(seconds=every_s)) | (Pulse.at > moment)
    claim = insert(Pulse).values(name=name, at=moment).on_conflict_do_update(index_elements=["name"], set_={"at": moment}, where=over)
    return session.scalar(claim.returning(Pulse.name)) is not None
