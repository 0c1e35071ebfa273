"""Plans: ask what a recovery would change, look at it, start it."""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.catalog import queries as catalog
from app.catalog import readings, releases
from app.catalog.models import Target
from app.core.clock import now
from app.core.database import Json
from app.core.errors import Refused
from app.incidents import queries as incidents
from app.response import recover
from app.runs import plans, queries
from app.runs.models import Plan
from app.verification import contracts
from app.web import plan_views
from app.web.deps import Db, Fields, Me, Sent
from app.web.forms import redrawn
from app.web.guard import may
from app.web.landing import landing
from app.web.loaders import run as load
from app.web.render import back, page, piece

router = APIRouter()


@router.post("/targets/{target_id}/plans")
def ask(db: Db, target: Annotated[Target, may(P.PLAN, load.target)], me: Me, sent: Sent) -> Response:
    """Ask for a preview; nothing changes by it."""
    incident_id = sent.whole("incident_id")
    with landing(f"/incidents/{incident_id}" if incident_id else f"/services/{target.service.slug}"):
        release_id = sent.whole("release_id")
        release = catalog.get_release(db, release_id, reach=me.reach()) if release_id else None
        incident = incidents.get(db, incident_id, reach=me.reach()) if incident_id else None
        kind = sent.text("kind") or "rollback"
        plan = recover.preview(db, kind=kind, target=target, release=release, incident=incident, request=_asked(kind, sent), by=me)
    return back(f"/plans/{plan.id}")


@router.get("/plans/{plan_id}")
def show(request: Request, db: Db, plan: Annotated[Plan, may(P.READ, load.plan)], me: Me) -> Response:
    return page(request, "plans/show.html", **_shown(db, plan, me))


@router.get("/plans/{plan_id}/piece")
def show_piece(request: Request, db: Db, plan: Annotated[Plan, may(P.READ, load.plan)], me: Me) -> Response:
    return piece(request, "plans/_plan.html", **_shown(db, plan, me))


@router.get("/plans/{plan_id}/confirm")
def show_confirm(request: Request, db: Db, plan: Annotated[Plan, may(P.READ, load.plan)], me: Me) -> Response:
    """The panel with the button: whether it opens changes while others work."""
    return piece(request, "plans/_confirm.html", **_shown(db, plan, me))


@router.post("/plans/{plan_id}/again")
def again(db: Db, plan: Annotated[Plan, may(P.PLAN, load.plan)], me: Me) -> Response:
    """The same question, asked of the live system anew."""
    with landing(f"/plans/{plan.id}"):
        fresh = recover.preview(
            db, kind=plan.kind, target=plan.target, release=plan.release, incident=plan.incident, request=plan.request, by=me
        )
    return back(f"/plans/{fresh.id}")


@router.post("/plans/{plan_id}/run")
def start(request: Request, db: Db, plan: Annotated[Plan, may(P.EXECUTE, load.plan)], me: Me, sent: Sent) -> Response:
    """Start what was shown, with the checks as they were agreed on the page."""
    with redrawn(request, "plans/show.html", sent, **_shown(db, plan, me)):
        contract = _agreed(plan, sent)
    with landing(lambda: _after_refusal(db, plan)), db.begin_nested():
        _agree(db, plan, contract, by=me)
        run = recover.start(db, plan, digest=sent.text("digest"), nonce=sent.text("nonce"), by=me)
    return back(f"/runs/{run.id}")


@router.post("/plans/{plan_id}/run-instead")
def start_instead(db: Db, plan: Annotated[Plan, may(P.EXECUTE, load.plan)], me: Me, sent: Sent) -> Response:
    """Cancel the run that holds the target and start this one as soon as it has stopped."""
    with landing(lambda: _after_refusal(db, plan)), db.begin_nested():
        holder = queries.busy(db, plan.target)
        if holder is None:
            raise Refused(f"{plan.target.label} is free by now, so nothing had to be cancelled. Start the plan below.")
        run = recover.start(db, plan, digest=sent.text("digest"), nonce=sent.text("nonce"), by=me, instead_of=holder)
    return back(f"/runs/{run.id}")


def _asked(kind: str, sent: Fields) -> dict[str, Any]:
    """What a plan of this kind has to be told. Refused where a number is missing."""
    if mode := sent.text("mode"):
        return {"mode": mode}
    if kind == "rollback" and sent.text("replace_broken_pods"):
        return {"replace_broken_pods": True}
    if kind != "scale":
        return {}
    replicas = sent.whole("replicas")
    if replicas is None or replicas < 0:
        raise Refused("Say how many replicas there should be, from 0 up. Nothing was planned.", field="replicas")
    return {"replicas": replicas}


def _shown(db: Session, plan: Plan, me: Person) -> dict[str, Any]:
    """Everything that the preview page draws."""
    doubts = plan_views.doubts(plan.contract, readings.newest(db, catalog.checks_of(db, plan.service)), at=now())
    view, running, offer = (
        plan_views.of(plan, plan.service, doubts=doubts),
        releases.current(db, plan.target),
        releases.offer(db, plan.target),
    )
    ran_s = releases.ran_for(db, plan.release) if plan.release else 0.0
    before, after = plan_views.sides(plan, view, running=running, offered=offer.release if offer else None, ran_s=ran_s)
    run, holder = queries.run_of_plan(db, plan), queries.busy(db, plan.target)
    gate = plan_views.gate(plan, view, run=run, holder=holder, me=me)
    lines, nonce = contracts.lines(plan.contract), secrets.token_urlsafe(16)
    return {"plan": plan, "view": view, "before": before, "after": after, "gate": gate, "lines": lines, "nonce": nonce}


def _agreed(plan: Plan, sent: Fields) -> Json:
    """The checks as the page agreed on them. Refused where the name of a destructive plan's service was not typed."""
    if plan.is_destructive and sent.text("confirm") != plan.service.name:
        raise Refused(f"Type {plan.service.name} to confirm. Nothing was started.", field="confirm")
    return contracts.edited(plan.contract, sent)


def _agree(db: Session, plan: Plan, contract: Json, *, by: Person) -> None:
    """Keep the edited checks; once a run of the plan was asked for they stay as they were, and `start` says who was first."""
    if contract != plan.contract and queries.run_of_plan(db, plan) is None:
        plans.set_contract(db, plan, contract, by=by)


def _after_refusal(db: Session, plan: Plan) -> str:
    """Two people confirming at once: the second one lands on the run of the first. A busy target leads back to the preview."""
    run = queries.run_of_plan(db, plan)
    return f"/runs/{run.id}" if run else f"/plans/{plan.id}"
