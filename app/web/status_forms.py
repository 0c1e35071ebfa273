"""What the forms of status pages send, as the domain takes it."""

from datetime import timedelta
from typing import Any

from app.core.clock import now
from app.core.errors import Refused
from app.statuspage.felt import Felt
from app.statuspage.models import PublicIncident
from app.statuspage.pages import ComponentFacts, PageFacts
from app.statuspage.states import Standing
from app.web.fields import Fields
from app.web.incident_forms import moment

LONGEST_PROMISE_MIN = 7 * 24 * 60


def page(sent: Fields) -> PageFacts:
    """What an administrator says of a page."""
    return {
        "name": sent.text("name"),
        "slug": sent.text("slug"),
        "support": sent.text("support"),
        "address": sent.text("address"),
        "is_private": sent.ticked("is_private"),
        "mail_setting_id": sent.whole("mail_setting_id"),
    }


def component(sent: Fields) -> ComponentFacts:
    return {
        "name": sent.text("name"),
        "about": sent.text("about"),
        "group_id": sent.whole("group_id"),
        "service_id": sent.whole("service_id"),
    }


def post(sent: Fields, subject: PublicIncident | None) -> dict[str, Any]:
    """The fields of a `Post`. The promise is given in minutes, from the moment of publishing."""
    return {
        "text": sent.text("text"),
        "state": sent.text("state"),
        "title": sent.text("title"),
        "must_act": sent.text("must_act"),
        "began_at": None if subject else moment(sent, "began_at"),
        "next_at": _promised(sent),
        "felt": felt(sent),
        "seen": sent.whole("seen"),
        "tells": sent.ticked("tells"),
    }


def felt(sent: Fields) -> dict[int, Felt] | None:
    """How the components stand; None where the form did not ask."""
    found: dict[int, Felt] = {}
    names = [name for name in sent if name.startswith("felt-") and name[5:].isdigit() and len(name) < 16]
    for name in names:
        standing = sent.text(name)
        if standing not in set(Standing):
            raise Refused("Choose how the component stands. Nothing was published.", field="felt")
        found[int(name[5:])] = Felt(Standing(standing), "" if standing == Standing.WORKING else sent.text(f"words-{name[5:]}"))
    return found if names else None


def work(sent: Fields) -> dict[str, Any]:
    """What the public is told of planned work beforehand."""
    return {
        "title": sent.text("title"),
        "text": sent.text("text"),
        "starts_at": moment(sent, "starts_at"),
        "ends_at": moment(sent, "ends_at"),
        "component_ids": [int(one) for one in sent.every("component") if one.isdigit() and len(one) < 10],
        "is_automatic": sent.ticked("is_automatic"),
        "tells": sent.ticked("tells"),
    }


def times(sent: Fields) -> dict[str, Any]:
    return {"starts_at": moment(sent, "starts_at"), "ends_at": moment(sent, "ends_at")}


def _promised(sent: Fields) -> Any:
    minutes = sent.whole("next_in")
    if minutes is None:
        return None
    if not 1 <= minutes <= LONGEST_PROMISE_MIN:
        raise Refused("Promise the next update within a week, in whole minutes. Nothing was published.", field="next_in")
    return now() + timedelta(minutes=minutes)
