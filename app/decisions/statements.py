"""What people say of the facts. The newest word on a fact counts, over whatever is measured, until it is taken back.

Severity, kind of trouble and the share of users are facts of the incident itself: to say them here is to set them there.
"""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.core.errors import Refused
from app.decisions.facts import Fact
from app.decisions.kinds import KINDS, Kind, Value, json_value, kind_of
from app.decisions.models import StatedFact
from app.incidents import facts, timeline
from app.incidents.models import Incident

ON_THE_INCIDENT = {"users_affected", "severity", "trouble"}


def newest(session: Session, incident: Incident) -> dict[str, Fact]:
    """The words that count, by key of the fact."""
    query = select(StatedFact).where(StatedFact.incident_id == incident.id).ext(distinct_on(StatedFact.key))
    rows = session.scalars(query.order_by(StatedFact.key, StatedFact.id.desc()))
    return {row.key: _fact(row) for row in rows if not row.withdrawn and row.key in KINDS}


def state(session: Session, incident: Incident, key: str, value: object, *, by: Person) -> bool:
    """Say what is so; None says that nobody knows. Whether that was news: the same word by the same person again is none.

    The caller holds the incident's row. Refused for a fact that there is none of, and for a value that it cannot have.
    """
    kind = kind_of(key)
    if not kind.is_stated:
        raise Refused(f"{kind.name} are counted and not said. Nothing was changed: write the reports down.", field="fact")
    kept = kind.checked(value)
    if key in ON_THE_INCIDENT:
        return _on_the_incident(session, incident, kind, kept, by=by)
    before = newest(session, incident).get(key)
    if before and before.value == kept and before.by == by.name:
        return False
    session.add(StatedFact(incident_id=incident.id, key=key, value=kept, by_id=by.id or None, by_name=by.name))
    session.flush()
    timeline.record(session, incident, _line(kind, kept), kind="facts", by=by, fact=key)
    return True


def take_back(session: Session, incident: Incident, key: str, *, by: Person) -> bool:
    """Let the measured value count again. Whether there was a word to take back. The caller holds the incident's row."""
    kind = kind_of(key)
    if key in ON_THE_INCIDENT:
        return _on_the_incident(session, incident, kind, None, by=by)
    if key not in newest(session, incident):
        return False
    session.add(StatedFact(incident_id=incident.id, key=key, withdrawn=True, by_id=by.id or None, by_name=by.name))
    session.flush()
    timeline.record(session, incident, f"took back what people said: {_lower(kind.name)}", kind="facts", by=by, fact=key)
    return True


def _on_the_incident(session: Session, incident: Incident, kind: Kind, value: Value, *, by: Person) -> bool:
    match kind.key:
        case "users_affected":
            return bool(facts.change(session, incident, affected_percent=value if isinstance(value, float) else None, by=by))
        case "trouble":
            return bool(facts.change(session, incident, trouble=str(value or ""), by=by))
    if value is None:
        raise Refused("An incident always has a severity. Nothing was changed: choose the higher one when in doubt.", field=kind.key)
    return bool(facts.change(session, incident, severity=str(value), by=by))


def _fact(row: StatedFact) -> Fact:
    value = json_value(row.value)
    said = f"Said by {row.by_name}." if value is not None else f"{row.by_name} says that nobody knows."
    return Fact(row.key, value, said, "person", row.at, row.by_name)


def _line(kind: Kind, value: Value) -> str:
    return f"set a fact: {_lower(kind.name)}: {kind.shown(value)}"


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]
