"""What the pages of channels draw."""

from typing import Any

from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.catalog import queries as catalog
from app.channels.mail import SECURITY
from app.incidents.states import Severity
from app.notifications import channels, recipients
from app.notifications.kinds import GROUPS, ChannelKind
from app.notifications.models import ChannelSetting
from app.web.notice_views import MOODS, CopyView

KINDS = {
    ChannelKind.MAIL: ("Mail", "One SMTP server; each receiver is a mail address."),
    ChannelKind.WEBHOOK: ("Webhook", "Signed JSON to an address of yours."),
    ChannelKind.APPRISE: ("A service", "Slack, Teams, Discord, Telegram, SMS, ntfy, PagerDuty and others, by an Apprise address."),
}


def listed(session: Session) -> dict[str, Any]:
    """Every channel with how many are told by it, and its newest test."""
    told = recipients.listed(session)
    rows = [
        (setting, sum(one.setting_id == setting.id for one in told), tests(session, setting)["tests"][:1])
        for setting in channels.settings_of(session)
    ]
    return {"rows": rows, "kinds": KINDS, "told": told}


def form(kind: str) -> dict[str, Any]:
    """The form of a new channel; an unknown kind asks for the kind first."""
    return {"kind": kind if kind in KINDS else "", "kinds": KINDS, "securities": list(SECURITY.items())}


def shown(session: Session, setting: ChannelSetting, me: Person) -> dict[str, Any]:
    """The page of one channel."""
    return (
        form(setting.kind)
        | tests(session, setting)
        | {
            "told": recipients.listed(session, setting),
            "audiences": [("", "choose"), *((group.value, f"the {group}") for group in GROUPS)],
            "severities": [("low", "every severity"), *((one.value, f"{one} and worse") for one in list(Severity)[2::-1])],
            "services": [("", "every service"), *((one.slug, one.name) for one in catalog.services(session, reach=me.reach()))],
            "mine": me.email,
        }
    )


def tests(session: Session, setting: ChannelSetting) -> dict[str, Any]:
    """The newest tests of a channel."""
    return {"setting": setting, "tests": [CopyView(one, *MOODS[one.state], False) for one in channels.tried(session, setting)]}
