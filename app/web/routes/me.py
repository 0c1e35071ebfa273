"""One's own page: name, password, sign-ins, tokens."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.accounts import api_tokens, people, sign_ins
from app.accounts.policy import P, Permission, Person
from app.accounts.roles import MEANS
from app.core.errors import Refused
from app.web import cookies
from app.web.deps import Db, Sent
from app.web.fields import Fields
from app.web.forms import redrawn
from app.web.guard import may
from app.web.load import number
from app.web.render import back, page

router = APIRouter()
Self = Annotated[Person, may(P.SELF)]


@router.get("/me")
def show(request: Request, db: Db, me: Self) -> Response:
    return page(request, "me/show.html", **_shown(db, me))


@router.post("/me/name")
def rename(request: Request, db: Db, me: Self, sent: Sent) -> Response:
    with redrawn(request, "me/show.html", sent, **_shown(db, me)):
        people.rename(db, name=sent.text("name"), by=me)
    return back("/me", flash="Your name is changed. What you wrote before keeps the old one.")


@router.post("/me/password")
def change_password(request: Request, db: Db, me: Self, sent: Sent) -> Response:
    with redrawn(request, "me/show.html", sent, **_shown(db, me)):
        typed = {name: sent.get(name, "") for name in ("present", "password", "repeated")}
        token = people.change_password(db, **typed, by=me)
    cookies.sign_in(request, token)
    return back("/me", flash="Your password is changed, and every other sign-in of yours has ended.")


@router.post("/me/sign-ins/{sign_in_id}/end")
def end_sign_in(request: Request, db: Db, me: Self) -> Response:
    sign_ins.end(db, number(request.path_params, "sign_in_id"), by=me)
    return back("/me", flash="That sign-in has ended.")


@router.post("/me/sign-ins/end-others")
def end_other_sign_ins(db: Db, me: Self) -> Response:
    sign_ins.end_others(db, me.id, keep=me.session_id)
    return back("/me", flash="Every other sign-in of yours has ended.")


@router.post("/me/tokens")
def create_token(request: Request, db: Db, me: Self, sent: Sent) -> Response:
    with redrawn(request, "me/show.html", sent, **_shown(db, me)):
        days = sent.whole("days") or 0
        text = api_tokens.create(db, name=sent.text("label"), scopes=_scopes(sent), days=days, by=me)
    return page(request, "me/token.html", token=text, name=sent.text("label"))


@router.post("/me/tokens/{token_id}/revoke")
def revoke_token(request: Request, db: Db, me: Self) -> Response:
    api_tokens.revoke(db, number(request.path_params, "token_id"), by=me)
    return back("/me", flash="That token stopped working.")


def _shown(db: Session, me: Person) -> dict[str, Any]:
    return {
        "sign_ins": sign_ins.of_person(db, by=me),
        "tokens": api_tokens.of_person(db, by=me),
        "scopes": [(scope, MEANS[scope]) for scope in api_tokens.SCOPES if me.may(scope)],
    }


def _scopes(sent: Fields) -> tuple[Permission, ...]:
    try:
        return tuple(Permission(value) for value in sent.every("scopes"))
    except ValueError as error:
        raise Refused("Choose at least one scope from the list. None was made.", field="scopes") from error
