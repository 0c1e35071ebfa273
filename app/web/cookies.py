"""The cookies: who somebody is, how their pages look, and one sentence for the next page.

`__Host-` ties a cookie to this host, https and the whole site; Chromium takes it on loopback over http too.
"""

from urllib.parse import quote, unquote

from fastapi import Request
from starlette.responses import Response

SESSION, FLASH, THEME = "__Host-lastgood", "__Host-lastgood-flash", "lastgood-theme"
THEMES = ("auto", "light", "dark")


def sign_in(request: Request, token: str) -> None:
    """Give the browser its token (new at sign-in and step-up) with whatever answer leaves."""
    request.state.session_token = token


def write_session(response: Response, token: str) -> None:
    response.set_cookie(SESSION, token, path="/", secure=True, httponly=True, samesite="lax")


def forget_session(response: Response) -> None:
    response.delete_cookie(SESSION, path="/", secure=True, httponly=True, samesite="lax")


def write_flash(response: Response, sentence: str) -> None:
    response.set_cookie(FLASH, quote(sentence), max_age=60, path="/", secure=True, httponly=True, samesite="lax")


def take_flash(request: Request, response: Response) -> None:
    if FLASH in request.cookies:
        response.delete_cookie(FLASH, path="/", secure=True, httponly=True, samesite="lax")


def flash(request: Request) -> str:
    return unquote(request.cookies.get(FLASH, ""))


def theme(request: Request) -> str:
    chosen = request.cookies.get(THEME, "auto")
    return chosen if chosen in THEMES else "auto"


def write_theme(response: Response, chosen: str) -> None:
    response.set_cookie(THEME, chosen, max_age=365 * 24 * 3600, path="/", secure=True, samesite="lax")


def next_theme(request: Request) -> str:
    return THEMES[(THEMES.index(theme(request)) + 1) % len(THEMES)]
