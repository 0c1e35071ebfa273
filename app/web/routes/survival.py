"""The survival kit, to be printed: as far as the reader may see, and as of now."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.response import survival
from app.web.deps import Db
from app.web.guard import may
from app.web.render import page

router = APIRouter()


@router.get("/survival-kit")
def show(request: Request, db: Db, me: Annotated[Person, may(P.READ)]) -> Response:
    written = survival.written_at()
    told: dict[str, Any] = {"written_at": datetime.fromtimestamp(written, UTC) if written else None, "folder": survival.folder()}
    return page(request, "survival/show.html", kit=survival.collect(db, reach=me.reach()), **told)
