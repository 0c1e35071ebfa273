"""What only reads drills and scripts. A drill is seen by those who may see its service."""

from sqlalchemy import Select, and_, select
from sqlalchemy.orm import Session, selectinload

from app.accounts.policy import Permission, Person, Reach
from app.core.errors import NotFound
from app.drills.models import Drill, DrillScript, Inject, ScriptVersion
from app.incidents.models import Incident

Script = tuple[DrillScript, ScriptVersion]
# not joined: a drill that is read again under a lock locks its own row only
_SHOWN = (selectinload(Drill.injects), selectinload(Drill.service), selectinload(Drill.target), selectinload(Drill.incident))


def get(session: Session, drill_id: int, *, reach: Reach) -> Drill:
    """One drill as it is now, with its facts, service, target and incident. NotFound outside of the reader's reach."""
    query = _within(select(Drill).where(Drill.id == drill_id), reach).options(*_SHOWN)
    if found := session.scalar(query.execution_options(populate_existing=True)):
        return found
    raise NotFound


def get_inject(drill: Drill, inject_id: int) -> Inject:
    """One fact of the drill. NotFound for another's."""
    found = next((one for one in drill.injects if one.id == inject_id), None)
    if found is None:
        raise NotFound
    return found


def leads(drill: Drill, reader: Person) -> bool:
    """Whether the reader leads the drill while it goes on."""
    return drill.ended_at is None and drill.facilitator_id == reader.id and reader.may(Permission.EDIT_PROCEDURE, {drill.service_id})


def told_to(drill: Drill, reader: Person) -> list[Inject]:
    """The facts that the reader may know: what is still to come is for who leads the drill, and for everybody when it is over."""
    return [fact for fact in drill.injects if fact.state == "injected" or drill.ended_at or leads(drill, reader)]


def running(session: Session, *, reach: Reach) -> list[Drill]:
    """The drills that go on, the newest first."""
    query = _within(select(Drill).where(Drill.ended_at.is_(None)), reach)
    return list(session.scalars(query.options(*_SHOWN).order_by(Drill.started_at.desc())))


def ended(session: Session, *, reach: Reach, before: int | None = None, limit: int = 30) -> list[Drill]:
    """A page of the drills that are over, the newest first. `before` is the id of the last one of the page above."""
    query = _within(select(Drill).where(Drill.ended_at.is_not(None)), reach).options(*_SHOWN)
    query = query.where(Drill.id < before) if before else query
    return list(session.scalars(query.order_by(Drill.id.desc()).limit(limit)))


def earlier(session: Session, drill: Drill, *, limit: int = 5) -> list[Drill]:
    """Drills of the same service that ended and that somebody declared, from before this one, the newest first."""
    query = select(Drill).where(Drill.service_id == drill.service_id, Drill.id < drill.id)
    query = query.where(Drill.ended_at.is_not(None), Drill.incident_id.is_not(None)).options(*_SHOWN)
    return list(session.scalars(query.order_by(Drill.started_at.desc(), Drill.id.desc()).limit(limit)))


def of_incident(session: Session, incident: Incident) -> Drill | None:
    """The drill that the incident belongs to."""
    return session.scalar(select(Drill).where(Drill.incident_id == incident.id))


def scripts(session: Session, *, archived: bool = False) -> list[Script]:
    """Every script with its newest version, by name."""
    query = _scripts().where(DrillScript.archived_at.is_not(None) if archived else DrillScript.archived_at.is_(None))
    return [(script, version) for script, version in session.execute(query.order_by(ScriptVersion.name, DrillScript.id))]


def scripts_for(session: Session, service_id: int) -> list[Script]:
    """The scripts that a drill of this service may begin with: its own first, then those for every service."""
    found = [pair for pair in scripts(session) if pair[1].service_id in (None, service_id)]
    return sorted(found, key=lambda pair: pair[1].service_id is None)


def get_script(session: Session, script_id: int) -> Script:
    """A script with its newest version. NotFound where there is none."""
    row = session.execute(_scripts().where(DrillScript.id == script_id)).first()
    if row is None:
        raise NotFound
    return row[0], row[1]


def versions(session: Session, script: DrillScript) -> list[ScriptVersion]:
    """Every version, the newest first."""
    query = select(ScriptVersion).where(ScriptVersion.script_id == script.id)
    return list(session.scalars(query.order_by(ScriptVersion.number.desc())))


def _scripts() -> Select[DrillScript, ScriptVersion]:
    newest = and_(ScriptVersion.script_id == DrillScript.id, ScriptVersion.number == DrillScript.version)
    return select(DrillScript, ScriptVersion).join(ScriptVersion, newest)


def _within(query: Select[Drill], reach: Reach) -> Select[Drill]:
    return query if reach.everything else query.where(Drill.service_id.in_(reach.service_ids))
