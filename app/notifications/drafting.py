"""Drafts that events prepare, and that wait for a person. One event prepares one draft for one audience, however often it is seen."""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import Select, String, cast, exists, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.policy import SYSTEM, Person
from app.core import live
from app.incidents.models import Incident
from app.incidents.states import OPEN, State
from app.notifications import cadence, templates
from app.notifications.kinds import Audience, Kind, NoticeState
from app.notifications.models import Notice, Recipient
from app.runs.models import Run
from app.verification.models import Verification

RECENT = timedelta(hours=6)  # an event that nobody drafted for within this time is history
SEVERE = frozenset({"critical", "high"})
OVERTAKEN = "a newer event prepared another one"


def declared(session: Session, incident: Incident, *, by: Person) -> None:
    """Start the clock of updates, and prepare the alert. Done already: nothing happens."""
    cadence.begin(session, incident, by=by)
    _prepare(session, incident, "declared", _with_outside(session, incident, Kind.ALERT, Kind.POST))


def run_started(session: Session, incident: Incident, run: Run) -> None:
    """An update that says what is being done."""
    _prepare(session, incident, f"run-{run.id}", _with_outside(session, incident, Kind.UPDATE))


def verdict(session: Session, incident: Incident, verification: Verification) -> None:
    """An update that says whether it works again."""
    _prepare(session, incident, f"verification-{verification.id}", _with_outside(session, incident, Kind.UPDATE))


def resolved(session: Session, incident: Incident) -> None:
    """The resolution, what the executives should know, and for customers an apology where it was grave."""
    kinds = [*_with_outside(session, incident, Kind.RESOLUTION, Kind.RESOLUTION), (Kind.SUMMARY, Audience.EXECUTIVES)]
    if incident.severity in SEVERE and not incident.is_drill and _has(session, Audience.CUSTOMERS):
        kinds.append((Kind.APOLOGY, Audience.CUSTOMERS))
    _prepare(session, incident, f"resolved-{_stamp(incident)}", kinds)


def make(session: Session, incident: Incident, kind: Kind, audience: Audience, *, by: Person) -> Notice:
    """A draft by hand, from its template or empty."""
    words = templates.find(session, kind, audience, incident.severity)
    notice = Notice(
        incident_id=incident.id,
        kind=kind,
        audience=audience,
        subject=words.subject if words else "",
        body=words.body if words else "",
        template_version_id=words.id if words else None,
        prepared_by=by.name,
    )
    session.add(notice)
    session.flush()
    live.tell(session, f"notices-{incident.id}")
    return notice


def sweep(session: Session) -> None:
    """Prepare drafts for what happened on the floors below and nobody drafted for yet. Any number at once: one row for one cause."""
    for incident, run in session.execute(_runs()).all():
        run_started(session, incident, run)
    for incident, verification in session.execute(_verdicts()).all():
        verdict(session, incident, verification)
    for incident in session.scalars(_resolved()):
        resolved(session, incident)


def _prepare(session: Session, incident: Incident, cause: str, kinds: Iterable[tuple[Kind, Audience]]) -> None:
    made = False
    for kind, audience in kinds:
        words = templates.find(session, kind, audience, incident.severity)
        if words is None:
            continue
        row = {
            "incident_id": incident.id,
            "kind": kind,
            "audience": audience,
            "cause": cause,
            "subject": words.subject,
            "body": words.body,
            "template_version_id": words.id,
            "prepared_by": SYSTEM.name,
        }
        # Two sweeps at once: the second waits for the first one's commit and inserts nothing.
        notice_id = session.scalar(insert(Notice).values(row).on_conflict_do_nothing().returning(Notice.id))
        if notice_id:
            made = True
            _overtake(session, incident, audience, notice_id)
    if made:
        live.tell(session, f"notices-{incident.id}", f"incident-{incident.id}")


def _overtake(session: Session, incident: Incident, audience: Audience, newest: int) -> None:
    """A prepared update that nobody touched is not worth reading beside a newer one. What a person wrote stays."""
    older = (Notice.incident_id == incident.id, Notice.audience == audience, Notice.id < newest, Notice.state == NoticeState.DRAFT)
    untouched = (Notice.kind == Kind.UPDATE, Notice.cause != "", Notice.edited_at.is_(None))
    ended = {"state": NoticeState.DISCARDED, "ended_at": func.now(), "ended_by": SYSTEM.name, "reason": OVERTAKEN}
    session.execute(update(Notice).where(*older, *untouched).values(ended).execution_options(synchronize_session=False))


def _with_outside(session: Session, incident: Incident, kind: Kind, post: Kind | None = None) -> list[tuple[Kind, Audience]]:
    """For people inside always; for customers where somebody writes to them; for the public unless it is a drill."""
    kinds = [(kind, Audience.INSIDE)]
    if _has(session, Audience.CUSTOMERS) and not incident.is_drill:
        kinds.append((kind, Audience.CUSTOMERS))
    if post and not incident.is_drill:
        kinds.append((post, Audience.PUBLIC))
    return kinds


def _has(session: Session, audience: Audience) -> bool:
    there = select(Recipient.id).where(Recipient.audience == audience, Recipient.archived_at.is_(None)).limit(1)
    return session.scalar(there) is not None


def _stamp(incident: Incident) -> str:
    """A second resolution after a reopening is another event."""
    return f"{incident.resolved_at:%Y%m%d%H%M%S}" if incident.resolved_at else ""


def _runs() -> Select[Incident, Run]:
    done = exists().where(Notice.incident_id == Run.incident_id, Notice.cause == literal("run-") + cast(Run.id, String))
    query = select(Incident, Run).join(Run, Run.incident_id == Incident.id).where(Incident.state.in_(sorted(OPEN)))
    return query.where(Run.started_at > func.now() - RECENT, ~done).order_by(Run.id).limit(20)


def _verdicts() -> Select[Incident, Verification]:
    done = exists().where(
        Notice.incident_id == Verification.incident_id, Notice.cause == literal("verification-") + cast(Verification.id, String)
    )
    query = select(Incident, Verification).join(Verification, Verification.incident_id == Incident.id)
    found = query.where(Incident.state.in_(sorted(OPEN)), Verification.state == "done", Verification.ended_at > func.now() - RECENT, ~done)
    return found.order_by(Verification.id).limit(20)


def _resolved() -> Select[Incident]:
    cause = literal("resolved-") + func.to_char(func.timezone("UTC", Incident.resolved_at), "YYYYMMDDHH24MISS")
    done = exists().where(Notice.incident_id == Incident.id, Notice.cause == cause)
    query: Select[Incident] = select(Incident).where(Incident.state == State.RESOLVED, Incident.resolved_at > func.now() - RECENT, ~done)
    return query.order_by(Incident.id).limit(20)
