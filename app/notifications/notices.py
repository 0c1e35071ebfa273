"""What a person does with a notice: edit, send, discard. What was sent is kept word by word and never changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.audit import actions as audit
from app.channels.base import Message
from app.checklists import binding
from app.core import live
from app.core.database import Json, db_now
from app.core.errors import Conflict, Forbidden, Refused
from app.core.settings import settings
from app.incidents import timeline
from app.incidents.models import Incident
from app.incidents.queries import may
from app.notifications import cadence, outbox, queries, recipients, render, values
from app.notifications.fields import ASKED, LONGEST_ANSWER, Field
from app.notifications.kinds import WORDS, Audience, Kind, NoticeState
from app.notifications.models import Delivery, Notice

BINDINGS = {Kind.UPDATE: "update.sent", Kind.RESOLUTION: "resolution.sent"}
COUNTS = frozenset({Kind.ALERT, Kind.UPDATE, Kind.RESOLUTION})  # what the promise of the next update is kept by


@dataclass(frozen=True)
class Shown:
    """A notice as people would read it now."""

    subject: str
    text: str
    missing: tuple[Field, ...]
    problems: Mapping[str, str]


def preview(session: Session, notice: Notice, incident: Incident, *, next_at: datetime | None) -> Shown:
    """The words with the values of this moment; what is wrong with them is said, not raised."""
    if notice.sent_text is not None:
        return Shown(notice.sent_subject or "", notice.sent_text, (), {})
    audience = Audience(notice.audience)
    next_ = values.Next(next_at, int(cadence.every(session, incident).total_seconds() // 60))
    found = values.values(session, incident, notice.told, audience, next_)
    subject, text = render.fill(notice.subject, found), render.fill(notice.body, found)
    missing = tuple(dict.fromkeys([*subject.missing, *text.missing]))
    wrong = {name: render.problem(words, audience) for name, words in (("subject", notice.subject), ("body", notice.body))}
    return Shown(" ".join(subject.text.split()), text.text, missing, {name: said for name, said in wrong.items() if said})


def edit(
    session: Session, notice: Notice, incident: Incident, *, subject: str, body: str, told: Mapping[str, str], seen: int, by: Person
) -> None:
    """Change a draft. Conflict where somebody changed or sent it since (`seen` is its version then); the same words change nothing."""
    _lock(session, notice, incident)
    _still_a_draft(notice, seen)
    subject, body = render.check(subject, body, Audience(notice.audience), nothing="Nothing was saved")
    kept = {field.name: render.clean(told.get(field.name, "")).strip()[:LONGEST_ANSWER] for field in ASKED}
    answers = {name: text for name, text in kept.items() if text}
    if (subject, body, answers) == (notice.subject, notice.body, notice.told):
        return
    notice.subject, notice.body, notice.told = subject, body, answers
    notice.version += 1
    notice.edited_at, notice.edited_by_id = db_now(session), by.id or None
    session.flush()
    live.tell(session, f"notices-{incident.id}", f"notice-{notice.id}")


def send(
    session: Session,
    notice: Notice,
    incident: Incident,
    *,
    seen: int,
    seen_last: int | None,
    next_in: timedelta | None,
    by_hand: bool = False,
    elsewhere: str = "",
    by: Person,
) -> int:
    """Send a draft to everybody whom it concerns, and promise the next update; how many copies will be tried.

    Two at once: the second waits for the incident's row and gets a Conflict. So does who has not seen what went out last
    (`seen_last`, 0 for nothing). `elsewhere` says how it was told without the console: then nothing is queued.
    """
    if not may(session, incident, Permission.PUBLISH, by=by):
        raise Forbidden("Notices are sent by a responder or a commander. Nothing was sent: ask one.")
    _lock(session, notice, incident)
    _still_a_draft(notice, seen)
    _nothing_newer(session, incident, seen_last)
    render.check(notice.subject, notice.body, Audience(notice.audience), nothing="Nothing was sent")
    now = db_now(session)
    next_at = now + next_in if next_in and incident.is_open else None
    shown = preview(session, notice, incident, next_at=next_at if notice.kind in COUNTS else cadence.due_at(session, incident))
    copies = [] if elsewhere else recipients.reached(session, incident, Audience(notice.audience))
    if not elsewhere and notice.audience != Audience.PUBLIC and not any(not copy.skipped for copy in copies):
        raise Refused(
            f"Nobody would get it: no channel reaches the {notice.audience} for this incident. Nothing was sent. "
            "An administrator sets channels up; until then tell people another way, and say here how.",
            field="elsewhere",
        )
    _freeze(session, notice, shown, now, reason=" ".join(elsewhere.split())[:500], by=by)
    queued = outbox.put(
        session, _message(notice, incident, now), copies, about=f"notice-{notice.id}", incident_id=incident.id, notice_id=notice.id
    )
    if notice.kind in COUNTS and notice.audience != Audience.PUBLIC:
        cadence.sent(session, incident, next_at=next_at, by=by, by_hand=by_hand)
    _written_down(session, notice, incident, len(queued), by=by)
    return len(queued)


def discard(session: Session, notice: Notice, incident: Incident, *, seen: int, by: Person) -> None:
    """Put a draft away. It stays in the record. Discarded already: nothing happens."""
    _lock(session, notice, incident)
    if notice.state == NoticeState.DISCARDED:
        return
    _still_a_draft(notice, seen)
    notice.state, notice.ended_at, notice.ended_by_id, notice.ended_by = NoticeState.DISCARDED, db_now(session), by.id or None, by.name
    session.flush()
    live.tell(session, f"notices-{incident.id}", f"notice-{notice.id}")


def retry(session: Session, delivery: Delivery, incident: Incident, *, by: Person) -> None:
    """Send one copy again by hand. Refused where it arrived, or is on its way."""
    session.refresh(incident, with_for_update=True)
    doubtful, to = delivery.state == "unknown", delivery.recipient
    if not outbox.retry(session, delivery):
        raise Refused(f"The copy for {to} is {delivery.state}, so it was not sent again.")
    line = f"had the copy for {to} sent again" + (", which may have arrived before" if doubtful else "")
    timeline.record(session, incident, line, kind="notice", by=by, notice=delivery.notice_id)
    audit.record(session, "delivery.retry", f"delivery-{delivery.id}", actor=by.actor, actor_name=by.name, notice=delivery.notice_id)


def _lock(session: Session, notice: Notice, incident: Incident) -> None:
    """The incident's row before the notice's, in the order of every other verb."""
    session.refresh(incident, with_for_update=True)
    session.refresh(notice, with_for_update=True)


def _still_a_draft(notice: Notice, seen: int) -> None:
    link = f"/notices/{notice.id}"
    if notice.state == NoticeState.SENT:
        raise Conflict(
            f"{notice.ended_by} sent this notice at {notice.ended_at:%H:%M} UTC. Nothing was sent twice, and nothing of yours was saved.",
            link=link,
        )
    if notice.state == NoticeState.DISCARDED:
        raise Conflict(f"{notice.ended_by} discarded this draft. Nothing was sent or saved: prepare a new one.", link=link)
    if notice.version != seen:
        raise Conflict("Somebody changed this draft since you opened it. Nothing of yours was sent or saved: look at it again.", link=link)


def _nothing_newer(session: Session, incident: Incident, seen_last: int | None) -> None:
    """Two people who publish different updates at once: the second reads the first one's before theirs goes out."""
    last = queries.last_update(session, incident)
    if seen_last is not None and last and last.id != seen_last:
        raise Conflict(
            f"{last.ended_by} sent another notice at {last.ended_at:%H:%M} UTC, after you opened this one. Yours was not sent: "
            "read that one, and send yours if it is still needed.",
            link=f"/notices/{last.id}",
        )


def _freeze(session: Session, notice: Notice, shown: Shown, now: datetime, *, reason: str, by: Person) -> None:
    notice.sent_subject, notice.sent_text, notice.state = shown.subject, shown.text, NoticeState.SENT
    notice.ended_at, notice.ended_by_id, notice.ended_by, notice.reason = now, by.id or None, by.name, reason
    session.flush()


def _message(notice: Notice, incident: Incident, now: datetime) -> Message:
    """What a copy carries. Machines of people inside get the facts too; outside only the words go out."""
    inside = notice.audience in {Audience.INSIDE, Audience.TEAM, Audience.EXECUTIVES}
    facts: Json = {"kind": notice.kind, "audience": notice.audience, "severity": incident.severity, "drill": incident.is_drill}
    if inside:
        facts |= {"incident": incident.ref, "title": incident.title, "state": incident.state}
    subject = f"[DRILL] {notice.sent_subject}" if incident.is_drill else notice.sent_subject or ""
    text = f"This is a drill.\n\n{notice.sent_text}" if incident.is_drill else notice.sent_text or ""
    url = f"{settings().base_url}/incidents/{incident.id}" if inside else ""
    return Message("", subject, text, now, type=f"notice.{notice.kind}", url=url, facts=facts)


def _written_down(session: Session, notice: Notice, incident: Incident, copies: int, *, by: Person) -> None:
    what = f"the {WORDS[Kind(notice.kind)]} for {named_audience(notice.audience)}"
    if notice.reason:
        line = f"told {what.removeprefix('the ')} another way: {notice.reason}"
    elif notice.audience == Audience.PUBLIC:
        line = f"released {what}"
    else:
        line = f"sent {what} to {copies} {'receiver' if copies == 1 else 'receivers'}"
    timeline.record(session, incident, line, kind="notice", by=by, notice=notice.id)
    name = BINDINGS.get(Kind(notice.kind), "notice.sent")
    binding.happened(session, incident, name, url=f"/notices/{notice.id}", sentence=f"{by.name} {line}")
    detail = {"incident": incident.id, "kind": notice.kind, "audience": notice.audience, "copies": copies}
    audit.record(session, "notice.send", f"notice-{notice.id}", actor=by.actor, actor_name=by.name, **detail)
    live.tell(session, f"incident-{incident.id}", f"notices-{incident.id}", f"notice-{notice.id}", "board")


def named_audience(audience: str) -> str:
    return {"inside": "everyone inside", "public": "the public"}.get(audience, f"the {audience}")
