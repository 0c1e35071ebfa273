"""Planned work: announced, begun and ended by the clock or by a person, and told to whoever wants to know."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NotRequired, TypedDict, Unpack

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from app.accounts.policy import SYSTEM, Person
from app.audit import actions as audit
from app.core.database import db_now
from app.core.errors import Conflict, Invalid, Refused
from app.statuspage import felt, pages, telling
from app.statuspage.actions import LONGEST_TEXT, LONGEST_TITLE
from app.statuspage.felt import Felt
from app.statuspage.models import Maintenance, PublicUpdate, StatusPage
from app.statuspage.states import WORK_MOVES, WORK_OVER, WORK_WORDS, Standing, Work

LONGEST = timedelta(days=30)
TEXTS = {Work.IN_PROGRESS: "The planned work has begun.", Work.COMPLETED: "The planned work is done."}


class Planned(TypedDict):
    """What the public is told beforehand."""

    title: str
    text: str
    starts_at: datetime | None
    ends_at: datetime | None
    component_ids: NotRequired[Collection[int]]
    is_automatic: NotRequired[bool]


def plan(session: Session, page: StatusPage, *, by: Person, tells: bool = True, **planned: Unpack[Planned]) -> Maintenance:
    """Announce planned work. Invalid where a field cannot be used."""
    page, now = pages.locked(session, page), db_now(session)
    starts_at, ends_at = _times(planned, now)
    ids = sorted(set(planned.get("component_ids", ())))
    felt.checked(session, page, {component_id: Felt(Standing.MAINTENANCE) for component_id in ids})
    work = Maintenance(
        page_id=page.id,
        ref=pages.new_ref(),
        title=planned["title"].strip(),
        starts_at=starts_at,
        ends_at=ends_at,
        is_automatic=planned.get("is_automatic", True),
        component_ids=ids,
        state=Work.SCHEDULED,
        updates=0,
    )
    session.add(work)
    session.flush()
    _say(session, page, work, Work.SCHEDULED, planned["text"].strip(), at=now, tells=tells, by=by)
    _audit(session, "statuspage.maintenance.plan", page, work, by=by)
    return work


def move(
    session: Session,
    page: StatusPage,
    work: Maintenance,
    state: str,
    *,
    text: str = "",
    seen: int | None = None,
    tells: bool = True,
    by: Person,
) -> None:
    """Say how far the work is, or more about it without moving it. Conflict where it moved meanwhile; Refused where it cannot go."""
    page = pages.locked(session, page)
    session.refresh(work)
    if seen is not None and seen != work.updates:
        raise Conflict(
            f"“{work.title}” has changed since you looked: it is {WORK_WORDS[Work(work.state)].lower()} now. "
            "Nothing was published; read it and publish again.",
            link=f"/status-pages/{page.id}/maintenance/{work.ref}",
        )
    if state not in set(Work) or (state != work.state and state not in WORK_MOVES[Work(work.state)]):
        raise Refused(f"This work is {WORK_WORDS[Work(work.state)].lower()}, so it cannot go there. Nothing was published.", field="state")
    words = text.strip() or TEXTS.get(Work(state), "") if state != work.state else text.strip()
    if not 1 <= len(words) <= LONGEST_TEXT:
        raise Refused(f"Say in 1 to {LONGEST_TEXT:,} characters what your customers should know. Nothing was published.", field="text")
    _say(session, page, work, Work(state), words, at=db_now(session), tells=tells, by=by)
    _audit(session, "statuspage.maintenance.move", page, work, by=by)


def reschedule(
    session: Session, page: StatusPage, work: Maintenance, *, starts_at: datetime | None, ends_at: datetime | None, text: str, by: Person
) -> None:
    """Put work that has not begun to another time. Calendars that subscribed follow."""
    page, now = pages.locked(session, page), db_now(session)
    session.refresh(work)
    if work.state != Work.SCHEDULED:
        raise Refused(
            f"This work is {WORK_WORDS[Work(work.state)].lower()}, so its time stays. Say more about it instead.", field="starts_at"
        )
    planned: Planned = {"title": work.title, "text": text or "moved", "starts_at": starts_at, "ends_at": ends_at}
    work.starts_at, work.ends_at = _times(planned, now)
    words = text.strip() or f"Moved to {work.starts_at:%d %B, %H:%M} to {work.ends_at:%H:%M} UTC."
    _say(session, page, work, Work.SCHEDULED, words, at=now, tells=True, by=by)
    _audit(session, "statuspage.maintenance.reschedule", page, work, by=by)


def advance(session: Session) -> None:
    """Begin and end what goes by the clock. Any number of processes may do so at once: each page is held by one, and whoever comes
    second leaves it to the first."""
    for page_id in session.scalars(select(Maintenance.page_id).where(*_due()).distinct().limit(10)):
        page = session.scalar(select(StatusPage).where(StatusPage.id == page_id).with_for_update(skip_locked=True))
        if page is None:
            continue
        # what was due a moment ago may be done by now: asked again, behind the page's lock
        works = session.scalars(
            select(Maintenance).where(Maintenance.page_id == page.id, *_due()).execution_options(populate_existing=True)
        )
        for work in works.all():
            state = Work.IN_PROGRESS if work.state == Work.SCHEDULED else Work.COMPLETED
            _say(session, page, work, state, TEXTS[state], at=db_now(session), tells=page.archived_at is None, by=SYSTEM)


def _due() -> list[ColumnElement[bool]]:
    now = func.clock_timestamp()
    begins = (Maintenance.state == Work.SCHEDULED) & (Maintenance.starts_at <= now)
    ends = Maintenance.state.in_([Work.IN_PROGRESS, Work.VERIFYING]) & (Maintenance.ends_at <= now)
    return [Maintenance.state.not_in(sorted(WORK_OVER)), Maintenance.is_automatic.is_(True), or_(begins, ends)]


def _say(session: Session, page: StatusPage, work: Maintenance, state: Work, text: str, *, at: datetime, tells: bool, by: Person) -> None:
    work.state, work.changed_at, work.updates = state, at, work.updates + 1
    work.ended_at = at if state in WORK_OVER else None
    is_on = state in {Work.IN_PROGRESS, Work.VERIFYING}
    felt.say(session, work, {int(one): Felt(Standing.MAINTENANCE) for one in work.component_ids} if is_on else {}, at=at)
    update = PublicUpdate(maintenance_id=work.id, number=work.updates, state=state, text=text, at=at, by_id=by.id or None, by_name=by.name)
    session.add(update)
    session.flush()
    pages.changed(session, page)
    if tells:
        telling.tell(session, page, work, update)


def _times(planned: Planned, now: datetime) -> tuple[datetime, datetime]:
    problems: dict[str, str] = {}
    starts_at, ends_at = planned["starts_at"], planned["ends_at"]
    if not 1 <= len(planned["title"].strip()) <= LONGEST_TITLE:
        problems["title"] = f"Planned work needs a title of 1 to {LONGEST_TITLE} characters, like Move of the order database."
    if not 1 <= len(planned["text"].strip()) <= LONGEST_TEXT:
        problems["text"] = "Say what your customers will notice."
    if not starts_at or starts_at < now - timedelta(minutes=5):
        problems["starts_at"] = "Planned work begins now or later."
    if not ends_at or (starts_at and not starts_at < ends_at <= starts_at + LONGEST):
        problems["ends_at"] = "It ends after it begins, and within 30 days."
    if problems or not starts_at or not ends_at:
        raise Invalid(problems)
    return starts_at, ends_at


def _audit(session: Session, action: str, page: StatusPage, work: Maintenance, *, by: Person) -> None:
    detail = {"title": work.title, "state": work.state, "starts": work.starts_at.isoformat(), "ends": work.ends_at.isoformat()}
    audit.record(session, action, f"statuspage-{page.id}", actor=by.actor, actor_name=by.name, page=page.name, **detail)
