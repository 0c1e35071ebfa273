"""A refused form is drawn again, with the sentence beside its field and everything that was typed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import Request

from app.core.errors import Conflict, Invalid, Refused
from app.web.errors import Redrawn
from app.web.fields import Fields
from app.web.render import is_htmx, page, piece


@contextmanager
def redrawn(request: Request, template: str, fields: Fields, *, partial: str = "", **context: Any) -> Iterator[None]:
    """Run a verb; where it refuses, answer with the form again (422, or 409 where somebody was first).

        with redrawn(request, "incidents/new.html", sent, partial="incidents/_form.html", services=services):
            incident = actions.declare(db, ...)
        return back(f"/incidents/{incident.id}")

    The template gets `fields` (what was typed) and `problems` (field name to sentence; "" is about the whole form). What the
    verb had begun is undone before the form is drawn. htmx gets `partial`, or the whole page where there is none.
    """
    try:
        with request.state.db.begin_nested():
            yield
    except Refused as refused:
        status = 409 if isinstance(refused, Conflict) else 422
        context |= {"fields": fields, "problems": problems(refused), "conflict": getattr(refused, "link", None)}
        if partial and is_htmx(request):
            raise Redrawn(piece(request, partial, status, **context)) from refused
        response = page(request, template, status, **context)
        if is_htmx(request):
            response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "body", "innerHTML"
        raise Redrawn(response) from refused


def problems(refused: Refused) -> dict[str, str]:
    """Field name to sentence; a sentence that belongs to no field is about the whole form, under ""."""
    return dict(refused.problems) if isinstance(refused, Invalid) else {refused.field or "": refused.sentence}
