"""Drills: what goes on and how it went, starting one, leading it; figures over many incidents."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.catalog import queries as catalog
from app.catalog.models import Service
from app.core.errors import Refused
from app.drills import actions, queries, scoring
from app.drills.models import Drill
from app.insights import figures
from app.web.api.asked import Asked, Id, named
from app.web.api.once import Key, once
from app.web.api.shapes import Page
from app.web.deps import Db, Me
from app.web.guard import may
from app.web.loaders import catalog as load_catalog
from app.web.loaders import drill as load

router = APIRouter(tags=["drills"])
Held = Annotated[Drill, may(P.EDIT_PROCEDURE, load.drill)]
Told = Annotated[load.Told, may(P.EDIT_PROCEDURE, load.inject)]


class FactShape(BaseModel):
    """A fact of the script. What waits is told to who leads the drill, and to everybody after its end."""

    model_config = ConfigDict(from_attributes=True)
    id: int
    minute: int
    text: str
    state: Literal["waiting", "injected", "skipped"]
    due_at: datetime
    done_at: datetime | None


class ScoreShape(BaseModel):
    """Seconds, and counts of [reached, wanted]; null where it did not happen yet, or there was nothing to count."""

    model_config = ConfigDict(from_attributes=True)
    declare: float | None = Field(description="From the signal to the declaration.")
    decide: float | None = Field(description="From the declaration to the first decision.")
    recover: float | None = Field(description="From the declaration to when it works again.")
    updates: tuple[int, int] | None
    items: tuple[int, int] | None


class DrillShape(BaseModel):
    id: int
    name: str
    service: str
    signal: str
    facilitator: str
    incident_id: int | None
    started_at: datetime
    ended_at: datetime | None
    end_reason: str
    facts: list[FactShape]
    score: ScoreShape


class SpanShape(BaseModel):
    """Seconds over `count` incidents; null where there are none."""

    model_config = ConfigDict(from_attributes=True)
    count: int
    mean: float | None
    median: float | None


class LineShape(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    severity: str = Field(description="Empty: all of them.")
    count: int
    open: int
    decide: SpanShape
    resolve: SpanShape


class NewDrill(Asked):
    script_id: Id
    target_id: Id | None = Field(None, description="Where to go back; null: it is only talked through.")
    accepts_production: bool = Field(False, description="Needed for a target that is not there to practise on.")


class Ending(Asked):
    reason: str = ""


@router.get("/drills")
def drills(db: Db, me: Annotated[Person, may(P.READ)], before: int | None = None) -> Page[DrillShape]:
    """The drills that go on, then those that are over, the newest first. `before` is the id of the last one of the page above."""
    reach = me.reach()
    found = ([] if before else queries.running(db, reach=reach)) + queries.ended(db, reach=reach, before=before)
    return Page(items=[_shape(db, drill, me) for drill in found])


@router.get("/drills/{drill_id}")
def drill(db: Db, me: Me, drill: Annotated[Drill, may(P.READ, load.drill)]) -> DrillShape:
    """One drill with its score."""
    return _shape(db, drill, me)


@router.post("/services/{slug}/drills", response_model=DrillShape, status_code=201)
def start(
    request: Request,
    db: Db,
    me: Me,
    service: Annotated[Service, may(P.EDIT_PROCEDURE, load_catalog.service)],
    wish: NewDrill,
    key: Key = "",
) -> Response:
    """Give the signal. Nothing is declared: people do that, and mark the incident as a drill."""

    def make() -> DrillShape:
        with named(f"script {wish.script_id}", "script_id"):
            script = queries.get_script(db, wish.script_id)[0]
        targets = {one.id: one for one in catalog.targets_of(db, service)}
        if wish.target_id and wish.target_id not in targets:
            raise Refused("That target is not one of the service. Nothing was started.", field="target_id")
        target = targets[wish.target_id] if wish.target_id else None
        knows, nonce = wish.accepts_production, f"api-{me.id}-{key}"
        made = actions.start(db, script, service, target=target, form_nonce=nonce, accepts_production=knows, by=me)
        return _again(db, made, me)

    return once(request, db, me, key, wish, make, status=201)


@router.post("/drills/{drill_id}/facts/{inject_id}/tell", response_model=DrillShape)
def tell(request: Request, db: Db, me: Me, told: Told, key: Key = "") -> Response:
    """Tell a fact now."""

    def make() -> DrillShape:
        actions.inject(db, told[0], told[1], by=me)
        return _again(db, told[0], me)

    return once(request, db, me, key, None, make)


@router.post("/drills/{drill_id}/facts/{inject_id}/skip", response_model=DrillShape)
def skip(request: Request, db: Db, me: Me, told: Told, key: Key = "") -> Response:
    """Leave a fact out."""

    def make() -> DrillShape:
        actions.skip(db, told[0], told[1], by=me)
        return _again(db, told[0], me)

    return once(request, db, me, key, None, make)


@router.post("/drills/{drill_id}/lead", response_model=DrillShape)
def lead(request: Request, db: Db, me: Me, drill: Held, key: Key = "") -> Response:
    """Lead the drill from here on, and see its script."""

    def make() -> DrillShape:
        actions.take_over(db, drill, by=me)
        return _again(db, drill, me)

    return once(request, db, me, key, None, make)


@router.post("/drills/{drill_id}/end", response_model=DrillShape)
def end(request: Request, db: Db, me: Me, drill: Held, wish: Ending, key: Key = "") -> Response:
    """End the drill: no further fact is told. Its incident goes on by itself."""

    def make() -> DrillShape:
        actions.end(db, drill, reason=wish.reason, by=me)
        return _again(db, drill, me)

    return once(request, db, me, key, wish, make)


@router.get("/insights")
def insights(db: Db, me: Annotated[Person, may(P.READ)]) -> Page[LineShape]:
    """Real incidents of the last 90 days by severity, then all: how many, how fast decided, how fast resolved. Without drills."""
    return Page(items=[LineShape.model_validate(line) for line in figures.lines(db, reach=me.reach())])


def _again(db: Session, drill: Drill, me: Person) -> DrillShape:
    """As it is after a verb has changed it."""
    return _shape(db, queries.get(db, drill.id, reach=me.reach()), me)


def _shape(db: Session, drill: Drill, me: Person) -> DrillShape:
    facts = [FactShape.model_validate(fact) for fact in queries.told_to(drill, me)]
    plain = ("id", "name", "signal", "facilitator", "incident_id", "started_at", "ended_at", "end_reason")
    score = ScoreShape.model_validate(scoring.of(db, drill))
    return DrillShape(**{name: getattr(drill, name) for name in plain}, service=drill.service.slug, facts=facts, score=score)
