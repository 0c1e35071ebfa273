"""The command board."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.web import board_views
from app.web.deps import Db
from app.web.guard import may
from app.web.render import page, piece

router = APIRouter()


@router.get("/")
def show(request: Request, db: Db, me: Annotated[Person, may(P.READ)]) -> Response:
    return page(request, "board/show.html", **board_views.board(db, me))


@router.get("/board")
def show_piece(request: Request, db: Db, me: Annotated[Person, may(P.READ)]) -> Response:
    return piece(request, "board/_board.html", **board_views.board(db, me))
