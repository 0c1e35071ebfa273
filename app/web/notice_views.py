"""What the pages of notices draw: the clock of the next update, drafts, what went out and how its copies stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.models import User
from app.accounts.policy import P, Person
from app.core.database import db_now
from app.incidents import roles
from app.incidents.models import Incident
from app.incidents.queries import may
from app.notifications import cadence, nagging, notices, queries, recipients
from app.notifications.fields import ASKED, FIELDS
from app.notifications.kinds import WORDS, Audience, Kind
from app.notifications.models import Delivery, Nag, Notice
from app.notifications.notices import Shown, named_audience
from app.notifications.outbox import Copy
from app.notifications.values import lasted
from app.web.notice_forms import BY_RULE, MINUTES, NEVER

SOON_S = 180
MOODS = {  # state of a copy: mark and words
    "queued": ("wait", "Waits"),
    "sending": ("run", "Being sent"),
    "sent": ("ok", "Sent"),
    "failed": ("bad", "Failed"),
    "skipped": ("idle", "Skipped"),
    "unknown": ("warn", "Not known"),
}


@dataclass(frozen=True)
class Clock:
    """When the next update is due, counted by the database: `left_s` is below zero where it is late."""

    due_at: datetime
    left_s: float
    nagged: str  # who was reminded: '' nobody, "you", "everybody", or a name
    set_by: str
    reason: str
    is_mine: bool  # the reader leads the communication, or commands while nobody does

    @property
    def mood(self) -> str:
        return "late" if self.left_s <= 0 else "soon" if self.left_s <= SOON_S else "calm"

    @property
    def is_late(self) -> bool:
        return self.left_s <= 0


@dataclass(frozen=True)
class Row:
    """One notice in a list."""

    notice: Notice
    name: str
    counts: dict[str, int]

    @property
    def trouble(self) -> int:
        return self.counts.get("failed", 0) + self.counts.get("unknown", 0)


@dataclass(frozen=True)
class CopyView:
    """One copy as the page of its notice draws it."""

    delivery: Delivery
    mark: str
    words: str
    can_retry: bool


def clock(session: Session, incident: Incident, me: Person) -> Clock | None:
    """The countdown of the header; None where nobody waits for an update."""
    at = cadence.due_at(session, incident)
    if at is None:
        return None
    found = cadence.clock(session, incident)
    nag = nagging.reached(session, incident)
    whom = "" if nag is None else "everybody" if nag.user_id is None else "you" if nag.user_id == me.id else _name(session, nag)
    left = (at - db_now(session)).total_seconds()
    return Clock(at, left, whom, found.set_by if found else "", found.reason if found else "", _is_mine(incident, me))


def listed(session: Session, incident: Incident, me: Person) -> dict[str, Any]:
    """The tab: the clock, drafts that wait, what went out."""
    drafts, over = queries.drafts(session, incident), queries.ended(session, incident)
    counts = queries.standing(session, [*drafts, *over])
    return {
        "incident": incident,
        "due": clock(session, incident, me),
        "drafts": [Row(one, named(one), counts[one.id]) for one in drafts],
        "sent": [Row(one, named(one), counts[one.id]) for one in over if one.state == "sent"],
        "discarded": [Row(one, named(one), {}) for one in over if one.state == "discarded"],
        "may_publish": may(session, incident, P.PUBLISH, by=me),
        "kinds": [(kind.value, words.capitalize()) for kind, words in WORDS.items()],
        "audiences": [(one.value, named_audience(one).capitalize()) for one in Audience],
    } | nexts(session, incident)


def shown(session: Session, notice: Notice, incident: Incident, me: Person, *, next_at: datetime | None) -> dict[str, Any]:
    """One notice: its preview, the form, whom it reaches; or what was sent and its copies."""
    last = queries.last_update(session, incident)
    return (
        {
            "notice": notice,
            "name": named(notice),
            "preview": notices.preview(session, notice, incident, next_at=next_at),
            "asked": ASKED,
            "names": [field for field in FIELDS if not (field.is_inside and notice.audience in {"customers", "public"})],
            "last": last.id if last else 0,
            "may_publish": may(session, incident, P.PUBLISH, by=me),
            "due": clock(session, incident, me),
        }
        | nexts(session, incident)
        | reach(session, notice, incident)
        | copies(session, notice, may(session, incident, P.PUBLISH, by=me))
    )


def reach(session: Session, notice: Notice, incident: Incident) -> dict[str, Any]:
    """Whom a draft would reach now, and who is skipped and why."""
    if not notice.is_draft:
        return {"reached": [], "passed_over": []}
    found: Sequence[Copy] = recipients.reached(session, incident, Audience(notice.audience))
    return {"reached": [one for one in found if not one.skipped], "passed_over": [one for one in found if one.skipped]}


def copies(session: Session, notice: Notice, may_publish: bool) -> dict[str, Any]:
    """The copies of what was sent."""
    found = queries.deliveries(session, notice)
    views = [CopyView(one, *MOODS[one.state], may_publish and one.state in {"failed", "unknown", "skipped"}) for one in found]
    return {"copies": views, "notice": notice, "arrived": sum(one.delivery.state == "sent" for one in views)}


def nexts(session: Session, incident: Incident) -> dict[str, Any]:
    """What can be chosen for the next update, the rule of the severity first."""
    every = cadence.every(session, incident)
    by_rule = (BY_RULE, f"in {lasted(every)}, as usual for {incident.severity}")
    return {"nexts": [by_rule, *((str(one), f"in {one} minutes") for one in MINUTES), (NEVER, "no further one")]}


def named(notice: Notice) -> str:
    """ "Incident alert for everyone inside"."""
    return f"{WORDS[Kind(notice.kind)].capitalize()} for {named_audience(notice.audience)}"


def said(preview: Shown) -> str:
    """The fields that nobody knows yet, as a sentence."""
    names = ", ".join(field.name for field in preview.missing)
    return f"Not known yet: {names}. The text says so." if names else ""


def _name(session: Session, nag: Nag) -> str:
    user = session.get(User, nag.user_id)
    return user.name if user else ""


def _is_mine(incident: Incident, me: Person) -> bool:
    held = {holder.role: holder.user for holder in incident.roles if holder.user.state == "active"}
    owner = held.get(roles.COMMS) or held.get(roles.COMMANDER)
    return owner is not None and owner.id == me.id
