"""Incidents: the list, declaring one, the cockpit and its pieces, facts, states, roles and services."""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.datastructures import QueryParams
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.catalog import queries as catalog
from app.catalog.models import Service
from app.core.errors import NotFound, Refused
from app.incidents import affected, facts, queries, roles
from app.incidents.models import Incident
from app.incidents.states import MEANING, PHASES, TROUBLE_NAMES, Severity, State
from app.response import declare as declaring
from app.response import recover, resolve
from app.web import cockpit, incident_forms, incident_views
from app.web.deps import Db, Me, Sent
from app.web.fields import Fields
from app.web.forms import redrawn
from app.web.guard import may
from app.web.landing import landing
from app.web.loaders import incident as load
from app.web.render import back, page, piece

router = APIRouter()
Seen = Annotated[Incident, may(P.READ, load.incident)]
Held = Annotated[Incident, may(P.RESPOND, load.incident)]
Commanded = Annotated[Incident, may(P.COMMAND, load.incident)]


@router.get("/incidents")
def listed(request: Request, db: Db, me: Annotated[Person, may(P.READ)]) -> Response:
    return page(request, "incidents/index.html", **_listed(db, me, request.query_params))


@router.get("/incidents/new")
def new(request: Request, db: Db, me: Annotated[Person, may(P.DECLARE)]) -> Response:
    typed = Fields(request.query_params.multi_items())
    return page(request, "incidents/new.html", **_new(db, me, typed, secrets.token_urlsafe(16)), fields=typed)


@router.post("/incidents")
def declare(request: Request, db: Db, me: Annotated[Person, may(P.DECLARE)], sent: Sent) -> Response:
    nonce = incident_forms.nonce(sent)
    with redrawn(request, "incidents/new.html", sent, **_new(db, me, sent, nonce)):
        ids = tuple(_service(db, slug, me).id for slug in sent.every("service"))
        incident = declaring.declare(db, **incident_forms.declared(sent), service_ids=ids, form_nonce=f"form-{me.id}-{nonce}", by=me)
    return back(f"/incidents/{incident.id}")


@router.get("/incidents/{incident_id}")
def show(request: Request, db: Db, incident: Seen, me: Me) -> Response:
    return page(request, "incidents/show.html", **cockpit.whole(db, incident, me), nonce=secrets.token_urlsafe(16))


@router.get("/incidents/{incident_id}/header")
def show_header(request: Request, db: Db, incident: Seen, me: Me) -> Response:
    tab = request.query_params.get("tab", "cockpit")
    return piece(request, "incidents/_header.html", **cockpit.header(db, incident, me, tab))


@router.get("/incidents/{incident_id}/now")
def show_now(request: Request, db: Db, incident: Seen, me: Me) -> Response:
    return piece(request, "incidents/_now.html", **cockpit.now(db, incident, me))


@router.get("/incidents/{incident_id}/bar")
def show_bar(request: Request, db: Db, incident: Seen, me: Me) -> Response:
    return piece(request, "incidents/_bar.html", **cockpit.now(db, incident, me))


@router.get("/incidents/{incident_id}/sides")
def show_sides(request: Request, db: Db, incident: Seen, me: Me) -> Response:
    return piece(request, "incidents/_sides.html", **cockpit.sides(db, incident, me))


@router.get("/incidents/{incident_id}/facts")
def edit(request: Request, db: Db, incident: Held, me: Me) -> Response:
    return page(request, "incidents/facts.html", **_facts(db, incident, me))


@router.post("/incidents/{incident_id}/facts")
def change(request: Request, db: Db, incident: Held, me: Me, sent: Sent) -> Response:
    with redrawn(request, "incidents/facts.html", incident_forms.rebased(sent, incident), **_facts(db, incident, me)):
        new, was = incident_forms.edited(sent)
        facts.change(db, incident, **new, was=was, by=me)
    return back(f"/incidents/{incident.id}")


@router.post("/incidents/{incident_id}/severity")
def set_severity(db: Db, incident: Held, me: Me, sent: Sent) -> Response:
    with landing(f"/incidents/{incident.id}"):
        facts.change(db, incident, severity=sent.text("severity"), by=me)
    return back(f"/incidents/{incident.id}")


@router.get("/incidents/{incident_id}/state")
def choose_state(request: Request, db: Db, incident: Held, me: Me) -> Response:
    return page(request, "incidents/state.html", **_state(db, incident, me))


@router.post("/incidents/{incident_id}/state")
def move(request: Request, db: Db, incident: Held, me: Me, sent: Sent) -> Response:
    """What is open at the end of an incident is shown, and overruled, on the page of its own."""
    with redrawn(request, "incidents/state.html", sent, **_state(db, incident, me)):
        state = _chosen(sent)
        if state in resolve.ENDED_WELL and incident.is_open and resolve.check(db, incident):
            return back(f"/incidents/{incident.id}/resolve")
        other = _named(db, sent, me) if state is State.DUPLICATE else None
        resolve.move(db, incident, state, reason=sent.text("reason"), duplicate_of=other, by=me)
    return back(f"/incidents/{incident.id}")


@router.get("/incidents/{incident_id}/roles")
def show_roles(request: Request, db: Db, incident: Seen, me: Me) -> Response:
    return page(request, "incidents/roles.html", **_roles(db, incident, me))


@router.post("/incidents/{incident_id}/roles/take")
def take(request: Request, db: Db, incident: Held, me: Me, sent: Sent) -> Response:
    with redrawn(request, "incidents/roles.html", sent, **_roles(db, incident, me)):
        roles.take(db, incident, sent.text("role"), by=me)
    return back(_from(sent, incident))


@router.post("/incidents/{incident_id}/roles/hand-over")
def hand_over(request: Request, db: Db, incident: Held, me: Me, sent: Sent) -> Response:
    with redrawn(request, "incidents/roles.html", sent, **_roles(db, incident, me)):
        to, seen = sent.whole("to"), sent.whole("holder_id")
        roles.hand_over(db, incident, sent.text("role"), to=to or 0, briefing=sent.text("briefing"), holder_id=seen, by=me)
    return back(f"/incidents/{incident.id}/roles")


@router.post("/incidents/{incident_id}/roles/give-back")
def give_back(request: Request, db: Db, incident: Held, me: Me, sent: Sent) -> Response:
    with redrawn(request, "incidents/roles.html", sent, **_roles(db, incident, me)):
        roles.give_back(db, incident, sent.text("role"), by=me)
    return back(f"/incidents/{incident.id}/roles")


@router.get("/incidents/{incident_id}/services")
def choose_services(request: Request, db: Db, incident: Held, me: Me) -> Response:
    return page(request, "incidents/services.html", **_services(db, incident, me))


@router.post("/incidents/{incident_id}/services")
def touch(db: Db, incident: Held, me: Me, sent: Sent) -> Response:
    with landing(f"/incidents/{incident.id}/services"):
        affected.touch(db, incident, _service(db, sent.text("service"), me), by=me)
    return back(f"/incidents/{incident.id}/services")


@router.post("/incidents/{incident_id}/services/remove")
def leave(db: Db, incident: Held, me: Me, sent: Sent) -> Response:
    with landing(f"/incidents/{incident.id}/services"):
        affected.leave(db, incident, _service(db, sent.text("service"), me), by=me)
    return back(f"/incidents/{incident.id}/services")


@router.post("/incidents/{incident_id}/services/suspect")
def suspect(db: Db, incident: Held, me: Me, sent: Sent) -> Response:
    """Name the release under suspicion; an empty release takes the suspicion back."""
    with landing(f"/incidents/{incident.id}/services"):
        service, number = _service(db, sent.text("service"), me), sent.whole("release_id")
        release = catalog.get_release(db, number, reach=me.reach()) if number else None
        affected.suspect(db, incident, service, release, by=me)
    return back(f"/incidents/{incident.id}/services")


@router.post("/incidents/{incident_id}/restriction")
def restrict(db: Db, incident: Commanded, me: Me, sent: Sent) -> Response:
    affected.restrict(db, incident, sent.ticked("restricted"), by=me)
    return back(f"/incidents/{incident.id}/services")


@router.post("/incidents/{incident_id}/verifications")
def verify(db: Db, incident: Annotated[Incident, may(P.PLAN, load.incident)], me: Me, sent: Sent) -> Response:
    """Watch the checks by hand, without a run."""
    with landing(f"/incidents/{incident.id}"):
        verification = recover.verify(db, _service(db, sent.text("service"), me), incident=incident, by=me)
    return back(f"/verifications/{verification.id}")


def _listed(db: Session, me: Person, query: QueryParams) -> dict[str, Any]:
    """One page of the list; one incident more than it is read, to know whether there is an older one."""
    services = catalog.services(db, reach=me.reach())
    service = next((one for one in services if one.slug == query.get("service")), None)
    filters, before = incident_forms.filters(query, service.id if service else None), incident_forms.whole(query.get("before", ""))
    found = queries.find(db, filters, reach=me.reach(), before=before, limit=incident_forms.PAGE + 1)
    more = len(found) > incident_forms.PAGE
    return {
        "incidents": found[: incident_forms.PAGE],
        "older": incident_forms.address("/incidents", query, before=found[-2].id) if more else None,
        "is_first": before is None,
        "filters": filters,
        "services": services,
        "service": service,
        "query": query,
        "severities": Severity,
        "states": State,
        "phases": PHASES,
        "may_declare": me.may(P.DECLARE),
    }


def _new(db: Session, me: Person, typed: Fields, nonce: str) -> dict[str, Any]:
    """The form of a new incident: services that changed lately stand first, then those that were asked for, then the others."""
    changes = catalog.recent_changes(db, reach=me.reach())
    changed = {change.service.id for change in changes}
    others = [one for one in catalog.services(db, reach=me.reach()) if one.id not in changed]
    first = {change.service.id: change for change in reversed(changes)}
    asked = typed.every("service")
    return {
        "nonce": nonce,
        "changes": sorted(first.values(), key=lambda change: change.rollout.began_at, reverse=True),
        "others": sorted(others, key=lambda one: one.slug not in asked),
        "meaning": MEANING,
        "troubles": TROUBLE_NAMES,
    }


def _facts(db: Session, incident: Incident, me: Person) -> dict[str, Any]:
    return cockpit.header(db, incident, me, "facts") | {
        "was": incident_forms.drawn(incident),
        "shown": incident_forms.shown(incident),
        "meaning": MEANING,
        "troubles": TROUBLE_NAMES,
    }


def _state(db: Session, incident: Incident, me: Person) -> dict[str, Any]:
    return cockpit.header(db, incident, me, "state") | {"states": State, "ahead": PHASES}


def _roles(db: Session, incident: Incident, me: Person) -> dict[str, Any]:
    return cockpit.header(db, incident, me, "roles") | {"people": queries.people(db, incident), "past": roles.past(db, incident)}


def _services(db: Session, incident: Incident, me: Person) -> dict[str, Any]:
    shown = {"services": incident_views.touched(db, incident, me=me)}
    return cockpit.header(db, incident, me, "services") | cockpit.to_add(db, incident, me) | shown


def _service(db: Session, slug: str, me: Person) -> Service:
    """A service that a form names."""
    try:
        return catalog.get_service(db, slug.replace("\0", ""), reach=me.reach())
    except NotFound:
        named = f"There is no service “{slug[:63]}”, or you may not see it" if slug else "No service was named"
        raise Refused(f"{named}. Nothing was changed: choose one from the list.", field="service") from None


def _from(sent: Fields, incident: Incident) -> str:
    """Where the button was pressed: on the roles' own page or on the cockpit."""
    return f"/incidents/{incident.id}" if sent.text("from") == "cockpit" else f"/incidents/{incident.id}/roles"


def _chosen(sent: Fields) -> State:
    try:
        return State(sent.text("state"))
    except ValueError:
        raise Refused("Choose how far the incident is. Nothing was changed.", field="state") from None


def _named(db: Session, sent: Fields, me: Person) -> Incident | None:
    """The other incident of a duplicate, by "INC-42" or "42"."""
    text = sent.text("duplicate_of").lower().removeprefix("inc-").removeprefix("#")
    number = incident_forms.whole(text)
    try:
        return queries.get(db, number, reach=me.reach()) if number else None
    except NotFound:
        raise Refused(f"There is no INC-{number}, or you may not see it. Nothing was changed.", field="duplicate_of") from None
