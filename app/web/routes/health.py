"""Whether this process lives, and whether it can work: for load balancers and supervisors."""

from typing import Annotated

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import PlainTextResponse, Response

from app.accounts.policy import P
from app.core.database import ping, transaction
from app.web.guard import may

router = APIRouter()


@router.get("/livez")
def livez(_: Annotated[None, may(P.PUBLIC)]) -> Response:
    return PlainTextResponse("alive\n")


@router.get("/readyz")
def readyz(_: Annotated[None, may(P.PUBLIC)]) -> Response:
    try:
        with transaction() as session:
            ping(session)
    except SQLAlchemyError:
        return PlainTextResponse("the database does not answer\n", 503)
    return PlainTextResponse("ready\n")
