"""Refusals and failures as people read them: a page, a piece for htmx, or a problem document for the API.

Each says what happened, what is true now, what to do next; the API carries the same sentence.
"""

import logging
import secrets
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from psycopg import errors as pg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response

from app.core.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from app.web.render import back, draw, is_htmx

log = logging.getLogger("lastgood.web")

AWAY = "The console's database does not answer. Nothing was changed and nothing is lost; runs that are going on do not depend on this page."
BUSY = "The console's database was too busy to answer in time. Nothing was changed. Try again in a few seconds."
FULL = "The disk of the console's database is full, so what you sent was not saved. The rest is as it was. Make room, then send it again."
CRASHED = "Something went wrong inside Lastgood. What you sent was not saved, and everything else is as it was."
TOO_LARGE = "What you sent is larger than this console takes (1 MB). Nothing was saved."
SIGNED_OUT = "Your sign-in has ended, so nothing was done. Sign in and send it again; what you typed is still on the page before."


class SignInNeeded(Exception):
    """Nobody is signed in, and the route needs somebody."""


class Redrawn(Exception):
    """A refused form that was drawn again: rolls the request back and answers with the form."""

    def __init__(self, response: Response) -> None:
        super().__init__("redrawn")
        self.response = response


@dataclass(frozen=True)
class Problem:
    """One failure as it is told. `number` is what people quote from a 500."""

    status: int
    title: str
    sentence: str
    link: str | None = None
    number: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


def answer(request: Request, problem: Problem) -> Response:
    """The problem in the words of the door that was used."""
    if request.url.path.startswith(("/api/", "/intake/")):
        body = {"type": "about:blank", "title": problem.title, "status": problem.status, "detail": problem.sentence}
        more = {"link": problem.link, "number": problem.number, "fields": problem.fields}
        body |= {name: value for name, value in more.items() if value}
        return JSONResponse(body, problem.status, headers=problem.headers, media_type="application/problem+json")
    if is_htmx(request):
        headers = problem.headers | {"HX-Retarget": "#flash", "HX-Reswap": "innerHTML"}
        return HTMLResponse(draw(request, "errors/_piece.html", problem=problem), problem.status, headers)
    return HTMLResponse(draw(request, "errors/page.html", problem=problem), problem.status, problem.headers)


def _sign_in_needed(request: Request, _: Exception) -> Response:
    if request.url.path.startswith("/api/"):
        sentence = "This needs a bearer token that works: make one on your own page of the console."
        return answer(request, Problem(401, "Not signed in", sentence, headers={"WWW-Authenticate": "Bearer"}))
    if is_htmx(request):
        return answer(request, Problem(401, "Signed out", SIGNED_OUT, link="/sign-in"))
    if request.method != "GET":
        return back("/sign-in", flash=SIGNED_OUT)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return back("/sign-in" if here == "/" else f"/sign-in?next={quote(here, safe='/')}")


def _refused(request: Request, error: Refused) -> Response:
    if isinstance(error, Conflict):
        return answer(request, Problem(409, "Somebody was first", error.sentence, link=error.link))
    fields = error.problems if isinstance(error, Invalid) else {error.field: error.sentence} if error.field else {}
    return answer(request, Problem(422, "Not done", error.sentence, fields=fields))


def _not_found(request: Request, error: NotFound) -> Response:
    return answer(request, Problem(404, "Nothing here", error.sentence))


def _forbidden(request: Request, error: Forbidden) -> Response:
    visitor = getattr(request.state, "visitor", None)
    log.warning("forbidden: %s %s by %s", request.method, request.url.path, visitor.person.actor if visitor else "nobody")
    return answer(request, Problem(403, "Not allowed", error.sentence))


def _incomplete(request: Request, error: RequestValidationError) -> Response:
    fields = {".".join(str(part) for part in problem["loc"][1:]): problem["msg"] for problem in error.errors()}
    named = "; ".join(f"{name}: {message}" if name else message for name, message in fields.items())
    return answer(request, Problem(422, "Not done", f"What was sent cannot be used ({named}). Nothing was changed.", fields=fields))


def _http(request: Request, error: HTTPException) -> Response:
    sentences = {
        404: NotFound().sentence,
        405: "This address does not take that kind of request. Nothing was changed.",
        413: TOO_LARGE,
    }
    title = "Nothing here" if error.status_code == 404 else HTTPStatus(error.status_code).phrase
    sentence = sentences.get(error.status_code, f"{error.detail}. Nothing was changed.")
    return answer(request, Problem(error.status_code, title, sentence, headers=dict(error.headers or {})))


def _database(request: Request, error: Exception) -> Response:
    """The console's own PostgreSQL is away or too slow; any other error of it is a mistake of ours."""
    busy = pg.LockNotAvailable | pg.QueryCanceled | pg.DeadlockDetected
    original = error.orig if isinstance(error, DBAPIError) else None
    lost = isinstance(error, PoolTimeout | OperationalError | InterfaceError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )
    if not lost:
        return crashed(request, error)
    log.warning("database away: %s %s: %s", request.method, request.url.path, str(original or error).splitlines()[0])
    title, sentence = "Database away", AWAY
    if isinstance(original, pg.DiskFull):
        title, sentence = "Disk full", FULL
    elif isinstance(original, busy) or isinstance(error, PoolTimeout):
        title, sentence = "Busy", BUSY
    return answer(request, Problem(503, title, sentence, headers={"Retry-After": "3"}))


def too_large(request: Request) -> Response:
    return answer(request, Problem(413, HTTPStatus(413).phrase, TOO_LARGE))


def crashed(request: Request, error: Exception) -> Response:
    """A mistake of ours: a number for the person, the whole story for the log."""
    number = secrets.token_hex(4)
    log.error("error %s: %s %s", number, request.method, request.url.path, exc_info=error)
    return answer(request, Problem(500, "Our mistake", CRASHED, number=number))


def _redrawn(_: Request, error: Redrawn) -> Response:
    return error.response


def install(app: FastAPI) -> None:
    """Tell the application how each failure is answered. What is not named here reaches `asgi.Shell`, which calls `crashed`."""
    handlers: dict[type[Exception], Any] = {
        SignInNeeded: _sign_in_needed,
        Redrawn: _redrawn,
        Refused: _refused,
        NotFound: _not_found,
        Forbidden: _forbidden,
        RequestValidationError: _incomplete,
        HTTPException: _http,
        DBAPIError: _database,
        PoolTimeout: _database,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
