"""Channels, and who is told by them. For administrators. What is stored can be replaced and tried out, and is never shown again."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from app.accounts.policy import P, Person
from app.catalog import queries as catalog
from app.core.errors import NotFound, Refused
from app.notifications import channels, recipients
from app.notifications.models import ChannelSetting, Recipient
from app.web import channel_views as views
from app.web import notice_forms
from app.web.deps import Db, Me, Sent
from app.web.fields import Fields
from app.web.forms import redrawn
from app.web.guard import may
from app.web.landing import landing
from app.web.loaders import notice as load
from app.web.render import back, page, piece

router = APIRouter()
Admin = Annotated[Person, may(P.ADMINISTER)]
Known = Annotated[ChannelSetting, may(P.ADMINISTER, load.channel)]


@router.get("/channels")
def index(request: Request, db: Db, me: Admin) -> Response:  # noqa: ARG001 - it is who may
    return page(request, "channels/index.html", **views.listed(db))


@router.get("/channels/new")
def new(request: Request, me: Admin) -> Response:  # noqa: ARG001
    return page(request, "channels/new.html", **views.form(request.query_params.get("kind", "")))


@router.post("/channels")
def create(request: Request, db: Db, me: Admin, sent: Sent) -> Response:
    kind = sent.text("kind")
    with redrawn(request, "channels/new.html", sent, **views.form(kind)):
        settings = notice_forms.settings(sent, kind)
        setting = channels.add(db, name=sent.text("name"), kind=kind, settings=settings, by=me)
    return back(f"/channels/{setting.id}", f"{setting.name} is stored. Send a test, then say who is told by it.")


@router.get("/channels/{channel_id}")
def show(request: Request, db: Db, setting: Known, me: Me) -> Response:
    return page(request, "channels/show.html", **views.shown(db, setting, me))


@router.get("/channels/{channel_id}/tests")
def show_tests(request: Request, db: Db, setting: Known) -> Response:
    return piece(request, "channels/_tests.html", **views.tests(db, setting))


@router.post("/channels/{channel_id}/test")
def try_out(request: Request, db: Db, setting: Known, me: Me, sent: Sent) -> Response:
    with redrawn(request, "channels/show.html", sent, **views.shown(db, setting, me)):
        channels.try_out(db, setting, address=sent.text("address"), by=me)
    return back(f"/channels/{setting.id}", "The notifier sends a test now; how it went shows here.")


@router.post("/channels/{channel_id}/replace")
def replace(request: Request, db: Db, setting: Known, me: Me, sent: Sent) -> Response:
    with redrawn(request, "channels/show.html", sent, **views.shown(db, setting, me)):
        channels.replace(db, setting, settings=notice_forms.settings(sent, setting.kind), by=me)
    return back(f"/channels/{setting.id}", "The new settings are used from the next copy on. Send a test.")


@router.post("/channels/{channel_id}/pause")
def pause(db: Db, setting: Known, me: Me, sent: Sent) -> Response:
    paused = sent.text("paused") == "yes"
    channels.pause(db, setting, paused, by=me)
    return back(f"/channels/{setting.id}", f"{setting.name} {'is paused: copies are skipped' if paused else 'sends again'}.")


@router.post("/channels/{channel_id}/remove")
def remove(db: Db, setting: Known, me: Me) -> Response:
    channels.archive(db, setting, by=me)
    return back("/channels", f"{setting.name} is removed, and with it everybody who was told by it.")


@router.post("/channels/{channel_id}/recipients")
def add_recipient(request: Request, db: Db, setting: Known, me: Me, sent: Sent) -> Response:
    with redrawn(request, "channels/show.html", sent, **views.shown(db, setting, me)):
        recipient = recipients.add(db, setting, **_recipient(db, sent, me), by=me)
    return back(f"/channels/{setting.id}", f"{recipient.name} is told by {setting.name} from now on.")


@router.post("/recipients/{recipient_id}/remove")
def remove_recipient(db: Db, recipient: Annotated[Recipient, may(P.ADMINISTER, load.recipient)], me: Me) -> Response:
    with landing("/channels"):
        recipients.remove(db, recipient, by=me)
    return back(f"/channels/{recipient.setting_id}", f"{recipient.name} is told nothing more.")


def _recipient(db: Session, sent: Fields, me: Person) -> dict[str, Any]:
    slug = sent.text("service")
    try:
        service = catalog.get_service(db, slug, reach=me.reach()) if slug else None
    except NotFound:
        raise Refused("There is no such service. Nothing was added: choose one from the list.", field="service") from None
    return {
        "name": sent.text("name"),
        "address": sent.text("address"),
        "audience": sent.text("audience"),
        "least_severity": sent.text("least_severity") or "low",
        "service": service,
        "takes_drills": sent.text("drills") != "no",
    }
