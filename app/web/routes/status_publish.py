"""Publish, in two steps: write, look at the page as the public would see it, publish. About an incident of ours, or about none."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.core.errors import Refused
from app.incidents.models import Incident
from app.response import publish as publishing
from app.statuspage import actions, links, maintenance, picture, queries
from app.statuspage.models import StatusPage
from app.web import status_forms as forms
from app.web import status_views as views
from app.web.deps import Db, Me, Sent
from app.web.fields import Fields
from app.web.forms import redrawn
from app.web.guard import may
from app.web.loaders import incident as load_incident
from app.web.loaders import statuspage as load
from app.web.render import back, page

router = APIRouter()
Publisher = Annotated[StatusPage, may(P.PUBLISH, load.page)]
Held = Annotated[Incident, may(P.PUBLISH, load_incident.incident)]
WRITE, WORK, ONE_WORK = "statuspage/publish.html", "statuspage/plan.html", "statuspage/work.html"


@router.get("/incidents/{incident_id}/status")
def choose(request: Request, db: Db, me: Me, incident: Held) -> Response:
    """The form for the only page, or which of several."""
    found = views.publishable(db, me)
    if len(found) == 1 and not incident.is_drill:
        return back(f"/incidents/{incident.id}/status/{found[0].id}")
    return page(request, "statuspage/choose.html", incident=incident, pages=found, published=queries.of_incident(db, incident))


@router.get("/incidents/{incident_id}/status/{page_id}")
def write_of(request: Request, db: Db, me: Me, incident: Held, page_id: int) -> Response:
    return page(request, WRITE, **_about(db, me, incident, page_id))


@router.post("/incidents/{incident_id}/status/{page_id}/preview")
def preview_of(request: Request, db: Db, me: Me, incident: Held, page_id: int, sent: Sent) -> Response:
    return _previewed(request, db, me, _about(db, me, incident, page_id), sent)


@router.post("/incidents/{incident_id}/status/{page_id}")
def publish_of(request: Request, db: Db, me: Me, incident: Held, page_id: int, sent: Sent) -> Response:
    return _published(request, db, me, _about(db, me, incident, page_id), sent)


@router.get("/status-pages/{page_id}/publish")
def write(request: Request, db: Db, shown: Publisher, about: str = "") -> Response:
    return page(request, WRITE, **_alone(db, shown, about))


@router.post("/status-pages/{page_id}/publish/preview")
def preview(request: Request, db: Db, me: Me, shown: Publisher, sent: Sent) -> Response:
    return _previewed(request, db, me, _alone(db, shown, sent.text("about")), sent)


@router.post("/status-pages/{page_id}/publish")
def publish(request: Request, db: Db, me: Me, shown: Publisher, sent: Sent) -> Response:
    return _published(request, db, me, _alone(db, shown, sent.text("about")), sent)


@router.get("/status-pages/{page_id}/published/{public_ref}")
def published(request: Request, db: Db, me: Me, shown: Publisher, public_ref: str) -> Response:
    return page(request, "statuspage/published.html", **views.published(db, shown, public_ref, me))


@router.post("/status-pages/{page_id}/published/{public_ref}/withdraw")
def withdraw(request: Request, db: Db, me: Me, shown: Publisher, public_ref: str, sent: Sent) -> Response:
    with redrawn(request, "statuspage/published.html", sent, **views.published(db, shown, public_ref, me)):
        actions.withdraw(db, shown, queries.get_published(db, shown, public_ref), reason=sent.text("reason"), by=me)
    return back(f"/status-pages/{shown.id}", "It is off the page within a second. Copies that went out stay where they are.")


@router.post("/status-pages/{page_id}/published/{public_ref}/{number}")
def correct(request: Request, db: Db, me: Me, shown: Publisher, public_ref: str, number: int, sent: Sent) -> Response:
    with redrawn(request, "statuspage/published.html", sent, **views.published(db, shown, public_ref, me)):
        actions.correct(db, shown, queries.get_update(db, shown, public_ref, number), text=sent.text("text"), by=me)
    return back(f"/status-pages/{shown.id}/published/{public_ref}", "Corrected; the page says that it was.")


@router.get("/status-pages/{page_id}/maintenance")
def write_work(request: Request, db: Db, shown: Publisher) -> Response:
    return page(request, WORK, **views.works(db, shown))


@router.post("/status-pages/{page_id}/maintenance/preview")
def preview_work(request: Request, db: Db, me: Me, shown: Publisher, sent: Sent) -> Response:
    if sent.ticked("edit"):
        return page(request, WORK, **views.works(db, shown) | {"fields": sent})
    with redrawn(request, WORK, sent, **views.works(db, shown)), views.undone(db):
        maintenance.plan(db, shown, **forms.work(sent), by=me)
        drawn = picture.take(db, shown)
    return views.preview(request, drawn, sent, action=f"/status-pages/{shown.id}/maintenance", words="Announce it now")


@router.post("/status-pages/{page_id}/maintenance")
def plan(request: Request, db: Db, me: Me, shown: Publisher, sent: Sent) -> Response:
    with redrawn(request, WORK, sent, **views.works(db, shown)):
        work = maintenance.plan(db, shown, **forms.work(sent), by=me)
    return back(f"/status-pages/{shown.id}/maintenance/{work.ref}", "Announced.")


@router.get("/status-pages/{page_id}/maintenance/{public_ref}")
def work(request: Request, db: Db, shown: Publisher, public_ref: str) -> Response:
    return page(request, ONE_WORK, **views.works(db, shown, queries.get_maintenance(db, shown, public_ref)))


@router.post("/status-pages/{page_id}/maintenance/{public_ref}")
def move(request: Request, db: Db, me: Me, shown: Publisher, public_ref: str, sent: Sent) -> Response:
    one = queries.get_maintenance(db, shown, public_ref)
    with redrawn(request, ONE_WORK, sent, **views.works(db, shown, one)):
        state, seen = sent.text("state") or one.state, sent.whole("seen")
        maintenance.move(db, shown, one, state, text=sent.text("text"), seen=seen, tells=sent.ticked("tells"), by=me)
    return back(f"/status-pages/{shown.id}/maintenance/{one.ref}", "Published.")


@router.post("/status-pages/{page_id}/maintenance/{public_ref}/times")
def reschedule(request: Request, db: Db, me: Me, shown: Publisher, public_ref: str, sent: Sent) -> Response:
    one = queries.get_maintenance(db, shown, public_ref)
    with redrawn(request, ONE_WORK, sent, **views.works(db, shown, one)):
        maintenance.reschedule(db, shown, one, **forms.times(sent), text=sent.text("why"), by=me)
    return back(f"/status-pages/{shown.id}/maintenance/{one.ref}", "Moved. Calendars that subscribed follow.")


def _about(db: Session, me: Person, incident: Incident, page_id: int) -> dict[str, Any]:
    """What the form about an incident of ours draws."""
    shown = load.page(db, me, P.PUBLISH, {"page_id": str(page_id)})
    if incident.is_drill:
        raise Refused(actions.DRILL)
    subject = next(iter(queries.of_incident(db, incident, shown)), None)
    return views.writing(db, shown, incident, subject, f"/incidents/{incident.id}/status/{shown.id}")


def _alone(db: Session, shown: StatusPage, ref: str) -> dict[str, Any]:
    """The same for something that no incident of ours stands behind, or that is named by its public name."""
    subject = queries.get_published(db, shown, ref) if ref else None
    return views.writing(db, shown, None, subject, f"/status-pages/{shown.id}/publish")


def _previewed(request: Request, db: Session, me: Person, form: dict[str, Any], sent: Fields) -> Response:
    if sent.ticked("edit"):
        return page(request, WRITE, **form | {"fields": sent})
    with redrawn(request, WRITE, sent, **form), views.undone(db):
        _publish(db, me, form, sent)
        drawn = picture.take(db, form["page"])
    about = form["subject"].ref if form["subject"] else ""
    return views.preview(request, drawn, sent, action=form["action"], words="Publish now", about=about)


def _published(request: Request, db: Session, me: Person, form: dict[str, Any], sent: Fields) -> Response:
    with redrawn(request, WRITE, sent, **form):
        _publish(db, me, form, sent)
    shown, incident = form["page"], form["incident"]
    return back(f"/incidents/{incident.id}" if incident else f"/status-pages/{shown.id}", f"Published: {links.public_address(shown)}")


def _publish(db: Session, me: Person, form: dict[str, Any], sent: Fields) -> None:
    publishing.publish(db, form["page"], form["incident"], about=form["subject"], **forms.post(sent, form["subject"]), by=me)
