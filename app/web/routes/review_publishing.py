"""What the public may read of a review: the copy, what may be private in it, and putting it on a status page."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.core.errors import NotFound, Refused
from app.reviews import publishing
from app.reviews.models import Review
from app.statuspage import queries as statuspage
from app.statuspage.models import StatusPage
from app.web import markdown, review_views
from app.web.deps import Db, Me, Sent
from app.web.fields import Fields
from app.web.forms import redrawn
from app.web.guard import may
from app.web.loaders import review as load
from app.web.render import back, page

router = APIRouter()
Published = Annotated[Review, may(P.PUBLISH, load.review)]


@router.get("/reviews/{review_id}/public")
def show(request: Request, db: Db, review: Published, me: Me) -> Response:
    last = publishing.last(db, review)
    text, title = (last.body, last.title) if last else (publishing.proposal(review), review.title)
    return page(request, "reviews/public.html", **_shown(db, review, me, title, text, last.confirmed if last else []))


@router.post("/reviews/{review_id}/public")
def publish(request: Request, db: Db, review: Published, me: Me, sent: Sent) -> Response:
    """Check the copy again, or publish it: the button says which."""
    title, body, confirmed = sent.text("title"), sent.get("body", ""), sent.every("confirmed")
    shown = _shown(db, review, me, title, body, confirmed)
    if sent.text("do") == "check":
        return page(request, "reviews/public.html", **shown)
    with redrawn(request, "reviews/public.html", sent, **shown):
        where = _page(db, sent, me)
        publishing.publish(db, review, where, title=title, body=body, html=str(markdown.render(body)), confirmed=confirmed, by=me)
    return back(f"/reviews/{review.id}", flash=f"Published on {where.name}. Everybody who reads that page can read it now.")


def _shown(db: Session, review: Review, me: Person, title: str, text: str, confirmed: list[str]) -> dict[str, Any]:
    pages = statuspage.pages(db, reach=me.reach())
    return review_views.bar(db, review, me) | {
        "title": title,
        "text": text,
        "html": markdown.render(text),
        "findings": publishing.findings(db, f"{title}\n{text}"),
        "confirmed": confirmed,
        "pages": pages,
        "page_options": [(one.id, one.name) for one in pages],
        "last": publishing.last(db, review),
    }


def _page(db: Session, sent: Fields, me: Person) -> StatusPage:
    number = sent.whole("page_id")
    try:
        return statuspage.get(db, number or 0, reach=me.reach())
    except NotFound:
        raise Refused("Choose the status page. Nothing was published.", field="page_id") from None
