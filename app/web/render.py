"""Pages and pieces of pages."""

from functools import lru_cache
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.accounts.policy import Permission
from app.core.clock import now
from app.core.paths import TEMPLATES
from app.web import cookies
from app.web.assets import static
from app.web.fields import Fields
from app.web.filters import FILTERS
from app.web.nav import Nav, nav


@pass_context
def csrf_field(context: Context) -> Markup:
    """The hidden field that every form carries."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(context["csrf_token"])


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Every template escapes, whatever its name; a name that is missing is an error, not an empty string."""
    made = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters.update(FILTERS)
    made.globals.update(static=static, csrf_field=csrf_field, P=Permission, now_=now)
    return made


def is_htmx(request: Request) -> bool:
    return request.headers.get("hx-request") == "true"


def draw(request: Request, template: str, **context: Any) -> str:
    """A template as text, with what every template may use: me, csrf_token, now, theme, path, fields, problems."""
    visitor = getattr(request.state, "visitor", None)
    given: dict[str, Any] = {
        "me": visitor.person if visitor else None,
        "csrf_token": visitor.csrf_token if visitor else "",
        "now": now(),
        "theme": cookies.theme(request),
        "path": request.url.path,
        "fields": Fields(),
        "problems": {},
    }
    return environment().get_template(template).render(given | context)


def page(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    """A whole page. Reads the figures of the top bar with the request's own session."""
    visitor = getattr(request.state, "visitor", None)
    figures = nav(request.state.db, visitor.person) if visitor else Nav()
    response = HTMLResponse(draw(request, template, nav=figures, flash=cookies.flash(request), **context), status)
    cookies.take_flash(request, response)
    return response


def piece(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    """A part of a page: the same partial that the whole page includes."""
    return HTMLResponse(draw(request, template, **context), status)


def back(url: str, flash: str = "") -> Response:
    """To a page, by GET, with a sentence to show there. `asgi.Shell` turns it into what htmx follows."""
    response = RedirectResponse(url, 303)
    if flash:
        cookies.write_flash(response, flash)
    return response


def piece_or_back(request: Request, template: str, url: str, **context: Any) -> Response:
    """The changed part for htmx, else the page that holds it."""
    return piece(request, template, **context) if is_htmx(request) else back(url)
