"""What handlers are given: the session of the request, the person, the fields of a form."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from app.accounts import api_tokens, sign_ins
from app.accounts.policy import Person
from app.accounts.sign_ins import Visitor
from app.core.database import transaction
from app.web import cookies
from app.web.errors import SignInNeeded
from app.web.fields import Fields as Fields
from app.web.fields import Sent as Sent

API = "/api/v1/"


def _session(request: Request) -> Iterator[Session]:
    """One request, one transaction: it commits when the handler returns, before the answer leaves, and rolls back when it raises."""
    with transaction() as session:
        request.state.db = session
        yield session


Db = Annotated[Session, Depends(_session, scope="function")]


def is_api(request: Request) -> bool:
    return request.url.path.startswith(API)


def _visitor(request: Request, db: Db) -> Visitor | None:
    """Who asks. Pages know people by their cookie, the API by a bearer token, and neither takes the other's."""
    request.state.visitor = None
    if is_api(request):
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        person = api_tokens.person_for_bearer(db, text.strip()) if kind.lower() == "bearer" else None
        request.state.visitor = Visitor(person, csrf_token="") if person else None
    elif token := request.cookies.get(cookies.SESSION):
        request.state.visitor = sign_ins.visitor(db, token)
    visitor: Visitor | None = request.state.visitor
    return visitor


Seen = Annotated[Visitor | None, Depends(_visitor)]


def _me(visitor: Seen) -> Person:
    if visitor is None:
        raise SignInNeeded
    return visitor.person


Me = Annotated[Person, Depends(_me)]
