"""Running lists: the cockpit's pane, the incident's tab, one item; tick, take back, skip, overrule, own, time, note."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.accounts.policy import P
from app.catalog.models import Service
from app.checklists import actions, binding, queries
from app.checklists.models import Checklist, Item
from app.incidents import facts
from app.incidents.models import Incident
from app.web import checklist_views, cockpit, incident_forms
from app.web.checklist_views import answered, deciding
from app.web.deps import Db, Me, Sent
from app.web.guard import may
from app.web.landing import landing
from app.web.loaders import catalog
from app.web.loaders import checklist as load
from app.web.loaders import incident as load_incident
from app.web.render import back, page, piece

router = APIRouter()
Seen = Annotated[Incident, may(P.READ, load_incident.incident)]
Held = Annotated[Incident, may(P.RESPOND, load_incident.incident)]
SeenList = Annotated[Checklist, may(P.READ, load.checklist)]
SeenItem = Annotated[Item, may(P.READ, load.item)]
HeldItem = Annotated[Item, may(P.RESPOND, load.item)]


@router.get("/incidents/{incident_id}/checklists")
def show(request: Request, db: Db, incident: Seen, me: Me) -> Response:
    shown = cockpit.header(db, incident, me, "checklists") | checklist_views.tab(db, incident, me)
    return page(request, "checklists/index.html", **shown, nonce=secrets.token_urlsafe(16))


@router.get("/incidents/{incident_id}/checklists/pane")
def show_pane(request: Request, db: Db, incident: Seen, me: Me) -> Response:
    return piece(request, "checklists/_pane.html", **checklist_views.pane(db, incident, me))


@router.get("/incidents/{incident_id}/checklists/progress")
def show_progress(request: Request, db: Db, incident: Seen) -> Response:
    ticks = queries.standing(db, [incident]).get(incident.id)
    return piece(request, "checklists/_progress.html", incident=incident, ticks=ticks)


@router.post("/incidents/{incident_id}/checklists")
def begin(db: Db, incident: Held, me: Me, sent: Sent) -> Response:
    there = f"/incidents/{incident.id}/checklists"
    with landing(there):
        template = checklist_views.chosen(db, sent)
        made = actions.begin(db, template, incident=incident, form_nonce=f"list-{me.id}-{incident_forms.nonce(sent)}", by=me)
    return back(f"{there}#checklist-{made.id}")


@router.post("/incidents/{incident_id}/severity/confirm")
def confirm_severity(db: Db, incident: Held, me: Me, sent: Sent) -> Response:
    """Say that the severity is right as it is."""
    there = f"/incidents/{incident.id}" + ("" if sent.text("place") == "cockpit" else "/checklists")
    with landing(there):
        facts.confirm_severity(db, incident, seen=sent.text("severity"), by=me)
        binding.settle(db, incident)
    return back(there)


@router.get("/services/{slug}/checklists")
def show_of_service(request: Request, db: Db, service: Annotated[Service, may(P.READ, catalog.service)], me: Me) -> Response:
    shown = checklist_views.of_service(db, service.slug, me)
    return page(request, "checklists/of_service.html", **shown, nonce=secrets.token_urlsafe(16))


@router.post("/services/{slug}/checklists")
def begin_for_service(db: Db, service: Annotated[Service, may(P.RESPOND, catalog.service)], me: Me, sent: Sent) -> Response:
    with landing(f"/services/{service.slug}/checklists"):
        template = checklist_views.chosen(db, sent)
        made = actions.begin(db, template, service=service, form_nonce=f"list-{me.id}-{incident_forms.nonce(sent)}", by=me)
    return back(f"/checklists/{made.id}")


@router.get("/checklists/{checklist_id}")
def show_one(request: Request, db: Db, checklist: SeenList, me: Me) -> Response:
    """A list of a service on a page of its own; one of an incident stands on the incident's tab."""
    if checklist.incident_id:
        return back(checklist_views.url(checklist, "checklists"))
    return page(request, "checklists/show.html", **checklist_views.one(db, checklist, me))


@router.get("/checklists/{checklist_id}/piece")
def show_piece(request: Request, db: Db, checklist: SeenList, me: Me) -> Response:
    place = "cockpit" if request.query_params.get("place") == "cockpit" else "checklists"
    return piece(request, "checklists/_list.html", **checklist_views.one(db, checklist, me) | {"place": place})


@router.get("/checklist-items/{item_id}")
def show_item(request: Request, db: Db, item: SeenItem, me: Me) -> Response:
    shown = checklist_views.detail(db, item, me)
    if shown["incident"]:
        incident = cockpit.again(db, shown["incident"])
        shown |= cockpit.header(db, incident, me, "checklists")
    return page(request, "checklists/item.html", **shown, nonce=secrets.token_urlsafe(16))


@router.post("/checklist-items/{item_id}/tick")
def tick(request: Request, db: Db, item: HeldItem, me: Me, sent: Sent) -> Response:
    with deciding(request, db, item, me, sent):
        actions.tick(db, item, seen=sent.text("seen") or None, by=me)
    return answered(request, item, sent)


@router.post("/checklist-items/{item_id}/untick")
def untick(request: Request, db: Db, item: HeldItem, me: Me, sent: Sent) -> Response:
    with deciding(request, db, item, me, sent):
        actions.untick(db, item, seen=sent.text("seen") or None, by=me)
    return answered(request, item, sent)


@router.post("/checklist-items/{item_id}/skip")
def skip(request: Request, db: Db, item: HeldItem, me: Me, sent: Sent) -> Response:
    with deciding(request, db, item, me, sent):
        actions.skip(db, item, reason=sent.text("reason"), seen=sent.text("seen") or None, by=me)
    return answered(request, item, sent)


@router.post("/checklist-items/{item_id}/overrule")
def overrule(request: Request, db: Db, item: HeldItem, me: Me, sent: Sent) -> Response:
    """Against the evidence, with a reason that stays in sight."""
    with deciding(request, db, item, me, sent):
        actions.overrule(db, item, ticked=sent.text("to") == "ticked", reason=sent.text("reason"), by=me)
    return answered(request, item, sent)


@router.post("/checklist-items/{item_id}/lift")
def lift(request: Request, db: Db, item: HeldItem, me: Me, sent: Sent) -> Response:
    """Let the evidence decide again."""
    with deciding(request, db, item, me, sent):
        actions.lift(db, item, by=me)
    return answered(request, item, sent)


@router.post("/checklist-items/{item_id}/own")
def own(request: Request, db: Db, item: HeldItem, me: Me, sent: Sent) -> Response:
    """Take it, give it to somebody, or give it back."""
    with deciding(request, db, item, me, sent):
        owner = me.id if sent.text("owner") == "me" else sent.whole("owner")
        actions.own(db, item, owner_id=owner, seen=sent.whole("seen_owner"), by=me)
    return answered(request, item, sent)


@router.post("/checklist-items/{item_id}/due")
def set_due(request: Request, db: Db, item: HeldItem, me: Me, sent: Sent) -> Response:
    with deciding(request, db, item, me, sent):
        actions.set_due(db, item, at=incident_forms.moment(sent, "due_at"), by=me)
    return answered(request, item, sent)


@router.post("/checklist-items/{item_id}/notes")
def note(request: Request, db: Db, item: HeldItem, me: Me, sent: Sent) -> Response:
    with deciding(request, db, item, me, sent):
        nonce = f"{item.id}-{me.id}-{incident_forms.nonce(sent)}"
        actions.note_item(db, item, body=sent.get("body", ""), form_nonce=nonce, by=me)
    return answered(request, item, sent)
