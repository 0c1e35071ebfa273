"""Every channel by its kind. Its module is imported when it is first asked for (Apprise takes a second and 40 MB)."""

import importlib

from app.channels.base import Channel

KINDS = {
    "mail": "app.channels.mail",
    "webhook": "app.channels.webhook",
    "apprise": "app.channels.services",
}


def channel(kind: str) -> Channel:
    """The channel of that kind. KeyError where there is none."""
    found: Channel = importlib.import_module(KINDS[kind]).CHANNEL
    return found


def load_all() -> None:
    """Import every kind now: the notifier does so at its start, so that nobody waits for it in an incident."""
    for kind in KINDS:
        channel(kind)
