"""The public side: the files, where nobody serves them otherwise, and what a folder of files cannot do: subscribe, confirm, leave.

Forms of the public pages may come from another address (the pages are served by anything), and mail programs leave with a bare POST. So
these routes take a POST from anywhere: they know nobody by a cookie, and what they do is asked for by an address or by a signed link.
"""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from app.accounts.policy import P, Person
from app.core.errors import NotFound
from app.statuspage import drawing, links, picture, queries, subscribing
from app.statuspage.models import StatusPage
from app.web.assets import static
from app.web.deps import Db, Sent
from app.web.forms import redrawn
from app.web.guard import anywhere, may
from app.web.render import back, page
from app.web.served import media_type, served

router = APIRouter()
Anybody = Annotated[None, may(P.PUBLIC)]
Stranger = Annotated[None, anywhere()]


@router.get("/status/{page_slug}")
def enter(_: Anybody, page_slug: str) -> Response:
    """Links inside are relative, so the address ends with a slash."""
    return back(f"/status/{page_slug}/") if "/" not in page_slug else back("/")


@router.get("/status/{page_slug}/")
def front(_: Anybody, request: Request, page_slug: str) -> Response:
    return served(request, page_slug, "index.html")


@router.get("/status/{page_slug}/subscribe")
def form(_: Anybody, request: Request, db: Db, page_slug: str, kind: str = "mail") -> Response:
    shown = queries.by_slug(db, page_slug, private=False)
    return page(request, "statuspage/subscribe.html", page=shown, address=links.public_address(shown), kind=kind)


@router.post("/status/{page_slug}/subscribe")
def subscribe(_: Stranger, request: Request, db: Db, page_slug: str, sent: Sent) -> Response:
    shown, kind = queries.by_slug(db, page_slug, private=False), sent.text("kind")
    with redrawn(request, "statuspage/subscribe.html", sent, page=shown, address=links.public_address(shown), kind=kind):
        subscribing.ask(db, shown, kind=kind, address=sent.text("address"))
    return _said(request, shown, "Look into your mailbox" if kind == "mail" else "Look at what your webhook received", subscribing.ASKED)


@router.get("/status/{page_slug}/confirm/{token}")
def confirming(_: Anybody, request: Request, db: Db, page_slug: str, token: str) -> Response:
    """A button: programs that read mail open links, and shall not confirm by it."""
    shown = queries.by_slug(db, page_slug, private=False)
    subscribing.get(db, shown, links.CONFIRM, token)
    return page(request, "statuspage/confirm.html", page=shown, address=links.public_address(shown))


@router.post("/status/{page_slug}/confirm/{token}")
def confirm(_: Stranger, request: Request, db: Db, page_slug: str, token: str) -> Response:
    shown = queries.by_slug(db, page_slug, private=False)
    one, secret = subscribing.confirm(db, shown, token)
    return _said(request, shown, "You will be told", f"Every update of {shown.name} goes to {one.address} from now on.", secret)


@router.get("/status/{page_slug}/leave/{token}")
def leaving(_: Anybody, request: Request, db: Db, page_slug: str, token: str) -> Response:
    shown = queries.by_slug(db, page_slug, private=False)
    subscribing.get(db, shown, links.LEAVE, token)
    return page(request, "statuspage/leave.html", page=shown, address=links.public_address(shown))


@router.post("/status/{page_slug}/leave/{token}")
def leave(_: Stranger, request: Request, db: Db, page_slug: str, token: str) -> Response:
    shown = queries.by_slug(db, page_slug, private=False)
    subscribing.leave(db, shown, token)
    return _said(request, shown, "You get no more updates", "Your address is forgotten. You can subscribe again at any time.")


@router.get("/status/{page_slug}/{name:path}")
def file(_: Anybody, request: Request, page_slug: str, name: str) -> Response:
    return served(request, page_slug, name)


@router.get("/internal-status/{page_slug}/")
def inside(me: Annotated[Person, may(P.READ)], db: Db, page_slug: str) -> Response:  # noqa: ARG001 - somebody who is signed in
    return _drawn(db, page_slug, "index.html")


@router.get("/internal-status/{page_slug}/{name}")
def inside_file(me: Annotated[Person, may(P.READ)], db: Db, page_slug: str, name: str) -> Response:  # noqa: ARG001
    return _drawn(db, page_slug, name)


def _drawn(db: Db, slug: str, name: str) -> Response:
    """A page for people who are signed in is drawn for each of them, and never lies in the public folder."""
    shown = queries.by_slug(db, slug, private=True)
    draw = drawing.documents(picture.take(db, shown), static).get(name)
    if draw is None:
        raise NotFound
    return HTMLResponse(draw(), media_type=media_type(name))


def _said(request: Request, shown: StatusPage, title: str, sentence: str, secret: str = "") -> Response:
    where = links.public_address(shown)
    return page(request, "statuspage/said.html", page=shown, address=where, title=title, sentence=sentence, secret=secret)
