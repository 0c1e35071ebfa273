"""What the public may see of a page, and nothing else: every page, feed and calendar is drawn from this, so that none can say more.

Public names are the random `ref`; numbers, titles, people and services of the console are not in here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from app.core.database import db_now
from app.statuspage import links, queries
from app.statuspage.bars import Bars, bars, first_day, next_day
from app.statuspage.models import Component, Impact, Maintenance, PublicIncident, PublicUpdate, StatusPage
from app.statuspage.states import KNOWN, STANDING_WORDS, WORK_OVER, WORK_WORDS, Progress, Standing, Work, worst

PAST, SHOWN_PAST = 100, 8  # on the page of all incidents, and on the first page
WORK_SHOWN_FOR = timedelta(days=2)  # after it is over


@dataclass(frozen=True)
class Told:
    """One update."""

    state: str
    words: str
    text: str
    at: datetime
    corrected_at: datetime | None


@dataclass(frozen=True)
class Event:
    """One published incident, its updates newest first, and what it touches. `review` is the public name of its review."""

    ref: str
    title: str
    state: str
    words: str
    known: str
    must_act: str
    began_at: datetime
    resolved_at: datetime | None
    next_update_at: datetime | None
    told: Sequence[Told]
    parts: Sequence[str]
    review: str = ""

    @property
    def is_over(self) -> bool:
        return self.resolved_at is not None


@dataclass(frozen=True)
class Planned:
    """One piece of planned work."""

    ref: str
    title: str
    state: str
    words: str
    starts_at: datetime
    ends_at: datetime
    changed_at: datetime
    sequence: int
    told: Sequence[Told]
    parts: Sequence[str]


@dataclass(frozen=True)
class Part:
    """One component as it stands."""

    ref: str
    name: str
    about: str
    standing: Standing
    words: str
    bars: Bars


@dataclass(frozen=True)
class Heading:
    """Components under one heading; '' for those without."""

    name: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Review:
    ref: str
    title: str
    html: str
    at: datetime


@dataclass(frozen=True)
class Picture:
    """A whole page at one moment. `until` is when it has to be drawn anew although nobody publishes anything."""

    slug: str
    name: str
    support: str
    address: str
    console: str
    takes_mail: bool
    is_private: bool
    revision: int
    at: datetime
    until: datetime
    active: Sequence[Event]
    past: Sequence[Event]
    work: Sequence[Planned]
    calendar: Sequence[Planned]
    headings: Sequence[Heading]
    reviews: Sequence[Review]

    @property
    def console_origin(self) -> str:
        """Where its forms lead, for the page's own policy."""
        parts = urlsplit(self.console)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def parts(self) -> list[Part]:
        return [part for heading in self.headings for part in heading.parts]

    @property
    def standing(self) -> Standing:
        return worst([part.standing for part in self.parts])


def take(session: Session, page: StatusPage) -> Picture:
    """The page as it is in this transaction: for the files, for a preview of what is not committed yet, and for people signed in."""
    now = db_now(session)
    works, reviews = queries.maintenances(session, page), queries.reviews(session, page)
    active, over = queries.active(session, page), queries.past(session, page, limit=PAST)
    components, impacts = queries.components(session, page), queries.impacts(session, page, since=first_day(now))
    names = {component.id: component.name for component in components}
    reviewed = {review.incident_id: review.ref for review in reviews}
    events = _events(session, [*active, *over], impacts, names, reviewed)
    planned = _planned(session, works, names)
    return Picture(
        slug=page.slug,
        name=page.name,
        support=page.support,
        address=links.public_address(page),
        console=links.console_address(page),
        takes_mail=page.mail_setting_id is not None,
        is_private=page.is_private,
        revision=page.revision,
        at=now,
        until=min([next_day(now), *_moments(active, works, now)]),
        active=[events[one.id] for one in active],
        past=[events[one.id] for one in over],
        work=_shown(planned, now),
        calendar=planned,
        headings=_headings(session, page, components, impacts, now),
        reviews=[Review(one.ref, one.title, one.html, one.at) for one in reviews],
    )


def _moments(active: Sequence[PublicIncident], works: Sequence[Maintenance], now: datetime) -> list[datetime]:
    """When something on the page becomes untrue by itself: a promised update is late, a piece of planned work is shown no longer."""
    promised = [one.next_update_at for one in active if one.next_update_at]
    gone = [one.ended_at + WORK_SHOWN_FOR for one in works if one.ended_at]
    return [moment for moment in promised + gone if moment > now]


def _events(
    session: Session, subjects: Sequence[PublicIncident], impacts: Sequence[Impact], names: dict[int, str], reviewed: dict[int, str]
) -> dict[int, Event]:
    told = queries.updates_of(session, subjects)
    touched: dict[int, list[str]] = {}
    for impact in impacts:
        if impact.public_incident_id and impact.component_id in names:
            touched.setdefault(impact.public_incident_id, []).append(names[impact.component_id])
    return {
        one.id: Event(
            ref=one.ref,
            title=one.title,
            state=one.state,
            words=one.state.capitalize(),
            known=KNOWN[Progress(one.state)],
            must_act=one.must_act,
            began_at=one.began_at,
            resolved_at=one.resolved_at,
            next_update_at=one.next_update_at,
            told=_told(told[one.id]),
            parts=list(dict.fromkeys(touched.get(one.id, ()))),
            review=reviewed.get(one.incident_id or 0, ""),
        )
        for one in subjects
    }


def _planned(session: Session, works: Sequence[Maintenance], names: dict[int, str]) -> list[Planned]:
    told = queries.updates_of(session, works)
    return [
        Planned(
            ref=one.ref,
            title=one.title,
            state=one.state,
            words=WORK_WORDS[Work(one.state)],
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            changed_at=one.changed_at,
            sequence=one.updates,
            told=_told(told[one.id]),
            parts=[names[int(key)] for key in one.component_ids if int(key) in names],
        )
        for one in works
    ]


def _shown(planned: Sequence[Planned], now: datetime) -> list[Planned]:
    """On the first page: what is ahead and what is going on, the next first, and for a while what is over."""
    lately = [one for one in planned if Work(one.state) not in WORK_OVER or one.changed_at > now - WORK_SHOWN_FOR]
    return sorted(lately, key=lambda one: (Work(one.state) in WORK_OVER, one.starts_at))


def _told(updates: Sequence[PublicUpdate]) -> list[Told]:
    return [
        Told(
            one.state,
            Progress(one.state).value.capitalize() if one.state in set(Progress) else WORK_WORDS[Work(one.state)],
            one.text,
            one.at,
            one.corrected_at,
        )
        for one in updates
    ]


def _headings(
    session: Session, page: StatusPage, components: Sequence[Component], impacts: Sequence[Impact], now: datetime
) -> list[Heading]:
    def part(component: Component) -> Part:
        own = [one for one in impacts if one.component_id == component.id]
        current = [one for one in own if one.ended_at is None]
        standing = worst([Standing(one.standing) for one in current])
        words = next((one.words for one in current if one.standing == standing and one.words), "")
        return Part(component.ref, component.name, component.about, standing, words or STANDING_WORDS[standing], bars(component, own, now))

    headings = [Heading("", [part(one) for one in components if one.group_id is None])]
    headings += [
        Heading(group.name, [part(one) for one in components if one.group_id == group.id]) for group in queries.groups(session, page)
    ]
    return [heading for heading in headings if heading.parts]
