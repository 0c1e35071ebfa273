"""The decision of an incident: facts, rules, the choice, the clock, objections, user reports, and what was assessed before."""

import secrets
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.core.clock import now
from app.core.errors import Refused
from app.decisions import actions, assessing, objections, queries, reports
from app.decisions.kinds import kind_of
from app.incidents.models import Incident
from app.web import cockpit, decision_views, incident_forms
from app.web.deps import Db, Me, Sent
from app.web.fields import Fields
from app.web.forms import redrawn
from app.web.guard import may
from app.web.landing import landing
from app.web.load import number
from app.web.loaders import incident as load
from app.web.render import is_htmx, page, piece, piece_or_back

router = APIRouter()
Seen = Annotated[Incident, may(P.READ, load.incident)]
Held = Annotated[Incident, may(P.RESPOND, load.incident)]
DESK, WHOLE = "decisions/_desk.html", "decisions/show.html"
PAGE = 50


@router.get("/incidents/{incident_id}/decision")
def show(request: Request, db: Db, incident: Seen, me: Me) -> Response:
    return page(request, WHOLE, **_whole(db, incident, me))


@router.get("/incidents/{incident_id}/decision/desk")
def show_desk(request: Request, db: Db, incident: Seen, me: Me) -> Response:
    return piece(request, DESK, **_desk(db, incident, me))


@router.post("/incidents/{incident_id}/decision")
def decide(request: Request, db: Db, incident: Held, me: Me, sent: Sent) -> Response:
    with redrawn(request, WHOLE, sent, partial=DESK, **_whole(db, incident, me)):
        seen, recommended, choice = sent.whole("seen"), sent.text("recommended") or None, sent.text("choice")
        actions.decide(db, incident, choice, rationale=sent.text("rationale"), seen=seen, recommended=recommended, by=me)
    return _answer(request, db, incident, me)


@router.post("/incidents/{incident_id}/decision/facts")
def state_fact(request: Request, db: Db, incident: Held, me: Me, sent: Sent) -> Response:
    """Say a fact; `measured` lets what is measured count again."""
    with redrawn(request, WHOLE, sent, partial=DESK, **_whole(db, incident, me)):
        kind = kind_of(sent.text("fact"))
        if sent.ticked("measured"):
            actions.take_back_fact(db, incident, kind.key, by=me)
        else:
            actions.state_fact(db, incident, kind.key, kind.read(sent.text("value")), by=me)
    return _answer(request, db, incident, me, f"fact-{kind.key}")


@router.post("/incidents/{incident_id}/decision/clock")
def set_clock(request: Request, db: Db, incident: Held, me: Me, sent: Sent) -> Response:
    with redrawn(request, WHOLE, sent, partial=DESK, **_whole(db, incident, me)):
        minutes = _minutes(sent)
        actions.set_clock(db, incident, now() + timedelta(minutes=minutes) if minutes else None, by=me)
    return _answer(request, db, incident, me)


@router.post("/incidents/{incident_id}/decision/objections")
def ask(request: Request, db: Db, incident: Held, me: Me, sent: Sent) -> Response:
    with redrawn(request, WHOLE, sent, partial=DESK, **_whole(db, incident, me)):
        objections.ask(db, incident, sent.text("choice"), by=me)
    return _answer(request, db, incident, me, "objections")


@router.post("/incidents/{incident_id}/decision/objections/answer")
def answer(request: Request, db: Db, incident: Held, me: Me, sent: Sent) -> Response:
    """One tap, from the strip in the header of every tab or from the page of the decision."""
    url = f"/incidents/{incident.id}/decision#objections"
    with landing(url):
        round_id, objects = sent.whole("round"), sent.text("answer") == "objects"
        objections.answer(db, incident, objects, reason=sent.text("reason"), round_id=round_id, by=me)
    if is_htmx(request) and (tab := sent.text("tab")):
        return piece(request, "incidents/_header.html", **cockpit.header(db, cockpit.again(db, incident), me, tab))
    return _answer(request, db, incident, me, "objections")


@router.post("/incidents/{incident_id}/decision/reports")
def report(request: Request, db: Db, incident: Held, me: Me, sent: Sent) -> Response:
    with redrawn(request, WHOLE, sent, partial=DESK, **_whole(db, incident, me)):
        count, nonce = sent.whole("count"), f"{incident.id}-{me.id}-{incident_forms.nonce(sent)}"
        told = {"body": sent.text("body"), "url": sent.text("url"), "form_nonce": nonce}
        reports.add(db, incident, count=1 if count is None else count, **told, by=me)
    return _answer(request, db, incident, me, "user-reports")


@router.post("/incidents/{incident_id}/decision/reports/{report_id}/take-back")
def take_back(request: Request, db: Db, incident: Held, me: Me, report_id: str) -> Response:
    found = queries.get_report(db, incident, number({"report_id": report_id}, "report_id"))
    reports.take_back(db, incident, found, by=me)
    return _answer(request, db, incident, me, "user-reports")


@router.get("/incidents/{incident_id}/decision/assessments")
def listed(request: Request, db: Db, incident: Seen, me: Me) -> Response:
    """Every assessment, newest first."""
    before = incident_forms.whole(request.query_params.get("before", ""))
    found = queries.assessments_of(db, incident, before=before, limit=PAGE + 1)
    older = found[PAGE - 1].id if len(found) > PAGE else None
    return page(
        request, "decisions/assessments.html", **cockpit.header(db, incident, me, "decision"), assessments=found[:PAGE], older=older
    )


@router.get("/incidents/{incident_id}/decision/assessments/{assessment_id}")
def one(request: Request, db: Db, incident: Seen, me: Me, assessment_id: str) -> Response:
    """An assessment as it was kept."""
    found = queries.get_assessment(db, incident, number({"assessment_id": assessment_id}, "assessment_id"))
    shown = decision_views.drawn(assessing.kept(found))
    return page(request, "decisions/assessment.html", **cockpit.header(db, incident, me, "decision"), **shown, assessment=found)


def _desk(db: Session, incident: Incident, me: Person) -> dict[str, Any]:
    return decision_views.desk(db, incident, me) | {"nonce": secrets.token_urlsafe(16)}


def _whole(db: Session, incident: Incident, me: Person) -> dict[str, Any]:
    return cockpit.header(db, incident, me, "decision") | _desk(db, incident, me)


def _answer(request: Request, db: Session, incident: Incident, me: Person, place: str = "") -> Response:
    """The page below the header for htmx, else back to the place on it where the button was."""
    url = f"/incidents/{incident.id}/decision" + (f"#{place}" if place else "")
    return piece_or_back(request, DESK, url, **_desk(db, cockpit.again(db, incident), me))


def _minutes(sent: Fields) -> int | None:
    """Minutes from now; None for the usual clock. Refused for anything else."""
    minutes = sent.whole("minutes")
    if minutes is not None and minutes < 1:
        raise Refused("The clock ends at least one minute from now. It was not changed.", field="minutes")
    return minutes
