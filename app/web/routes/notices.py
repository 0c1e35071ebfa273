"""Notices of an incident: drafts, sending, copies, and when the next update is due."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.core.database import db_now
from app.incidents.models import Incident
from app.incidents.queries import shown as with_services
from app.notifications import cadence, drafting, notices, queries
from app.notifications.models import Notice
from app.web import cockpit, notice_forms, notice_views
from app.web.deps import Db, Me, Sent
from app.web.fields import Fields
from app.web.forms import redrawn
from app.web.guard import may
from app.web.landing import landing
from app.web.loaders import incident as load
from app.web.loaders import notice as load_notice
from app.web.render import back, page, piece, piece_or_back

router = APIRouter()
Seen = Annotated[Incident, may(P.READ, load.incident)]
Held = Annotated[Incident, may(P.RESPOND, load.incident)]
SeenNotice = Annotated[Notice, may(P.READ, load_notice.notice)]
HeldNotice = Annotated[Notice, may(P.RESPOND, load_notice.notice)]
SentNotice = Annotated[Notice, may(P.PUBLISH, load_notice.notice)]


@router.get("/incidents/{incident_id}/notices")
def index(request: Request, db: Db, incident: Seen, me: Me) -> Response:
    return page(request, "notices/index.html", **_tab(db, incident, me))


@router.get("/incidents/{incident_id}/notices/list")
def show_list(request: Request, db: Db, incident: Seen, me: Me) -> Response:
    return piece(request, "notices/_list.html", **notice_views.listed(db, incident, me))


@router.post("/incidents/{incident_id}/notices")
def prepare(request: Request, db: Db, incident: Held, me: Me, sent: Sent) -> Response:
    with redrawn(request, "notices/index.html", sent, **_tab(db, incident, me)):
        notice = drafting.make(db, incident, notice_forms.kind(sent), notice_forms.audience(sent), by=me)
    return back(f"/notices/{notice.id}")


@router.post("/incidents/{incident_id}/cadence")
def set_next(request: Request, db: Db, incident: Held, me: Me, sent: Sent) -> Response:
    """Snooze, or set the next time, without sending anything."""
    with redrawn(request, "notices/index.html", sent, **_tab(db, incident, me)):
        _snooze(db, incident, sent, me)
    return back(f"/incidents/{incident.id}/notices", "The next update is set.")


@router.get("/notices/{notice_id}")
def show(request: Request, db: Db, notice: SeenNotice, me: Me) -> Response:
    return page(request, "notices/show.html", **_page(db, notice, me))


@router.post("/notices/{notice_id}/preview")
def preview(request: Request, db: Db, notice: HeldNotice, me: Me, sent: Sent) -> Response:  # noqa: ARG001 - it is who may
    """The words as they would read now; nothing is saved."""
    incident = _incident(db, notice)
    with db.begin_nested() as unsaved:
        notice.subject, notice.body, notice.told = sent.get("subject", ""), sent.get("body", ""), notice_forms.told(sent)
        shown = notices.preview(db, notice, incident, next_at=_next_at(db, incident, sent))
        unsaved.rollback()
    return piece(request, "notices/_preview.html", notice=notice, preview=shown)


@router.post("/notices/{notice_id}")
def change(request: Request, db: Db, notice: HeldNotice, me: Me, sent: Sent) -> Response:
    """Save, send, snooze or discard: one form, and the button says which."""
    with redrawn(request, "notices/show.html", sent, **_page(db, notice, me)):
        said = _done(db, notice, sent, me)
    return back(f"/notices/{notice.id}" if said.stays else f"/incidents/{notice.incident_id}/notices", said.words)


@router.get("/notices/{notice_id}/copies")
def show_copies(request: Request, db: Db, notice: SeenNotice, me: Me) -> Response:
    return piece(request, "notices/_copies.html", **notice_views.copies(db, notice, _may_publish(db, notice, me)))


@router.post("/notices/{notice_id}/copies/{delivery_id}/retry")
def retry(request: Request, db: Db, notice: SentNotice, me: Me, delivery_id: int) -> Response:
    with landing(f"/notices/{notice.id}"):
        notices.retry(db, queries.get_delivery(db, notice, delivery_id), _incident(db, notice), by=me)
    return piece_or_back(request, "notices/_copies.html", f"/notices/{notice.id}", **notice_views.copies(db, notice, True))


class _Said:
    def __init__(self, words: str, *, stays: bool = False) -> None:
        self.words, self.stays = words, stays


def _done(db: Session, notice: Notice, sent: Fields, me: Person) -> _Said:
    incident, seen, what = _incident(db, notice), sent.whole("version") or 0, sent.text("do")
    if what == "discard":
        notices.discard(db, notice, incident, seen=seen, by=me)
        return _Said("The draft is discarded.")
    words = {"subject": sent.get("subject", ""), "body": sent.get("body", "")}
    notices.edit(db, notice, incident, **words, told=notice_forms.told(sent), seen=seen, by=me)
    if what == "snooze":
        _snooze(db, incident, sent, me)
        return _Said("The draft is saved, and the next update is set.", stays=True)
    if what != "send":
        return _Said("The draft is saved.", stays=True)
    next_in, by_hand = notice_forms.next_in(sent, rule=cadence.every(db, incident))
    copies = notices.send(
        db,
        notice,
        incident,
        seen=notice.version,
        seen_last=sent.whole("last"),
        next_in=next_in,
        by_hand=by_hand,
        elsewhere=sent.text("elsewhere"),
        by=me,
    )
    return _Said(
        f"Sent: {copies} {'copy is' if copies == 1 else 'copies are'} on the way." if copies else "Written down as told.", stays=True
    )


def _snooze(db: Session, incident: Incident, sent: Fields, me: Person) -> None:
    next_in, _ = notice_forms.next_in(sent, rule=cadence.every(db, incident))
    at = db_now(db) + next_in if next_in else None
    cadence.set_next(db, incident, at=at, reason=sent.text("reason"), by=me)


def _next_at(db: Session, incident: Incident, sent: Fields) -> Any:
    """When the next update would be due, for the preview; a choice that cannot be read is as the rule says."""
    chosen = sent.text("next")
    minutes = int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 5 else None
    every = timedelta(minutes=minutes) if minutes else cadence.every(db, incident)
    return None if chosen == notice_forms.NEVER or not incident.is_open else db_now(db) + every


def _tab(db: Session, incident: Incident, me: Person) -> dict[str, Any]:
    return cockpit.header(db, incident, me, "notices") | notice_views.listed(db, incident, me)


def _page(db: Session, notice: Notice, me: Person) -> dict[str, Any]:
    incident = _incident(db, notice)
    next_at = db_now(db) + cadence.every(db, incident) if incident.is_open else None
    return cockpit.header(db, incident, me, "notices") | notice_views.shown(db, notice, incident, me, next_at=next_at)


def _incident(db: Session, notice: Notice) -> Incident:
    return with_services(db, db.get_one(Incident, notice.incident_id))


def _may_publish(db: Session, notice: Notice, me: Person) -> bool:
    return me.may(P.PUBLISH, frozenset(touched.service_id for touched in _incident(db, notice).services))
