"""Paging, contacts and alerts of an incident."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.policy import P
from app.catalog.models import Contact
from app.core.errors import Refused
from app.incidents.models import Incident
from app.notifications import contacts_reached, integrations, paging
from app.notifications.alerting_models import Alert
from app.web.api.asked import Asked
from app.web.api.once import Key, once
from app.web.api.shapes import Page, Shape
from app.web.deps import Db, Me
from app.web.guard import may
from app.web.loaders import contact as load_contact
from app.web.loaders import incident as load

router = APIRouter(tags=["paging"])
Seen = Annotated[Incident, may(P.READ, load.incident)]
Held = Annotated[Incident, may(P.RESPOND, load.incident)]


class AttemptShape(Shape):
    name: str
    role: str
    channel: str
    round: int = Field(description="Those of one round are paged at once.")
    state: str = Field(description="waiting, queued, sent, acknowledged, passed_on, exhausted or spared.")
    reason: str


class PagingShape(Shape):
    """How the paging stands; `state` is empty where nobody was paged."""

    state: str = Field(description="paging, acknowledged, exhausted, stopped, or empty.")
    wait_s: int = 0
    next_at: datetime | None = None
    answered_by: str = ""
    answered_at: datetime | None = None
    attempts: list[AttemptShape] = Field(default_factory=list)


class CallableShape(Shape):
    """Somebody to call, and what was said of them last."""

    contact_id: int
    name: str
    role: str
    phone: str
    email: str
    chat: str
    services: list[str] = Field(description="None: of the whole company.")
    outcome: str = Field(description="reached, not_reached, or empty.")
    said_by: str
    said_at: datetime | None


class AlertShape(Shape):
    id: int
    title: str
    status: str
    severity: str
    source: str
    service_id: int | None
    url: str
    starts_at: datetime | None
    last_at: datetime


class Said(Asked):
    outcome: Literal["reached", "not_reached"]


@router.get("/incidents/{incident_id}/paging")
def show(db: Db, incident: Seen) -> PagingShape:
    """Who is paged, whose turn it is until when, and who answered."""
    return _paging(db, incident)


@router.post("/incidents/{incident_id}/paging", response_model=PagingShape)
def begin(request: Request, db: Db, me: Me, incident: Held, key: Key = "") -> Response:
    """Page the contacts, also in a drill, and again where the last paging is over."""

    def make() -> PagingShape:
        if paging.begin(db, incident, by=me, asked=True) is None:
            raise Refused("Nobody can be paged: no contact has a way that works. Call somebody from the list.")
        return _paging(db, incident)

    return once(request, db, me, key, None, make)


@router.post("/incidents/{incident_id}/paging/answer", response_model=PagingShape)
def answer(request: Request, db: Db, me: Me, incident: Held, key: Key = "") -> Response:
    """Say that you take it: the escalation stops."""

    def make() -> PagingShape:
        paging.answer(db, incident, by=me)
        return _paging(db, incident)

    return once(request, db, me, key, None, make)


@router.get("/incidents/{incident_id}/contacts")
def contacts(db: Db, me: Me, incident: Seen) -> Page[CallableShape]:
    """Whom to call, in order, and who was reached."""
    return Page(items=[_callable(one) for one in contacts_reached.of_incident(db, incident, reach=me.reach())])


@router.post("/incidents/{incident_id}/contacts/{contact_id}", response_model=CallableShape)
def say(
    request: Request,
    db: Db,
    me: Me,
    called: Annotated[tuple[Incident, Contact], may(P.RESPOND, load_contact.of_incident)],
    wish: Said,
    key: Key = "",
) -> Response:
    """Write down that somebody was reached, or not: a line of the timeline."""
    incident, contact = called

    def make() -> CallableShape:
        call = contacts_reached.say(db, incident, contact, reached=wish.outcome == contacts_reached.REACHED, by=me)
        return _callable(contacts_reached.Reachable(contact, (), call))

    return once(request, db, me, key, wish, make)


@router.get("/incidents/{incident_id}/alerts")
def alerts(db: Db, incident: Seen) -> Page[AlertShape]:
    """What fired on the incident, firing first."""
    return Page(items=[_alert(one) for one in integrations.alerts_of(db, incident)])


def _paging(db: Db, incident: Incident) -> PagingShape:
    standing = paging.standing(db, incident)
    if standing is None:
        return PagingShape(state="")
    now = standing.paging
    return PagingShape(
        state=now.state,
        wait_s=now.wait_s,
        next_at=now.next_at,
        answered_by=now.answered_by,
        answered_at=now.answered_at,
        attempts=[AttemptShape.model_validate(one) for one in standing.attempts],
    )


def _callable(one: contacts_reached.Reachable) -> CallableShape:
    contact, last = one.contact, one.last
    return CallableShape(
        contact_id=contact.id,
        name=contact.name,
        role=contact.role,
        phone=contact.phone,
        email=contact.email,
        chat=contact.chat,
        services=list(one.services),
        outcome=last.outcome if last else "",
        said_by=last.by if last else "",
        said_at=last.at if last else None,
    )


def _alert(one: Alert) -> AlertShape:
    kept = {name: getattr(one, name) for name in AlertShape.model_fields if name != "source"}
    return AlertShape(source=one.integration.name, **kept)
