"""A review as a file: markdown, a page of its own, PDF, and the invitation to talk it through."""

from urllib.parse import urlsplit

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.core.errors import NotFound
from app.core.paths import STATIC
from app.core.settings import settings
from app.reviews import lane_chart, lanes, meeting, paper, pdf
from app.reviews.models import Review
from app.reviews.paper import Paper
from app.web import markdown
from app.web.render import draw

TYPES = {"md": "text/markdown; charset=utf-8", "html": "text/html; charset=utf-8", "pdf": "application/pdf"}


def export(request: Request, db: Session, review: Review, kind: str) -> Response:
    """The review in one of TYPES, to be saved. NotFound for another."""
    if kind not in TYPES:
        raise NotFound
    document = paper.of(db, review)
    if kind == "pdf":
        body: str | bytes = pdf.write(document)
    else:
        body = "".join(paper.markdown(document)) if kind == "md" else html(request, document)
    return _saved(body, TYPES[kind], f"{document.ref.lower()}-{review.kind.replace('_', '-')}.{kind}")


def html(request: Request, document: Paper) -> str:
    """One file that needs no other: for a mail, a wiki, an archive."""
    given = {"paper": document, "chart": lane_chart.draw(document.marks), "render": markdown.render, "rows": map(paper.row, document.items)}
    style = (STATIC / "css" / "paper.css").read_text()
    return draw(request, "reviews/paper.html", **given, style=style, when=paper.when, days=paper.days, broke=lanes.BROKE)


def invitation(db: Session, review: Review) -> Response:
    """The meeting as iCalendar."""
    base = settings().base_url
    people = meeting.invited(db, review)
    body = meeting.invitation(
        review, review.incident, people, url=f"{base}/reviews/{review.id}", host=urlsplit(base).hostname or "lastgood"
    )
    return _saved(body, "text/calendar; charset=utf-8", f"{review.incident.ref.lower()}-review.ics")


def _saved(body: str | bytes, media_type: str, name: str) -> Response:
    return Response(body, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
