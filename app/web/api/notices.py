"""Notices of an incident: drafts, sending, copies, and when the next update is due."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.policy import P
from app.core.database import db_now
from app.incidents import queries as incidents
from app.incidents.models import Incident
from app.notifications import cadence, drafting, notices, queries
from app.notifications.kinds import Audience, Kind
from app.notifications.models import Notice
from app.web.api import cursor
from app.web.api.asked import Asked, Moment
from app.web.api.once import Key, once
from app.web.api.shapes import Page, Shape
from app.web.deps import Db, Me
from app.web.guard import may
from app.web.load import number
from app.web.loaders import incident as load
from app.web.loaders import notice as load_notice

router = APIRouter(tags=["notices"])
Seen = Annotated[Incident, may(P.READ, load.incident)]
Held = Annotated[Incident, may(P.RESPOND, load.incident)]
SeenNotice = Annotated[Notice, may(P.READ, load_notice.notice)]
HeldNotice = Annotated[Notice, may(P.RESPOND, load_notice.notice)]
SentNotice = Annotated[Notice, may(P.PUBLISH, load_notice.notice)]
Minutes = Annotated[int, Field(ge=1, le=10_080)]


class NoticeShape(Shape):
    """A draft, or what was sent. `subject` and `body` hold `{{ field }}`; `sent_subject` and `sent_text` are what left."""

    id: int
    incident_id: int
    kind: str
    audience: str
    state: str
    cause: str = Field(description="What prepared it: declared, run-12, verification-3, resolved-…; empty by hand.")
    subject: str
    body: str
    told: dict[str, str]
    version: int
    prepared_at: datetime
    prepared_by: str
    sent_subject: str | None
    sent_text: str | None
    ended_at: datetime | None
    ended_by: str
    reason: str


class PreviewShape(Shape):
    """The words with the values of this moment, and the fields that nobody knows yet."""

    subject: str
    text: str
    missing: list[str]
    problems: dict[str, str]


class CopyShape(Shape):
    """One copy. queued, sending, sent, failed, skipped, or unknown: then nobody knows whether it arrived."""

    id: int
    uid: str
    recipient: str
    kind: str
    address: str
    state: str
    reason: str
    said: str
    tries: int
    next_try_at: datetime
    ended_at: datetime | None


class CadenceShape(Shape):
    """When the next update is due; null where nobody waits for one."""

    due_at: datetime | None


class Draft(Asked):
    kind: Kind = Kind.UPDATE
    audience: Audience = Audience.INSIDE


class Words(Asked):
    subject: str
    body: str = Field(description="Plain text with `{{ field }}`.")
    told: dict[str, str] = Field(default_factory=dict, description="What only a person knows: impact, action, eta, resolution, next_steps.")
    version: int = Field(description="The version that you read; 409 where it is another one by now.")


class Sending(Asked):
    version: int = Field(description="The version that you read; 409 where it was changed or sent since.")
    last: int | None = Field(None, description="The id of what went out last, 0 for nothing; 409 where another one went out since.")
    next_minutes: Minutes | None = Field(None, description="Until the next update; as the rule of the severity says where left out.")
    elsewhere: str = Field("", description="How people were told without the console; then nothing is sent.")


class Discarding(Asked):
    version: int


class Next(Asked):
    at: Moment | None = Field(description="When the next update is due; null where nobody waits for one.")
    reason: str = Field("", description="Needed where it comes later than promised, or not at all.")


@router.get("/incidents/{incident_id}/notices")
def listed(db: Db, incident: Seen, cursor_: cursor.Query = None) -> Page[NoticeShape]:
    """The notices of an incident, the newest first."""
    rows = queries.page(db, incident, before=cursor.read_id(cursor_), limit=cursor.PAGE + 1)
    shown, following = cursor.cut(rows, lambda row: (row.id,))
    return Page(items=[NoticeShape.model_validate(row) for row in shown], next=following)


@router.post("/incidents/{incident_id}/notices", response_model=NoticeShape, status_code=201)
def prepare(request: Request, db: Db, me: Me, incident: Held, draft: Draft, key: Key = "") -> Response:
    """Prepare a draft from its template."""
    return once(request, db, me, key, draft, lambda: _shape(db, drafting.make(db, incident, draft.kind, draft.audience, by=me)), status=201)


@router.get("/incidents/{incident_id}/cadence")
def show_cadence(db: Db, incident: Seen) -> CadenceShape:
    """When the next update is due."""
    return CadenceShape(due_at=cadence.due_at(db, incident))


@router.post("/incidents/{incident_id}/cadence", response_model=CadenceShape)
def set_next(request: Request, db: Db, me: Me, incident: Held, wish: Next, key: Key = "") -> Response:
    """Set or snooze the next update without sending one."""

    def make() -> CadenceShape:
        cadence.set_next(db, incident, at=wish.at, reason=wish.reason, by=me)
        return CadenceShape(due_at=cadence.due_at(db, incident))

    return once(request, db, me, key, wish, make)


@router.get("/notices/{notice_id}")
def show(notice: SeenNotice) -> NoticeShape:
    """One notice."""
    return NoticeShape.model_validate(notice)


@router.get("/notices/{notice_id}/preview")
def preview(db: Db, notice: SeenNotice) -> PreviewShape:
    """How it reads now; of what was sent, how it read then."""
    incident = _incident(db, notice)
    shown = notices.preview(db, notice, incident, next_at=db_now(db) + cadence.every(db, incident) if incident.is_open else None)
    missing = [field.name for field in shown.missing]
    return PreviewShape(subject=shown.subject, text=shown.text, missing=missing, problems=dict(shown.problems))


@router.post("/notices/{notice_id}", response_model=NoticeShape)
def edit(request: Request, db: Db, me: Me, notice: HeldNotice, words: Words, key: Key = "") -> Response:
    """Change a draft."""

    def make() -> NoticeShape:
        changed = {"subject": words.subject, "body": words.body}
        notices.edit(db, notice, _incident(db, notice), **changed, told=words.told, seen=words.version, by=me)
        return _shape(db, notice)

    return once(request, db, me, key, words, make)


@router.post("/notices/{notice_id}/send", response_model=NoticeShape)
def send(request: Request, db: Db, me: Me, notice: SentNotice, wish: Sending, key: Key = "") -> Response:
    """Send a draft to everybody whom it concerns, and promise the next update."""

    def make() -> NoticeShape:
        incident = _incident(db, notice)
        chosen = timedelta(minutes=wish.next_minutes) if wish.next_minutes else None
        notices.send(
            db,
            notice,
            incident,
            seen=wish.version,
            seen_last=wish.last,
            next_in=chosen or cadence.every(db, incident),
            by_hand=chosen is not None,
            elsewhere=wish.elsewhere,
            by=me,
        )
        return _shape(db, notice)

    return once(request, db, me, key, wish, make)


@router.post("/notices/{notice_id}/discard", response_model=NoticeShape)
def discard(request: Request, db: Db, me: Me, notice: HeldNotice, wish: Discarding, key: Key = "") -> Response:
    """Put a draft away; it stays in the record."""

    def make() -> NoticeShape:
        notices.discard(db, notice, _incident(db, notice), seen=wish.version, by=me)
        return _shape(db, notice)

    return once(request, db, me, key, wish, make)


@router.get("/notices/{notice_id}/copies")
def copies(db: Db, notice: SeenNotice) -> list[CopyShape]:
    """How each copy stands; what needs a hand stands first."""
    return [CopyShape.model_validate(one) for one in queries.deliveries(db, notice)]


@router.post("/notices/{notice_id}/copies/{delivery_id}/retry", response_model=CopyShape)
def retry(request: Request, db: Db, me: Me, notice: SentNotice, delivery_id: str, key: Key = "") -> Response:
    """Send a copy again that failed, was skipped, or nobody knows of."""

    def make() -> CopyShape:
        delivery = queries.get_delivery(db, notice, number({"delivery_id": delivery_id}, "delivery_id"))
        notices.retry(db, delivery, _incident(db, notice), by=me)
        db.refresh(delivery)
        return CopyShape.model_validate(delivery)

    return once(request, db, me, key, None, make)


def _incident(db: Session, notice: Notice) -> Incident:
    return incidents.shown(db, db.get_one(Incident, notice.incident_id))


def _shape(db: Session, notice: Notice) -> NoticeShape:
    db.refresh(notice)
    return NoticeShape.model_validate(notice)
