"""Reviews: begin one, write its sections, sign it, talk it through, take it along."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.core.errors import NotFound, Refused
from app.incidents.models import Incident
from app.reviews import actions, meeting, queries, signing
from app.reviews.models import Kind, Review, Section
from app.web import cockpit, incident_forms, review_files, review_views
from app.web.deps import Db, Me, Sent
from app.web.fields import Fields
from app.web.forms import redrawn
from app.web.guard import may
from app.web.landing import landing
from app.web.loaders import incident as load_incident
from app.web.loaders import review as load
from app.web.merging import merged
from app.web.render import back, is_htmx, page, piece, piece_or_back

router = APIRouter()
Seen = Annotated[Review, may(P.READ, load.review)]
Held = Annotated[Review, may(P.RESPOND, load.review)]
PAGE = 50


@router.get("/reviews")
def listed(request: Request, db: Db, me: Annotated[Person, may(P.READ)]) -> Response:
    before = incident_forms.whole(request.query_params.get("before", ""))
    found = queries.newest(db, reach=me.reach(), before=before, limit=PAGE + 1)
    older = f"/reviews?before={found[-2].id}" if len(found) > PAGE else None
    return page(request, "reviews/index.html", reviews=found[:PAGE], older=older, states=review_views.STATES)


@router.get("/incidents/{incident_id}/report")
def of_incident(request: Request, db: Db, incident: Annotated[Incident, may(P.READ, load_incident.incident)], me: Me) -> Response:
    """The report, or the review that there is instead; without any, the page that begins one."""
    if begun := review_views.begun(db, incident):
        return back(f"/reviews/{begun[0].id}")
    return page(request, "reviews/begin.html", **cockpit.header(db, incident, me, "report"))


@router.post("/incidents/{incident_id}/reviews")
def begin(db: Db, incident: Annotated[Incident, may(P.RESPOND, load_incident.incident)], me: Me, sent: Sent) -> Response:
    with landing(f"/incidents/{incident.id}/report"):
        review = actions.begin(db, incident, _kind(sent), by=me)
    return back(f"/reviews/{review.id}")


@router.get("/reviews/{review_id}")
def show(request: Request, db: Db, review: Seen, me: Me) -> Response:
    is_preview = "preview" in request.query_params
    return page(request, "reviews/show.html", **review_views.of(db, review, me), is_preview=is_preview)


@router.get("/reviews/{review_id}/bar")
def show_bar(request: Request, db: Db, review: Seen, me: Me) -> Response:
    query = request.query_params
    seen = {"seen": incident_forms.whole(query.get("seen", "")) or review.version, "is_preview": "preview" in query}
    return piece(request, "reviews/_bar.html", **review_views.bar(db, review, me) | seen)


@router.post("/reviews/{review_id}/draft")
def redraft(db: Db, review: Held, me: Me) -> Response:
    changed = actions.redraft(db, review, by=me)
    said = f"{changed} sections say something else now. Where you wrote yourself, the draft stands beside it."
    return back(f"/reviews/{review.id}", flash=said if changed else "The record says what the drafts say already.")


@router.post("/reviews/{review_id}/title")
def rename(db: Db, review: Held, me: Me, sent: Sent) -> Response:
    with landing(f"/reviews/{review.id}"):
        actions.rename(db, review, sent.text("title"), by=me)
    return back(f"/reviews/{review.id}")


@router.get("/reviews/{review_id}/sections/{section}")
def edit(request: Request, db: Db, review: Held, section: str, me: Me) -> Response:
    shown = review_views.lone(db, review, _section(db, review, section), me)
    return piece(request, "reviews/_edit.html", **shown) if is_htmx(request) else page(request, "reviews/edit.html", **shown)


@router.post("/reviews/{review_id}/sections/{section}")
def write(request: Request, db: Db, review: Held, section: str, me: Me, sent: Sent) -> Response:
    found = _section(db, review, section)
    shown = review_views.lone(db, review, found, me)
    with redrawn(request, "reviews/edit.html", sent, partial="reviews/_edit.html", **shown), merged(request, sent, **shown):
        actions.write(db, review, section, body=sent.get("body", ""), version=sent.whole("version") or 0, by=me)
    return piece_or_back(request, "reviews/_section.html", _url(review, section), **review_views.lone(db, review, found, me))


@router.get("/reviews/{review_id}/sections/{section}/text")
def show_section(request: Request, db: Db, review: Seen, section: str, me: Me) -> Response:
    """One section as it stands: what "Leave it" puts back."""
    return piece_or_back(
        request, "reviews/_section.html", _url(review, section), **review_views.lone(db, review, _section(db, review, section), me)
    )


@router.get("/reviews/{review_id}/sections/{section}/versions")
def versions(request: Request, db: Db, review: Seen, section: str, me: Me) -> Response:
    found = _section(db, review, section)
    return page(
        request, "reviews/versions.html", **review_views.lone(db, review, found, me), versions=queries.versions(db, review, section)
    )


@router.post("/reviews/{review_id}/sections/{section}/draft")
def take_draft(db: Db, review: Held, section: str, me: Me, sent: Sent) -> Response:
    with landing(_url(review, section)):
        actions.take_draft(db, review, section, version=sent.whole("version") or 0, by=me)
    return back(_url(review, section))


@router.post("/reviews/{review_id}/sections/{section}/keep")
def keep_mine(db: Db, review: Held, section: str) -> Response:
    with landing(_url(review, section)):
        actions.keep_mine(db, review, section)
    return back(_url(review, section))


@router.get("/reviews/{review_id}/send")
def choose_reviewers(request: Request, db: Db, review: Held, me: Me) -> Response:
    return page(request, "reviews/send.html", **_sending(db, review, me))


@router.post("/reviews/{review_id}/send")
def send(request: Request, db: Db, review: Held, me: Me, sent: Sent) -> Response:
    with redrawn(request, "reviews/send.html", sent, **_sending(db, review, me)):
        to = {number for text in sent.every("to") if (number := incident_forms.whole(text))}
        signing.send(db, review, to=to, by=me)
    return back(f"/reviews/{review.id}", flash="Sent. They find it on their board; you see here who has signed.")


@router.get("/reviews/{review_id}/sign")
def read(request: Request, db: Db, review: Held, me: Me) -> Response:
    return page(request, "reviews/sign.html", **review_views.bar(db, review, me))


@router.post("/reviews/{review_id}/sign")
def sign(request: Request, db: Db, review: Held, me: Me, sent: Sent) -> Response:
    with redrawn(request, "reviews/sign.html", sent, **review_views.bar(db, review, me)):
        signing.sign(db, review, version=sent.whole("version") or 0, by=me)
    return back(f"/reviews/{review.id}")


@router.post("/reviews/{review_id}/changes")
def ask_for_changes(request: Request, db: Db, review: Held, me: Me, sent: Sent) -> Response:
    with redrawn(request, "reviews/sign.html", sent, **review_views.bar(db, review, me)):
        signing.ask_for_changes(db, review, version=sent.whole("version") or 0, note=sent.text("note"), by=me)
    return back(f"/reviews/{review.id}")


@router.get("/reviews/{review_id}/meeting")
def choose_date(request: Request, db: Db, review: Held, me: Me) -> Response:
    return page(request, "reviews/meeting.html", **review_views.meeting_of(db, review, me))


@router.post("/reviews/{review_id}/meeting")
def schedule(request: Request, db: Db, review: Held, me: Me, sent: Sent) -> Response:
    with redrawn(request, "reviews/meeting.html", sent, **review_views.meeting_of(db, review, me)):
        at = incident_forms.moment(sent, "meets_at")
        if at is None:
            raise Refused("Say when it is. Nothing was changed.", field="meets_at")
        meeting.schedule(db, review, at=at, minutes=sent.whole("minutes") or 60, place=sent.text("place"), by=me)
    return back(f"/reviews/{review.id}", flash="The date is set. Take the invitation along for the calendars of the others.")


@router.post("/reviews/{review_id}/meeting/off")
def call_off(db: Db, review: Held, me: Me) -> Response:
    meeting.call_off(db, review, by=me)
    return back(f"/reviews/{review.id}")


@router.get("/reviews/{review_id}/invitation.ics")
def invitation(db: Db, review: Seen) -> Response:
    with landing(f"/reviews/{review.id}"):
        return review_files.invitation(db, review)


@router.get("/reviews/{review_id}/export.{kind}")
def take_along(request: Request, db: Db, review: Seen, kind: str) -> Response:
    """The review as a file: md, html or pdf."""
    return review_files.export(request, db, review, kind)


def _sending(db: Session, review: Review, me: Person) -> dict[str, Any]:
    return review_views.bar(db, review, me) | {"candidates": signing.candidates(db, review.incident, by=me)}


def _section(db: Session, review: Review, key: str) -> Section:
    try:
        return actions.get_section(db, review, key)
    except Refused:
        raise NotFound from None


def _kind(sent: Fields) -> Kind:
    try:
        return Kind(sent.text("kind"))
    except ValueError:
        raise Refused("Choose what kind of review it is. Nothing was begun.", field="kind") from None


def _url(review: Review, section: str) -> str:
    return f"/reviews/{review.id}#section-{section}"
