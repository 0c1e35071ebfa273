"""The links that were sent: the first administrator's, an invitation, a lost password. Who has one needs no sign-in."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.accounts import invitations, setup, sign_ins
from app.accounts.policy import P
from app.web import cookies
from app.web.address import address, agent
from app.web.deps import Db, Sent
from app.web.forms import redrawn
from app.web.guard import may
from app.web.render import back, page

router = APIRouter()


@router.get("/setup/{token}")
def show_setup(_: Annotated[None, may(P.PUBLIC)], request: Request, db: Db, token: str) -> Response:
    setup.check_link(db, token)
    return page(request, "setup/first.html")


@router.post("/setup/{token}")
def complete_setup(_: Annotated[None, may(P.PUBLIC)], request: Request, db: Db, token: str, sent: Sent) -> Response:
    secret = {"password": sent.get("password", ""), "repeated": sent.get("repeated", "")}
    with redrawn(request, "setup/first.html", sent):
        user = setup.complete(db, token, email=sent.text("email"), name=sent.text("name"), **secret)
    cookies.sign_in(request, sign_ins.begin(db, user, address=address(request), agent=agent(request)))
    return back("/", flash=f"Welcome, {user.name}. You administer this console.")


@router.get("/invitations/{token}")
def show_invitation(_: Annotated[None, may(P.PUBLIC)], request: Request, db: Db, token: str) -> Response:
    return page(request, "setup/password.html", owner=invitations.owner(db, token))


@router.post("/invitations/{token}")
def accept_invitation(_: Annotated[None, may(P.PUBLIC)], request: Request, db: Db, token: str, sent: Sent) -> Response:
    owner = invitations.owner(db, token)
    with redrawn(request, "setup/password.html", sent, owner=owner):
        user = invitations.accept(db, token, password=sent.get("password", ""), repeated=sent.get("repeated", ""))
    cookies.sign_in(request, sign_ins.begin(db, user, address=address(request), agent=agent(request)))
    return back("/", flash=f"Your password is set, {user.name}, and you are signed in.")
