"""Signing in and out, and the theme of the pages."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.accounts import sign_ins
from app.accounts.policy import P, Person
from app.web import cookies
from app.web.address import address, agent
from app.web.deps import Db, Seen, Sent
from app.web.forms import redrawn
from app.web.guard import may
from app.web.render import back, page
from app.web.routes import inside

router = APIRouter()


@router.get("/sign-in")
def show(_: Annotated[None, may(P.PUBLIC)], request: Request, visitor: Seen, next: str = "/") -> Response:  # noqa: A002 - the word in the address
    return back(inside(next)) if visitor else page(request, "sessions/new.html", next=inside(next))


@router.post("/sign-in")
def create(_: Annotated[None, may(P.PUBLIC)], request: Request, db: Db, visitor: Seen, sent: Sent) -> Response:
    next_page = inside(sent.get("next", "/"))
    with redrawn(request, "sessions/new.html", sent, next=next_page):
        token = sign_ins.sign_in(
            db, email=sent.text("email"), password=sent.get("password", ""), address=address(request), agent=agent(request)
        )
    if visitor:
        sign_ins.sign_out(db, by=visitor.person)
    cookies.sign_in(request, token)
    return back(next_page)


@router.post("/sign-out")
def destroy(me: Annotated[Person, may(P.SELF)], db: Db) -> Response:
    sign_ins.sign_out(db, by=me)
    response = back("/sign-in", flash="You are signed out.")
    cookies.forget_session(response)
    return response


@router.post("/theme")
def theme(_: Annotated[None, may(P.PUBLIC)], request: Request) -> Response:
    response = back(inside(request.headers.get("referer", "/")))
    cookies.write_theme(response, cookies.next_theme(request))
    return response
