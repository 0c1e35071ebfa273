"""That a change was asked for by one of our own pages: its origin, and the token of the person's own sign-in.

The API takes no cookies, so nobody else's page can make a browser send its bearer token.
"""

from hmac import compare_digest
from urllib.parse import urlsplit

from fastapi import Request

from app.core.errors import Forbidden
from app.core.settings import LOOPBACK, settings
from app.web.deps import is_api
from app.web.fields import Fields

SAFE = {"GET", "HEAD", "OPTIONS"}
FIELD, HEADER = "csrf_token", "x-csrf"
FOREIGN = "This did not come from a page of this console, so nothing was done. Open the page here and try again."
STALE = "This page was loaded before your present sign-in, so nothing was done. Reload the page and try again."


def check(request: Request, sent: Fields) -> None:
    """Forbidden for a change that does not carry the token of this sign-in, or comes from elsewhere."""
    if request.method in SAFE or is_api(request):
        return
    check_origin(request)
    token = request.headers.get(HEADER) or sent.get(FIELD, "")
    if not compare_digest(token.encode(), request.state.visitor.csrf_token.encode()):
        raise Forbidden(STALE)


def check_origin(request: Request) -> None:
    """Forbidden for a change from another origin. Browsers say where a POST comes from by at least one of the two headers."""
    if request.method in SAFE or is_api(request):
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site not in {None, "same-origin"} or (origin is not None and not _is_ours(origin, request.headers.get("host", ""))):
        raise Forbidden(FOREIGN)
    if site is None and origin is None:
        raise Forbidden(FOREIGN)


def _is_ours(origin: str, host: str) -> bool:
    """The public address, or this machine by the name that the request used. Another host's name that points here is not ours."""
    parts = urlsplit(origin)
    public = urlsplit(settings().base_url)
    return (parts.scheme, parts.netloc) == (public.scheme, public.netloc) or (parts.hostname in LOOPBACK and parts.netloc == host)
