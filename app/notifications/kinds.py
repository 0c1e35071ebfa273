"""What a notice is, for whom, and how one delivery of it stands."""

from enum import StrEnum


class Kind(StrEnum):
    ALERT = "alert"
    UPDATE = "update"
    RESOLUTION = "resolution"
    APOLOGY = "apology"
    SUMMARY = "summary"
    POST = "post"


WORDS = {
    Kind.ALERT: "incident alert",
    Kind.UPDATE: "update",
    Kind.RESOLUTION: "resolution",
    Kind.APOLOGY: "apology",
    Kind.SUMMARY: "executive summary",
    Kind.POST: "status-page post",
}


class Audience(StrEnum):
    """Whom a text is written for. `inside` reaches the team and the executives; `public` is for the status page alone."""

    INSIDE = "inside"
    TEAM = "team"
    EXECUTIVES = "executives"
    CUSTOMERS = "customers"
    PUBLIC = "public"


GROUPS = (Audience.TEAM, Audience.EXECUTIVES, Audience.CUSTOMERS)  # what a recipient can belong to
REACHES = {
    Audience.INSIDE: (Audience.TEAM, Audience.EXECUTIVES),
    Audience.TEAM: (Audience.TEAM,),
    Audience.EXECUTIVES: (Audience.EXECUTIVES,),
    Audience.CUSTOMERS: (Audience.CUSTOMERS,),
    Audience.PUBLIC: (),
}
OUTSIDE = frozenset({Audience.CUSTOMERS, Audience.PUBLIC})  # read by people who must not read internals


class NoticeState(StrEnum):
    DRAFT = "draft"
    SENT = "sent"
    DISCARDED = "discarded"


class ChannelKind(StrEnum):
    MAIL = "mail"
    WEBHOOK = "webhook"
    APPRISE = "apprise"


class DeliveryState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


class Crew(StrEnum):
    """Whose hands carry a delivery. A crowd of subscribers has hands of its own, so that it delays nobody who works on the incident."""

    MAIL = "mail"
    WEBHOOK = "webhook"
    APPRISE = "apprise"
    CROWD = "crowd"
