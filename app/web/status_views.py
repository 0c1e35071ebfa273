"""What the pages about status pages draw, and previews: the public page as it would be."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, Response

from app.accounts.policy import P, Person
from app.catalog import queries as catalog
from app.incidents import queries as incidents
from app.incidents.models import Incident
from app.notifications import cadence, public_post
from app.notifications.models import ChannelSetting
from app.statuspage import drawing, felt, links, picture, queries, subscribing
from app.statuspage.models import Maintenance, PublicIncident, StatusPage
from app.statuspage.states import STANDING_WORDS, WORK_MOVES, WORK_WORDS, Progress, Standing, Work
from app.web.assets import static
from app.web.csrf import FIELD
from app.web.fields import Fields

PAST = 20
USUAL_PROMISE_MIN = 30  # where no incident of ours says how often


def index(db: Session, me: Person) -> dict[str, Any]:
    """Every page, with how it stands."""
    found = queries.pages(db, reach=me.reach())
    return {"pages": [(page, len(queries.active(db, page)), links.public_address(page)) for page in found]}


def shown(db: Session, page: StatusPage, me: Person) -> dict[str, Any]:
    """One page: its files, what is on it, who is told."""
    active, past, ahead = queries.active(db, page), queries.past(db, page, limit=PAST), queries.ahead(db, page)
    services = queries.service_ids(db, page)
    return {
        "page": page,
        "address": links.public_address(page),
        "can": {"publish": me.may(P.PUBLISH, services), "administer": me.may(P.ADMINISTER)},
        "active": [(one, queries.updates(db, one), ours(db, one, me)) for one in active],
        "past": [(one, ours(db, one, me)) for one in past],
        "ahead": ahead,
        "components": queries.components(db, page),
        "reviews": queries.reviews(db, page),
        "counts": subscribing.counts(db, page),
        "work_words": WORK_WORDS,
    }


def published(db: Session, page: StatusPage, ref: str, me: Person) -> dict[str, Any]:
    """One published incident, with each update to be corrected."""
    one = queries.get_published(db, page, ref)
    return {"page": page, "published": one, "updates": queries.updates(db, one), "ours": ours(db, one, me)}


def publishable(db: Session, me: Person) -> list[StatusPage]:
    """The pages that this person may publish on."""
    return [page for page in queries.pages(db, reach=me.reach()) if me.may(P.PUBLISH, queries.service_ids(db, page))]


def mailers(db: Session) -> list[tuple[str, str]]:
    """The channels whose mail can go to subscribers, for a choice."""
    query = select(ChannelSetting.id, ChannelSetting.name).where(ChannelSetting.kind == "mail", ChannelSetting.archived_at.is_(None))
    return [("", "No mail to subscribers"), *((str(one), name) for one, name in db.execute(query.order_by(ChannelSetting.name)))]


def beside(db: Session, incident: Incident, me: Person) -> dict[str, Any]:
    """What the public knows of an incident, beside its cockpit. `may` is whether the reader can tell them (more)."""
    published = queries.of_incident(db, incident)
    pages = queries.pages(db, reach=me.reach())
    names = {page.id: page.name for page in pages}
    may = not incident.is_drill and any(me.may(P.PUBLISH, queries.service_ids(db, page)) for page in pages)
    told = [(one, names[one.page_id], queries.updates(db, one)[0]) for one in published if one.page_id in names]
    return {"told": told, "may": may, "pages": bool(pages)}


def ours(db: Session, published: PublicIncident, me: Person) -> Incident | None:
    """The incident of ours behind it, where there is one and the reader may see it."""
    if published.incident_id is None:
        return None
    visible = incidents.visible(me.reach())
    found: Incident | None = db.scalar(select(Incident).where(Incident.id == published.incident_id, visible))
    return found


def arranged(db: Session, page: StatusPage, me: Person) -> dict[str, Any]:
    """The components and their headings, and what they can be mapped from."""
    groups = queries.groups(db, page)
    return {
        "page": page,
        "components": queries.components(db, page),
        "groups": groups,
        "group_choices": [("", "None"), *((str(one.id), one.name) for one in groups)],
        "service_choices": [("", "None"), *((str(one.id), one.name) for one in catalog.services(db, reach=me.reach()))],
    }


def told(db: Session, page: StatusPage) -> dict[str, Any]:
    """Who wants to be told."""
    return {"page": page, "subscribers": subscribing.of_page(db, page), "counts": subscribing.counts(db, page)}


def writing(db: Session, page: StatusPage, incident: Incident | None, subject: PublicIncident | None, action: str) -> dict[str, Any]:
    """The form of an update: what is published already, and what to start from."""
    touched = incidents.service_ids(db, incident) if incident else frozenset()
    stands = felt.stands(db, subject) if subject else felt.suggested(db, page, touched)
    return {
        "page": page,
        "incident": incident,
        "subject": subject,
        "updates": queries.updates(db, subject) if subject else [],
        "components": queries.components(db, page),
        "stands": stands,
        "standings": [(one.value, words) for one, words in STANDING_WORDS.items() if one is not Standing.MAINTENANCE],
        "states": [one.value for one in Progress],
        "subscribers": subscribing.counts(db, page)["active"],
        "action": action,
        "drafted": public_post.words(db, incident) if incident else "",
        "every_min": round(cadence.every(db, incident).total_seconds() / 60) if incident else USUAL_PROMISE_MIN,
    }


def works(db: Session, page: StatusPage, work: Maintenance | None = None) -> dict[str, Any]:
    """The form of planned work, or one piece of it."""
    found: dict[str, Any] = {"page": page, "work": work, "components": queries.components(db, page), "words": WORK_WORDS}
    found["subscribers"] = subscribing.counts(db, page)["active"]
    if work:
        found["updates"] = queries.updates(db, work)
        found["moves"] = [one for one in Work if one in WORK_MOVES[Work(work.state)]]
    return found


class _Undone(Exception):
    """Rolls a preview back."""


@contextmanager
def undone(db: Session) -> Iterator[None]:
    """Whatever is done inside has not happened afterwards."""
    try:
        with db.begin_nested():
            yield
            raise _Undone
    except _Undone:
        db.expire_all()


def preview(request: Request, drawn: picture.Picture, sent: Fields, *, action: str, words: str, about: str = "") -> Response:
    """The public page as it would be, under a strip that publishes it or leads back to the form. Nothing has been published.

    What would be over is drawn on its own page: the front page names it without its words.
    """
    kept = [(name, value) for name in sent if name not in {FIELD, "edit"} for value in sent.every(name)]
    strip = {"fields": kept, "action": action, "words": words, "csrf": request.state.visitor.csrf_token}
    here = f"/status/{drawn.slug}/"
    extra = {"strip": strip, "here": here}
    over = next((event for event in drawn.past if event.ref == about), None)
    if over:
        return HTMLResponse(drawing.html("incident", drawn, static, extra=extra, event=over))
    return HTMLResponse(drawing.html("index", drawn, static, extra=extra))
