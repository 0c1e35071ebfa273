"""Bound items: they are ticked because something is so, with a link to it, and open again when it is not so any more.

`settle` compares the items of an incident with the evidence. It runs where an action of ours changes the evidence, and in the sweep
for what changes on its own (runs, checks). It never waits for a row: an item that somebody holds is left to the next pass.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.policy import SYSTEM
from app.checklists import evidence
from app.checklists.evidence import Cannot, Resolver, Seen, holds
from app.checklists.evidence import happened as told
from app.checklists.marks import OPEN, SKIPPED, TICKED, Evidence, mark
from app.checklists.models import Checklist, Happening, Item, Settlement
from app.checklists.phases import BEGINS, ListPhase
from app.core import live
from app.incidents import queries as incidents
from app.incidents.models import Incident
from app.incidents.states import State


@dataclass(frozen=True)
class Binding:
    """What ticks an item: in words for the template's editor and for people, how it is found out, where one goes to make it so."""

    when: str
    resolve: Resolver
    page: str = ""  # below the incident's own address; empty: the cockpit
    says: str = ""  # what a happening is called where its teller gives no sentence


METRICS = ("error_ratio", "rate", "latency", "value")
BINDINGS: Mapping[str, Binding] = {
    "severity.confirmed": Binding("somebody sets or confirms the severity", evidence.severity_confirmed, "/facts"),
    "impact.assessed": Binding("the impact or the share of users is filled in", evidence.impact_assessed, "/facts"),
    "decision.made": Binding("a decision is taken", evidence.decision_made, "/decision"),
    "plan.ready": Binding("a plan of the rollback is ready", evidence.plan_ready),
    "notice.sent": Binding("a notice goes out", told("notice.sent", "update.sent", "resolution.sent"), "/notices", "a notice went out"),
    "update.sent": Binding(
        "an update goes out after the recovery began",
        told("notice.sent", "update.sent", since=State.RECOVERING),
        "/notices",
        "an update went out",
    ),
    "resolution.sent": Binding(
        "a notice goes out after the incident was resolved",
        told("notice.sent", "resolution.sent", since=State.RESOLVED),
        "/notices",
        "the resolution went out",
    ),
    "run.succeeded": Binding("the rollback's run succeeds", evidence.rolled_back),
    "check.responding": Binding("health and version checks hold", holds("whether it responds", ("health", ()), ("version", ()))),
    "check.health": Binding("every health check holds", holds("its health", ("health", ()))),
    "check.errors": Binding("the error rate is back under its limit", holds("its error rate", ("metric", ("error_ratio", "rate")))),
    "check.latency": Binding("the response time is back under its limit", holds("its response time", ("metric", ("latency",)))),
    "check.smoke": Binding("every smoke test passes", holds("its critical features", ("smoke", ()))),
    "check.metrics": Binding("every metric is back under its limit", holds("any metric of it", ("metric", METRICS))),
    "verification.recovered": Binding("the verification says “recovered”", evidence.recovered),
    "report.written": Binding("the report is signed", told("report.written"), "/report", "the report is written"),
    "review.scheduled": Binding("the review has a date", told("review.scheduled"), "/report", "the review has a date"),
}


def happened(session: Session, incident: Incident, name: str, *, url: str, sentence: str = "", at: datetime | None = None) -> None:
    """Take down that something is so which only a floor above can know, with its page, and tick what waits for it.

    `name` is one of BINDINGS ("notice.sent"). The same name and address again change nothing, or take a withdrawal back.
    """
    said = sentence or BINDINGS[name].says or BINDINGS[name].when
    row = insert(Happening).values(incident_id=incident.id, binding=name, url=url, sentence=said, **({"at": at} if at else {}))
    again = {"withdrawn_at": None, "sentence": said}
    session.execute(row.on_conflict_do_update(index_elements=["incident_id", "binding", "url"], set_=again))
    settle(session, incident)


def withdrawn(session: Session, incident: Incident, name: str, *, url: str) -> None:
    """Say that it is not so any more; what was ticked because of it opens again, unless something else makes it so."""
    which = (Happening.incident_id == incident.id, Happening.binding == name, Happening.url == url, Happening.withdrawn_at.is_(None))
    session.execute(update(Happening).where(*which).values(withdrawn_at=func.now()))
    settle(session, incident)


def settle(session: Session, incident: Incident, *, only: Collection[str] = ()) -> None:
    """Tick and open the bound items of the incident as the evidence says, and let the times of begun phases count.

    Items that a person skipped or overruled keep that person's word, and so does what a person ticked while no evidence could come.
    """
    lines = session.scalar(select(Incident.entries).where(Incident.id == incident.id)) or 0
    wanted = select(Item).join(Item.checklist).where(Checklist.incident_id == incident.id, Item.binding != "", Item.state != SKIPPED)
    wanted = wanted.where(Item.binding.in_(only)) if only else wanted
    items = session.scalars(wanted.order_by(Item.id).execution_options(populate_existing=True)).all()
    seen = {name: BINDINGS[name].resolve(session, incident) for name in {item.binding for item in items} & set(BINDINGS)}
    due = [item for item in items if item.binding in seen and _differs(item, seen[item.binding])]
    held = _held(session, due)
    for item in held:
        _follow(session, item, seen[item.binding])
    if not only and _count_times(session, incident) and len(held) == len(due):
        row = insert(Settlement).values(incident_id=incident.id, entries=lines)
        session.execute(row.on_conflict_do_update(index_elements=["incident_id"], set_={"entries": lines}))


def _differs(item: Item, seen: Seen) -> bool:
    if item.is_overruled:
        return False
    if isinstance(seen, Cannot):
        return item.by_hand != seen.why
    if item.state == TICKED and item.marked_by_id:
        return False  # a person's tick, from when no evidence could come
    return bool(item.by_hand) or (item.state == TICKED) != (seen is not None)


def _held(session: Session, due: Collection[Item]) -> list[Item]:
    """Those that are free, held by us from here on and as they are now."""
    if not due:
        return []
    query = select(Item).where(Item.id.in_([item.id for item in due])).order_by(Item.id).with_for_update(skip_locked=True)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def _follow(session: Session, item: Item, seen: Seen) -> None:
    """Bring one item, which we hold, in line with the evidence."""
    if not _differs(item, seen):
        return
    why = seen.why if isinstance(seen, Cannot) else ""
    if item.by_hand != why:
        item.by_hand = why
        session.flush()
        live.tell(session, f"checklist-{item.checklist_id}")
    by_a_person = item.state == TICKED and item.marked_by_id
    if by_a_person or (item.state == TICKED) == isinstance(seen, Evidence):
        return
    state = TICKED if isinstance(seen, Evidence) else OPEN
    mark(session, item, state, if_=Item.state != state, evidence=seen if isinstance(seen, Evidence) else None, by=SYSTEM)


def _count_times(session: Session, incident: Incident) -> bool:
    """Set the times of items whose phase has begun. False where somebody holds one of them: the next pass does it."""
    began: dict[str, datetime] = {}
    for phase in incidents.phases(session, incident):
        began.setdefault(phase.state, phase.began_at)
    query = select(Item, Checklist.phase).join(Item.checklist).where(Checklist.incident_id == incident.id)
    waiting = session.execute(query.where(Item.due_s.is_not(None), Item.due_at.is_(None), Item.state == OPEN)).all()
    due = {item.id: began.get(BEGINS.get(ListPhase(phase), "")) for item, phase in waiting}
    counted = [item for item, _ in waiting if due[item.id]]
    held = _held(session, counted)
    for item in held:
        if (start := due[item.id]) and item.due_s is not None:
            item.due_at = start + timedelta(seconds=item.due_s)
            live.tell(session, f"checklist-{item.checklist_id}")
    session.flush()
    return len(held) == len(counted)
