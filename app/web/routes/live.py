"""The stream of names that open pages listen to."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.web.guard import may
from app.web.stream import open_stream

router = APIRouter()


@router.get("/live")
def live(request: Request, me: Annotated[Person, may(P.SELF)]) -> Response:
    return open_stream(request.app.state.hub, me)
