"""Incidents: list, declare, correct, move; the services that they touch."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.catalog import queries as catalog
from app.catalog.models import Service
from app.incidents import affected, facts, queries
from app.incidents.facts import Facts
from app.incidents.models import Incident
from app.incidents.states import Severity, State, Trouble
from app.response import declare as declaring
from app.response import resolve
from app.web.api import cursor
from app.web.api.asked import Asked, Id, Moment, named
from app.web.api.once import Key, once
from app.web.api.shapes import IncidentShape, Page
from app.web.deps import Db, Me
from app.web.guard import may
from app.web.load import need
from app.web.loaders import incident as load

router = APIRouter(tags=["incidents"])
Held = Annotated[Incident, may(P.RESPOND, load.incident)]
Percent = Annotated[float | None, Field(ge=0, le=100)]


class Declaration(Asked):
    """A new incident. Only the title is required."""

    title: str
    severity: Severity = Severity.HIGH
    trouble: Trouble | Literal[""] = ""
    impact: str = ""
    affected_percent: Percent = None
    services: list[str] = Field(default_factory=list, description="Slugs of the services that are hit.")
    began_at: Moment | None = None
    is_drill: bool = False
    takes_command: bool = Field(False, description="Whether the token's owner becomes its commander.")


class Correction(Asked):
    """Facts that are otherwise than they stand; what is not sent stays."""

    title: str = ""
    severity: Severity = Severity.HIGH
    trouble: Trouble | Literal[""] = ""
    impact: str = ""
    affected_percent: Percent = None
    began_at: Moment | None = None
    is_drill: bool = False


class Move(Asked):
    state: State
    reason: str = Field("", description="Needed for a step back and for an ending.")
    duplicate_of: Id | None = None
    overrule_reason: str = Field("", description="Why it ends although something is still open; see /incidents/{incident_id}/obstacles.")


class Touch(Asked):
    service: str = Field(description="Slug.")


class Suspicion(Touch):
    release_id: Id | None = Field(description="The release under suspicion; null takes the suspicion back.")


class Restriction(Asked):
    restricted: bool


@router.get("/incidents")
def incidents(
    db: Db,
    me: Annotated[Person, may(P.READ)],
    state: Literal["open", "over"] | State | None = None,
    severity: Severity | None = None,
    words: Annotated[str, Field(max_length=200)] = "",
    service: Annotated[str, Field(max_length=63)] = "",
    drills: Literal["only", "without"] | None = None,
    cursor_: cursor.Query = None,
) -> Page[IncidentShape]:
    """Incidents, the newest first. `words` begin words of the title, or name one incident: INC-42. `service` is a slug."""
    filters = queries.Filters(
        words=words,
        state=state or "",
        severity=severity or "",
        service_id=service_named(db, me, service).id if service else None,
        drills=None if drills is None else drills == "only",
    )
    rows = queries.find(db, filters, reach=me.reach(), before=cursor.read_id(cursor_), limit=cursor.PAGE + 1)
    shown, following = cursor.cut(rows, lambda row: (row.id,))
    return Page(items=[IncidentShape.model_validate(row) for row in shown], next=following)


@router.post("/incidents", response_model=IncidentShape, status_code=201)
def declare(request: Request, db: Db, me: Annotated[Person, may(P.DECLARE)], declaration: Declaration, key: Key = "") -> Response:
    """Declare an incident."""

    def make() -> IncidentShape:
        ids = tuple(service_named(db, me, slug).id for slug in declaration.services)
        need(me, P.DECLARE, ids)
        told = declaration.model_dump(exclude={"services"})
        return _shape(db, declaring.declare(db, form_nonce=f"api-{me.actor}-{key}", service_ids=ids, by=me, **told))

    return once(request, db, me, key, declaration, make, status=201)


@router.get("/incidents/{incident_id}")
def incident(incident: Annotated[Incident, may(P.READ, load.incident)]) -> IncidentShape:
    """One incident, with the services that it touches and who holds its roles."""
    return IncidentShape.model_validate(incident)


@router.post("/incidents/{incident_id}/facts", response_model=IncidentShape)
def change(request: Request, db: Db, me: Me, incident: Held, correction: Correction, key: Key = "") -> Response:
    """Correct facts of an incident, each with a line in its timeline. Send only those that change."""

    def make() -> IncidentShape:
        facts.change(db, incident, by=me, **Facts(**correction.model_dump(exclude_unset=True)))  # type: ignore[typeddict-item]  # its keys
        return _shape(db, incident)

    return once(request, db, me, key, correction, make)


@router.post("/incidents/{incident_id}/state", response_model=IncidentShape)
def move(request: Request, db: Db, me: Me, incident: Held, move: Move, key: Key = "") -> Response:
    """Say how far an incident is. Backwards, and into an ending, with a reason; a commander ends it and opens it again."""

    def make() -> IncidentShape:
        other = None
        if move.duplicate_of:
            with named(f"incident {move.duplicate_of}", "duplicate_of"):
                other = queries.get(db, move.duplicate_of, reach=me.reach())
        told = {"reason": move.reason, "overrule_reason": move.overrule_reason}
        resolve.move(db, incident, move.state, **told, duplicate_of=other, by=me)
        return _shape(db, incident)

    return once(request, db, me, key, move, make)


@router.post("/incidents/{incident_id}/services", response_model=IncidentShape)
def touch(request: Request, db: Db, me: Me, incident: Held, touched: Touch, key: Key = "") -> Response:
    """Say that an incident touches a service."""

    def make() -> IncidentShape:
        affected.touch(db, incident, service_named(db, me, touched.service), by=me)
        return _shape(db, incident)

    return once(request, db, me, key, touched, make)


@router.post("/incidents/{incident_id}/services/remove", response_model=IncidentShape)
def leave(request: Request, db: Db, me: Me, incident: Held, left: Touch, key: Key = "") -> Response:
    """Say that an incident does not touch a service after all."""

    def make() -> IncidentShape:
        affected.leave(db, incident, service_named(db, me, left.service), by=me)
        return _shape(db, incident)

    return once(request, db, me, key, left, make)


@router.post("/incidents/{incident_id}/services/suspect", response_model=IncidentShape)
def suspect(request: Request, db: Db, me: Me, incident: Held, suspicion: Suspicion, key: Key = "") -> Response:
    """Name the release under suspicion: it is not offered as good any more."""

    def make() -> IncidentShape:
        service, release = service_named(db, me, suspicion.service), None
        if suspicion.release_id:
            with named(f"release {suspicion.release_id}", "release_id"):
                release = catalog.get_release(db, suspicion.release_id, reach=me.reach())
        affected.suspect(db, incident, service, release, by=me)
        return _shape(db, incident)

    return once(request, db, me, key, suspicion, make)


@router.post("/incidents/{incident_id}/restriction", response_model=IncidentShape)
def restrict(
    request: Request, db: Db, me: Me, incident: Annotated[Incident, may(P.COMMAND, load.incident)], wish: Restriction, key: Key = ""
) -> Response:
    """Hide an incident without services from people who may read only some services, or show it again."""

    def make() -> IncidentShape:
        affected.restrict(db, incident, wish.restricted, by=me)
        return _shape(db, incident)

    return once(request, db, me, key, wish, make)


def service_named(db: Session, me: Person, slug: str) -> Service:
    """A service that a body names."""
    with named(f"service “{slug[:63]}”", "service"):
        return catalog.get_service(db, slug, reach=me.reach())


def _shape(db: Session, incident: Incident) -> IncidentShape:
    """The incident as it is now that the verb has changed it."""
    return IncidentShape.model_validate(queries.shown(db, incident))
