"""Figures over many incidents, as tables."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.drills import practice
from app.insights import figures
from app.web.deps import Db
from app.web.guard import may
from app.web.render import page

router = APIRouter()


@router.get("/insights")
def show(request: Request, db: Db, me: Annotated[Person, may(P.READ)]) -> Response:
    reach, days = me.reach(), figures.DAYS
    now, before = figures.lines(db, reach=reach), figures.lines(db, reach=reach, skip=days)
    stale = practice.stale(db, reach=reach)
    return page(request, "insights/show.html", pairs=list(zip(now, before, strict=True)), days=days, stale=stale)
