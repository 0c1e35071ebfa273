"""What the forms of notices and their clock send."""

from datetime import timedelta

from app.core.errors import Refused
from app.notifications.fields import ASKED
from app.notifications.kinds import Audience, Kind
from app.web.fields import Fields

MINUTES = (5, 10, 15, 30, 60, 120, 240)
BY_RULE, NEVER = "rule", "never"


def told(sent: Fields) -> dict[str, str]:
    """The answers that only a person can give, by field."""
    return {field.name: sent.get(field.name, "") for field in ASKED}


def next_in(sent: Fields, *, rule: timedelta) -> tuple[timedelta | None, bool]:
    """How long until the next update, None for never, and whether a person chose it rather than the rule."""
    chosen = sent.text("next") or BY_RULE
    if chosen == BY_RULE:
        return rule, False
    if chosen == NEVER:
        return None, True
    minutes = sent.whole("next")
    if minutes not in MINUTES:
        raise Refused("Choose when the next update is due. Nothing was changed.", field="next")
    return timedelta(minutes=minutes or 0), True


def kind(sent: Fields) -> Kind:
    try:
        return Kind(sent.text("kind"))
    except ValueError:
        raise Refused("Choose what the notice is. Nothing was prepared.", field="kind") from None


def audience(sent: Fields) -> Audience:
    try:
        return Audience(sent.text("audience"))
    except ValueError:
        raise Refused("Choose whom the notice is for. Nothing was prepared.", field="audience") from None


def settings(sent: Fields, kind: str) -> dict[str, str]:
    """What a channel of this kind is set up with; the channel itself judges it."""
    names = {"mail": ("host", "port", "security", "username", "sender"), "webhook": ("url", "secret"), "apprise": ("url",)}
    kept = {name: sent.text(name) for name in names.get(kind, ())}
    return kept | {"password": sent.get("password", "")} if kind == "mail" else kept
