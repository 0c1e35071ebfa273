"""The timeline of an incident, and who holds its roles."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import AfterValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.policy import P
from app.incidents import history, queries, roles, timeline
from app.incidents.models import Incident
from app.web.api import cursor
from app.web.api.asked import Asked, Id, Moment
from app.web.api.once import Key, once
from app.web.api.shapes import EntryShape, IncidentShape, Page, RolesShape
from app.web.deps import Db, Me
from app.web.guard import may
from app.web.load import number
from app.web.loaders import incident as load

router = APIRouter(tags=["timeline"])
Seen = Annotated[Incident, may(P.READ, load.incident)]
Held = Annotated[Incident, may(P.RESPOND, load.incident)]


def _known(kind: str) -> str:
    if kind not in history.KINDS:
        raise ValueError(f"a line is one of {', '.join(history.KINDS)}")
    return kind


KindOfLine = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": list(history.KINDS)})]


class Note(Asked):
    body: str = Field(description="Markdown.")
    at: Moment | None = Field(None, description="When it happened; empty for now.")


class Edit(Asked):
    body: str = Field(description="Markdown. The version before it stays in the record.")


class Taking(Asked):
    role: str = Field(description="commander, comms, scribe, or a role of your own.")


class HandOver(Taking):
    to: Id = Field(description="The person's id.")
    briefing: str = Field(description="One line: what is going on and what comes next.")
    holder_id: Id | None = Field(None, description="The holding as you read it: where somebody was faster, nothing is handed over (409).")


@router.get("/incidents/{incident_id}/timeline")
def entries(
    db: Db,
    incident: Seen,
    kind: KindOfLine | None = None,
    who: Literal["people", "system"] | None = None,
    person_id: Id | None = None,
    cursor_: cursor.Query = None,
) -> Page[EntryShape]:
    """The timeline, the newest first, each note in its newest version; all of it, or of one kind, by people, by one person."""
    only = history.Filter(kinds=frozenset({kind} if kind else ()), who=who or "", person_id=person_id)
    found = history.page(db, incident, only=only, before=cursor.read_moment(cursor_), limit=cursor.PAGE)
    following = cursor.write(*found.older) if found.older else None
    return Page(items=[EntryShape.model_validate(row) for row in found.entries], next=following)


@router.post("/incidents/{incident_id}/timeline", response_model=EntryShape, status_code=201)
def note(request: Request, db: Db, me: Me, incident: Held, note: Note, key: Key = "") -> Response:
    """Add a note."""

    def make() -> EntryShape:
        entry = timeline.note(db, incident, body=note.body, at=note.at, by=me)
        db.refresh(entry)
        return EntryShape.model_validate(entry)

    return once(request, db, me, key, note, make, status=201)


@router.post("/incidents/{incident_id}/timeline/{entry_id}", response_model=EntryShape)
def edit(request: Request, db: Db, me: Me, incident: Held, entry_id: str, edit: Edit, key: Key = "") -> Response:
    """Write a new version of a note of your own."""

    def make() -> EntryShape:
        entry = history.get_entry(db, incident, number({"entry_id": entry_id}, "entry_id"))
        version = timeline.edit(db, entry, body=edit.body, by=me)
        db.refresh(version)
        return EntryShape.model_validate(version)

    return once(request, db, me, key, edit, make)


@router.get("/incidents/{incident_id}/roles")
def held(db: Db, incident: Seen) -> RolesShape:
    """Who holds the roles of an incident, who held them before, and who can be handed one."""
    past, people = roles.past(db, incident), queries.people(db, incident)
    return RolesShape.model_validate({"held": incident.roles, "past": past, "people": people})


@router.post("/incidents/{incident_id}/roles/take", response_model=IncidentShape)
def take(request: Request, db: Db, me: Me, incident: Held, taking: Taking, key: Key = "") -> Response:
    """Take a free role of an incident, as the token's owner."""

    def make() -> IncidentShape:
        roles.take(db, incident, taking.role, by=me)
        return IncidentShape.model_validate(queries.shown(db, incident))

    return once(request, db, me, key, taking, make)


@router.post("/incidents/{incident_id}/roles/hand-over", response_model=IncidentShape)
def hand_over(request: Request, db: Db, me: Me, incident: Held, wish: HandOver, key: Key = "") -> Response:
    """Hand a role over to somebody, with a line that briefs them."""

    def make() -> IncidentShape:
        roles.hand_over(db, incident, wish.role, to=wish.to, briefing=wish.briefing, holder_id=wish.holder_id, by=me)
        return IncidentShape.model_validate(queries.shown(db, incident))

    return once(request, db, me, key, wish, make)


@router.post("/incidents/{incident_id}/roles/give-back", response_model=IncidentShape)
def give_back(request: Request, db: Db, me: Me, incident: Held, taking: Taking, key: Key = "") -> Response:
    """Give a role back: nobody holds it then."""

    def make() -> IncidentShape:
        roles.give_back(db, incident, taking.role, by=me)
        return IncidentShape.model_validate(queries.shown(db, incident))

    return once(request, db, me, key, taking, make)
