"""Paging: contacts are called in rounds until somebody answers. Whose turn it is stands in a row, so any process goes on with it.

Lock order: the incident's row, then the paging's. Two sweeps at once: the second passes the row over. An answer and a sweep at once:
the second waits and finds what the first one wrote. Times are the database's.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, undefer

from app.accounts.policy import SYSTEM, Person
from app.audit import actions as audit
from app.channels.base import Message
from app.core import live
from app.core.database import db_now
from app.core.errors import Refused
from app.incidents import timeline
from app.incidents.models import Incident
from app.notifications import outbox, page_links, ways
from app.notifications.alerting_models import Attempt, PageAttempt, Paging, PagingState
from app.notifications.kinds import ChannelKind, DeliveryState
from app.notifications.models import Delivery
from app.notifications.values import lasted, stamp
from app.notifications.ways import Way

KIND = "page"  # of its lines in the timeline
CALLED = frozenset({Attempt.QUEUED, Attempt.SENT})
AHEAD = frozenset({Attempt.WAITING, *CALLED})
LOST = frozenset({DeliveryState.FAILED, DeliveryState.SKIPPED})
BATCH = 20


@dataclass(frozen=True)
class Standing:
    """The paging of one incident and the contacts of its present cycle, by round."""

    paging: Paging
    attempts: Sequence[PageAttempt]

    @property
    def called(self) -> list[PageAttempt]:
        """Whose turn it is now."""
        return [one for one in self.attempts if one.state in CALLED]


def begin(session: Session, incident: Incident, *, by: Person, asked: bool = False) -> Paging | None:
    """Page the first round. None where nobody can be paged, or where it is a drill and nobody asked.

    Begun already: nothing happens. `asked` pages again where the last paging is over, and it pages in a drill.
    """
    if incident.is_drill and not asked:
        return None
    session.refresh(incident, with_for_update=True)  # two at once: the second waits here and finds the first one's
    paging = _held(session, incident)
    if paging and (not asked or paging.state == PagingState.PAGING):
        return paging
    if not incident.is_open:
        raise Refused(f"{incident.ref} is {incident.state}, so nobody was paged. Open it again first.")
    planned = ways.rounds(session, incident)
    if not planned:
        return None
    paging = _opened(session, incident, paging)
    for number, round_ in enumerate(planned, 1):
        session.add_all(_attempt(paging, number, way) for way in round_)
    session.flush()
    if asked:
        audit.record(session, "page.begin", f"incident-{incident.id}", actor=by.actor, actor_name=by.name, cycle=paging.cycle)
    _call(session, incident, paging, 1)
    return paging


def answer(session: Session, incident: Incident, *, by: Person, attempt: PageAttempt | None = None) -> Paging:
    """Somebody takes it: the escalation stops, and what still waits is not sent. Answered already: the second is named, too.

    Refused where nobody is paged, or the incident is over.
    """
    session.refresh(incident, with_for_update=True)
    paging = _held(session, incident)
    if paging is None:
        raise Refused(f"Nobody is paged for {incident.ref}, so there is nothing to answer.", field="")
    if not incident.is_open:
        raise Refused(f"{incident.ref} is {incident.state}: nobody has to come any more. Nothing was changed.")
    if attempt:
        session.refresh(attempt)
    if paging.state == PagingState.ACKNOWLEDGED:
        _too(session, incident, paging, by=by, attempt=attempt)
        return paging
    paging.state, paging.answered_by, paging.answered_at, paging.next_at = PagingState.ACKNOWLEDGED, by.name, db_now(session), None
    if attempt:
        _end(session, [attempt], Attempt.ACKNOWLEDGED)
    rest = _of_cycle(session, paging, AHEAD)
    _end(session, rest, Attempt.SPARED)
    outbox.withdraw(session, [one.delivery_id for one in rest if one.delivery_id], f"{by.name} answered before it went out.")
    after = lasted(paging.answered_at - paging.began_at)
    _tell(session, incident, f"answered the page after {after}", by=by)
    facts = {"cycle": paging.cycle, "by_link": attempt is not None}
    audit.record(session, "page.answer", f"incident-{incident.id}", actor=by.actor, actor_name=by.name, **facts)
    return paging


def answer_by_link(session: Session, text: str) -> tuple[Incident, Paging, PageAttempt]:
    """The same by the link in the page, under the name of the contact who got it. Refused where the link is not good."""
    attempt = page_links.attempt_of(session, text)
    incident = session.get_one(Incident, attempt.incident_id)
    paging = answer(session, incident, by=Person(id=0, name=attempt.name), attempt=attempt)
    return incident, paging, attempt


def standing(session: Session, incident: Incident) -> Standing | None:
    """How the paging stands; None where nobody was ever paged."""
    paging = session.get(Paging, incident.id, populate_existing=True)
    return Standing(paging, _of_cycle(session, paging, frozenset(Attempt))) if paging else None


def sweep(session: Session) -> None:
    """Follow the deliveries, end what belongs to ended incidents, and page the next round where nobody answered in time."""
    for incident, paging in _work(session, Paging.incident_id.in_(_settled())):
        _follow(session, incident, paging)
    due = Paging.next_at <= func.clock_timestamp()
    for incident, paging in _work(session, due | Incident.resolved_at.is_not(None)):
        if not incident.is_open:
            _stop(session, incident, paging)
        elif paging.next_at and paging.next_at <= db_now(session):
            _pass_on(session, incident, paging)


def _work(session: Session, wanted: ColumnElement[bool]) -> list[tuple[Incident, Paging]]:
    query = select(Incident, Paging).join(Paging, Paging.incident_id == Incident.id).where(Paging.state == PagingState.PAGING, wanted)
    query = query.limit(BATCH).with_for_update(skip_locked=True).options(undefer(Paging.signing_key))
    return [(one, paging) for one, paging in session.execute(query.execution_options(populate_existing=True)).all()]


def _settled() -> Select[int]:
    """Incidents with a page whose delivery has ended since."""
    over = [DeliveryState.SENT, DeliveryState.UNKNOWN, *LOST]
    query: Select[int] = select(PageAttempt.incident_id).join(Delivery, Delivery.id == PageAttempt.delivery_id)
    return query.where(PageAttempt.state == Attempt.QUEUED, Delivery.state.in_(over))


def _follow(session: Session, incident: Incident, paging: Paging) -> None:
    query = select(PageAttempt, Delivery.state, Delivery.reason).join(Delivery, Delivery.id == PageAttempt.delivery_id)
    mine = (PageAttempt.incident_id == incident.id, PageAttempt.state == Attempt.QUEUED)
    for attempt, state, reason in session.execute(query.where(*mine).order_by(PageAttempt.id)).all():
        if state in LOST:
            attempt.reason = reason
            _end(session, [attempt], Attempt.PASSED_ON)
            _tell(session, incident, f"could not page {attempt.name} by {attempt.channel}: {reason}")
        elif state in {DeliveryState.SENT, DeliveryState.UNKNOWN}:
            attempt.state, attempt.reason = Attempt.SENT, reason
            doubt = ", and nobody knows whether it arrived" if state == DeliveryState.UNKNOWN else ""
            _tell(session, incident, f"sent the page to {attempt.name} by {attempt.channel}{doubt}")
    session.flush()
    if not _of_cycle(session, paging, CALLED):
        paging.next_at = db_now(session)  # nobody was reached in this round: the next one need not wait


def _pass_on(session: Session, incident: Incident, paging: Paging) -> None:
    silent = _of_cycle(session, paging, CALLED)
    following = [one for one in _of_cycle(session, paging, frozenset({Attempt.WAITING})) if one.round > paging.round]
    who = _names(silent)
    said = f"heard nothing from {who} within {lasted(timedelta(seconds=paging.wait_s))}" if silent else "reached nobody in this round"
    if following:
        _end(session, silent, Attempt.PASSED_ON)
        _tell(session, incident, f"{said}; the page goes on to {_names(one for one in following if one.round == following[0].round)}")
        _call(session, incident, paging, following[0].round)
        return
    _end(session, silent, Attempt.EXHAUSTED)
    paging.state, paging.next_at = PagingState.EXHAUSTED, None
    _tell(session, incident, f"{said}; everybody was paged, and nobody answered")
    live.tell(session, "board")


def _stop(session: Session, incident: Incident, paging: Paging) -> None:
    rest = _of_cycle(session, paging, AHEAD)
    _end(session, rest, Attempt.SPARED)
    outbox.withdraw(session, [one.delivery_id for one in rest if one.delivery_id], f"{incident.ref} was over before it went out.")
    paging.state, paging.next_at = PagingState.STOPPED, None
    _tell(session, incident, f"stopped paging: the incident is {incident.state}")


def _opened(session: Session, incident: Incident, earlier: Paging | None) -> Paging:
    seconds = ways.wait_s(session, incident)
    now = db_now(session)
    fresh = {"state": PagingState.PAGING, "round": 1, "wait_s": seconds, "next_at": now, "began_at": now}
    if earlier is None:
        key = secrets.token_bytes(32)
        session.execute(insert(Paging).values(incident_id=incident.id, signing_key=key, **fresh))
        return session.get_one(Paging, incident.id, options=[undefer(Paging.signing_key)])
    earlier.cycle, earlier.answered_by, earlier.answered_at = earlier.cycle + 1, "", None
    for name, value in fresh.items():
        setattr(earlier, name, value)
    return earlier


def _attempt(paging: Paging, number: int, way: Way) -> PageAttempt:
    return PageAttempt(
        incident_id=paging.incident_id,
        cycle=paging.cycle,
        round=number,
        contact=way.key,
        name=way.contact.name,
        role=way.contact.role,
        kind=way.kind,
        setting_id=way.setting_id,
        address=way.address,
        sealed=way.sealed,
        channel=way.channel,
    )


def _call(session: Session, incident: Incident, paging: Paging, number: int) -> None:
    """Queue the pages of one round and start its clock."""
    now = db_now(session)
    until = now + timedelta(seconds=paging.wait_s)
    paging.round, paging.next_at = number, until
    round_ = [one for one in _of_cycle(session, paging, frozenset({Attempt.WAITING})) if one.round == number]
    for attempt in round_:
        copy = outbox.Copy(attempt.name, ChannelKind(attempt.kind), attempt.setting_id, attempt.address, attempt.sealed)
        message = _message(incident, paging, attempt, until=until)
        about, expires = f"page-{attempt.id}", now + page_links.GOOD_FOR
        made = outbox.put(session, message, [copy], about=about, incident_id=incident.id, urgency=outbox.PAGE, expires_at=expires)
        attempt.state, attempt.queued_at, attempt.delivery_id = Attempt.QUEUED, now, made[0] if made else None
    session.flush()
    named = ", ".join(f"{one.name}{f' ({one.role})' if one.role else ''} by {one.channel}" for one in round_)
    _tell(session, incident, f"pages {named}")


def _message(incident: Incident, paging: Paging, attempt: PageAttempt, *, until: datetime) -> Message:
    link = page_links.link(paging, attempt)
    role = f" as {attempt.role}" if attempt.role else ""
    text = (
        f"{incident.title}\n\nSeverity {incident.severity}, declared {stamp(incident.declared_at)}. You are paged{role}.\n"
        f"Say that you take it (no sign-in needed):\n{link}\n\n"
        f"If nobody answers by {stamp(until)}, the next contact is paged."
    )
    drill = "Drill: " if incident.is_drill else ""
    facts = {
        "incident": incident.ref,
        "severity": incident.severity,
        "title": incident.title,
        "answer_url": link,
        "drill": incident.is_drill,
    }
    return Message(
        "", f"{drill}{incident.ref} {incident.severity}: {incident.title}", text, paging.began_at, type="page", url=link, facts=facts
    )


def _too(session: Session, incident: Incident, paging: Paging, *, by: Person, attempt: PageAttempt | None) -> None:
    """Two answered: both are coming. The same one again changes nothing."""
    if attempt and attempt.state != Attempt.ACKNOWLEDGED:
        _end(session, [attempt], Attempt.ACKNOWLEDGED)
        _tell(session, incident, f"answered the page, too; {paging.answered_by} was first", by=by)


def _held(session: Session, incident: Incident) -> Paging | None:
    query = select(Paging).where(Paging.incident_id == incident.id).with_for_update().options(undefer(Paging.signing_key))
    return session.scalar(query.execution_options(populate_existing=True))


def _of_cycle(session: Session, paging: Paging, states: frozenset[Attempt]) -> list[PageAttempt]:
    mine = (PageAttempt.incident_id == paging.incident_id, PageAttempt.cycle == paging.cycle, PageAttempt.state.in_(sorted(states)))
    return list(session.scalars(select(PageAttempt).where(*mine).order_by(PageAttempt.round, PageAttempt.id)))


def _end(session: Session, attempts: Iterable[PageAttempt], state: Attempt) -> None:
    now = db_now(session)
    for attempt in attempts:
        attempt.state, attempt.ended_at = state, now
    session.flush()


def _names(attempts: Iterable[PageAttempt]) -> str:
    names = [one.name for one in attempts]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def _tell(session: Session, incident: Incident, line: str, *, by: Person = SYSTEM) -> None:
    timeline.record(session, incident, line, kind=KIND, by=by, is_system=by is SYSTEM)
    live.tell(session, f"paging-{incident.id}")
