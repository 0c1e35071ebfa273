"""Incidents and their timeline."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.catalog import queries as catalog
from app.incidents import actions, queries, timeline
from app.incidents.models import Incident
from app.incidents.states import Severity, State
from app.web.api import cursor
from app.web.api.once import Key, once
from app.web.api.shapes import EntryShape, IncidentShape, Page
from app.web.deps import Db, Me
from app.web.guard import may
from app.web.load import need
from app.web.loaders import incident as load

router = APIRouter(tags=["incidents"])
PAGE = 100


class Declaration(BaseModel):
    """A new incident. Only the title is required."""

    title: str
    severity: Severity = Severity.HIGH
    impact: str = ""
    affected_percent: float | None = Field(None, ge=0, le=100)
    services: list[str] = Field(default_factory=list, description="Slugs of the services that are hit.")
    began_at: datetime | None = None
    is_drill: bool = False


class Note(BaseModel):
    body: str = Field(description="Markdown.")
    at: datetime | None = Field(None, description="When it happened; empty for now.")


class Move(BaseModel):
    state: State
    reason: str = ""
    duplicate_of: int | None = None


@router.get("/incidents")
def incidents(
    db: Db, me: Annotated[Person, may(P.READ)], state: str = "", severity: str = "", words: str = "", cursor_: cursor.Query = None
) -> Page[IncidentShape]:
    """Incidents, the newest first. `state` may be open, over, or one state."""
    filters = queries.Filters(words=words, state=state, severity=severity)
    rows = queries.find(db, filters, reach=me.reach(), before=cursor.read_id(cursor_), limit=PAGE)
    following = cursor.write(rows[-1].id) if len(rows) == PAGE else None
    return Page(items=[IncidentShape.model_validate(row) for row in rows], next=following)


@router.post("/incidents", response_model=IncidentShape, status_code=201)
def declare(request: Request, db: Db, me: Annotated[Person, may(P.DECLARE)], declaration: Declaration, key: Key) -> Response:
    """Declare an incident."""

    def make() -> IncidentShape:
        ids = tuple(catalog.get_service(db, slug, reach=me.reach()).id for slug in declaration.services)
        need(me, P.DECLARE, ids)
        facts = declaration.model_dump(exclude={"services"})
        return IncidentShape.model_validate(actions.declare(db, form_nonce=f"api-{me.actor}-{key}", service_ids=ids, by=me, **facts))

    return once(request, db, me, key, declaration, make, status=201)


@router.get("/incidents/{incident_id}")
def incident(incident: Annotated[Incident, may(P.READ, load.incident)]) -> IncidentShape:
    """One incident."""
    return IncidentShape.model_validate(incident)


@router.get("/incidents/{incident_id}/timeline")
def entries(db: Db, incident: Annotated[Incident, may(P.READ, load.incident)], cursor_: cursor.Query = None) -> Page[EntryShape]:
    """The timeline, the newest first, each note in its newest version."""
    rows = queries.newest_entries(db, incident, before=cursor.read_moment(cursor_), limit=PAGE)
    following = cursor.write(rows[-1].at, rows[-1].id) if len(rows) == PAGE else None
    return Page(items=[EntryShape.model_validate(row) for row in rows], next=following)


@router.post("/incidents/{incident_id}/timeline", response_model=EntryShape, status_code=201)
def note(request: Request, db: Db, me: Me, incident: Annotated[Incident, may(P.RESPOND, load.incident)], note: Note, key: Key) -> Response:
    """Add a note."""

    def make() -> EntryShape:
        entry = timeline.note(db, incident, body=note.body, at=note.at, by=me)
        db.refresh(entry)
        return EntryShape.model_validate(entry)

    return once(request, db, me, key, note, make, status=201)


@router.post("/incidents/{incident_id}/state", response_model=IncidentShape)
def move(request: Request, db: Db, me: Me, incident: Annotated[Incident, may(P.RESPOND, load.incident)], move: Move, key: Key) -> Response:
    """Say how far the incident is. Backwards, and into an ending, with a reason."""

    def make() -> IncidentShape:
        other = queries.get(db, move.duplicate_of, reach=me.reach()) if move.duplicate_of else None
        if move.state in {State.RESOLVED, State.CANCELLED, State.DUPLICATE}:
            need(me, P.COMMAND, queries.service_ids(db, incident))
        actions.move(db, incident, move.state, reason=move.reason, duplicate_of=other, by=me)
        return IncidentShape.model_validate(incident)

    return once(request, db, me, key, move, make)
