"""The timeline of an incident: read, filter, write, edit, take along."""

import secrets
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response, StreamingResponse

from app.accounts.policy import P, Person
from app.core.database import transaction
from app.incidents import export, history, queries, timeline
from app.incidents.models import Incident
from app.web import cockpit, incident_forms, timeline_views
from app.web.deps import Db, Me, Sent
from app.web.forms import redrawn
from app.web.guard import may
from app.web.loaders import incident as load
from app.web.render import back, page, piece, piece_or_back

router = APIRouter()
Seen = Annotated[Incident, may(P.READ, load.incident)]
Held = Annotated[Incident, may(P.RESPOND, load.incident)]
PAGE = 100
FORMATS = {"md": (export.markdown, "text/markdown"), "json": (export.as_json, "application/json")}


@router.get("/incidents/{incident_id}/timeline")
def show(request: Request, db: Db, incident: Seen, me: Me) -> Response:
    return page(request, "timeline/show.html", **_shown(request, db, incident, me))


@router.get("/incidents/{incident_id}/timeline/lines")
def show_lines(request: Request, db: Db, incident: Seen, me: Me) -> Response:
    return piece(request, "timeline/_lines.html", **_shown(request, db, incident, me))


@router.get("/incidents/{incident_id}/timeline/newest")
def show_newest(request: Request, db: Db, incident: Seen, me: Me) -> Response:
    return piece(request, "timeline/_newest.html", **cockpit.log(db, incident, me))


@router.post("/incidents/{incident_id}/notes")
def add(request: Request, db: Db, incident: Held, me: Me, sent: Sent) -> Response:
    url, fresh = _url(incident), {"nonce": secrets.token_urlsafe(16)}
    with redrawn(request, "timeline/show.html", sent, partial="timeline/_log.html", **_shown(request, db, incident, me)):
        nonce, at = f"{incident.id}-{me.id}-{incident_forms.nonce(sent)}", incident_forms.moment(sent, "at")
        entry = timeline.note(db, incident, body=sent.get("body", ""), at=at, form_nonce=nonce, by=me)
        url = f"{url}?entry={entry.id}#entry-{entry.id}" if at else f"/incidents/{incident.id}" if sent.text("from") == "cockpit" else url
    return piece_or_back(request, "timeline/_log.html", url, **cockpit.log(db, incident, me), **fresh)


@router.get("/incidents/{incident_id}/timeline/{entry_id}/edit")
def edit(request: Request, db: Db, incident: Held, me: Me, entry_id: int) -> Response:
    return page(request, "timeline/edit.html", **_edited(db, incident, me, entry_id))


@router.post("/incidents/{incident_id}/timeline/{entry_id}/edit")
def save(request: Request, db: Db, incident: Held, me: Me, entry_id: int, sent: Sent) -> Response:
    shown = _edited(db, incident, me, entry_id)
    with redrawn(request, "timeline/edit.html", sent, **shown):
        entry = timeline.edit(db, shown["entry"], body=sent.get("body", ""), by=me)
    return back(f"{_url(incident)}?entry={entry.id}#entry-{entry.id}")


@router.get("/incidents/{incident_id}/export.{kind}")
def take_along(incident: Seen, me: Me, kind: str) -> Response:
    """The whole incident as a file, written while it is read."""
    write, media_type = FORMATS.get(kind, FORMATS["md"])
    name = f"{incident.ref.lower()}.{'json' if kind == 'json' else 'md'}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}

    def written() -> Iterator[str]:
        # the request's own transaction ends before the answer begins
        with transaction() as session:
            yield from write(session, queries.get(session, incident.id, reach=me.reach()))

    return StreamingResponse(written(), media_type=f"{media_type}; charset=utf-8", headers=headers)


def _shown(request: Request, db: Session, incident: Incident, me: Person) -> dict[str, Any]:
    """One page of the timeline: around a line, before or after a key, or the newest lines; filtered or not."""
    query, only = request.query_params, incident_forms.lines(request.query_params)
    if entry := incident_forms.whole(query.get("entry", "")):
        found = history.page_around(db, incident, entry, limit=PAGE)
    else:
        before, after = incident_forms.key(query.get("before", "")), incident_forms.key(query.get("after", ""))
        found = history.page(db, incident, only=only, before=before, after=after, limit=PAGE)
    path, place, away = _url(incident), incident_forms.place, {"entry": None, "before": None, "after": None}
    return cockpit.header(db, incident, me, "timeline") | {
        "groups": timeline_views.draw(db, incident, found.entries, me=me),
        "only": only,
        "kinds": history.KINDS,
        "writers": history.writers(db, incident),
        "query": query,
        "older": incident_forms.address(path, query, **away | {"before": place(found.older)}) if found.older else None,
        "newer": incident_forms.address(path, query, **away | {"after": place(found.newer)}) if found.newer else None,
        "is_newest": not (query.get("entry") or query.get("before") or query.get("after")),
        "nonce": secrets.token_urlsafe(16),
    }


def _edited(db: Session, incident: Incident, me: Person, entry_id: int) -> dict[str, Any]:
    entry = history.get_entry(db, incident, entry_id)
    return cockpit.header(db, incident, me, "timeline") | {"entry": entry}


def _url(incident: Incident) -> str:
    return f"/incidents/{incident.id}/timeline"
