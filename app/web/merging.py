"""Two people wrote the same section: the second one gets both texts on one page, and loses nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import Request

from app.reviews.actions import Overtaken
from app.web import review_views
from app.web.errors import Redrawn
from app.web.fields import Fields
from app.web.render import is_htmx, page


@contextmanager
def merged(request: Request, fields: Fields, **context: Any) -> Iterator[None]:
    """Save a section; where somebody was first, answer with the merge page (409): theirs to read, one's own to go on with."""
    try:
        with request.state.db.begin_nested():
            yield
    except Overtaken as overtaken:
        theirs = review_views.view(overtaken.section)
        response = page(
            request, "reviews/merge.html", 409, **context | {"fields": fields, "theirs": theirs, "sentence": overtaken.sentence}
        )
        if is_htmx(request):
            response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "body", "innerHTML"
        raise Redrawn(response) from overtaken
