"""Say how far an incident is, as pages and the API do: what stands in the way of its end, and what follows from it.

An end is refused only while a run is active. What else is open is shown and can be overruled with a reason, which the timeline and the
audit log keep. The *After* list stands in the way of "reviewed", and nobody overrules it: its items can be skipped with a reason.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.audit import actions as audit
from app.checklists import queries as checklists
from app.checklists.models import Item
from app.checklists.phases import ListPhase
from app.core.errors import Conflict, Refused
from app.incidents import actions as incidents
from app.incidents import queries, timeline
from app.incidents.models import Incident
from app.incidents.states import OPEN, State
from app.notifications import drafting
from app.reviews import actions as reviews
from app.reviews import durations, record
from app.runs import queries as runs
from app.verification import queries as verifications
from app.verification.models import Verification

ENDED_WELL = frozenset({State.RESOLVED, State.REVIEWED})


@dataclass(frozen=True)
class Obstacle:
    """Something that is open. `name` tells it from others ("verification-12"); a final one cannot be overruled.

    An item of a checklist says which `item` of which `list_name`, so that those of one list can be said in one sentence.
    """

    name: str
    sentence: str  # without a full stop
    link: str
    is_final: bool = False
    list_name: str = ""
    item: str = ""


def check(session: Session, incident: Incident) -> list[Obstacle]:
    """What stands in the way of resolving it: active runs first, then what the checks say, then what is not ticked."""
    active = [
        Obstacle(f"run-{run.id}", f"Run {run.id} on {run.service.name} is active", f"/runs/{run.id}", is_final=True)
        for run in runs.runs_of(session, incident)
        if run.is_active
    ]
    unproven = [_unproven(one) for one in _newest(session, incident) if one.verdict != "recovered"]
    return active + unproven + [_unticked(item) for item in checklists.open_required(session, incident)]


def unreviewed(session: Session, incident: Incident) -> list[Obstacle]:
    """What stands in the way of calling it reviewed: the open required items of the list "After"."""
    items = checklists.open_required(session, incident, before=State.REVIEWED)
    return [_unticked(item) for item in items if item.checklist.phase == ListPhase.AFTER]


def resolve(session: Session, incident: Incident, *, by: Person, overrule_reason: str = "", seen: Collection[str] | None = None) -> None:
    """Close it. Refused while a run is active, and, without a reason, while anything else is open.

    `seen` are the names of the obstacles that the person had before their eyes: a Conflict where another has come up since.
    """
    move(session, incident, State.RESOLVED, by=by, overrule_reason=overrule_reason, seen=seen)


def move(
    session: Session,
    incident: Incident,
    state: State,
    *,
    by: Person,
    reason: str = "",
    overrule_reason: str = "",
    seen: Collection[str] | None = None,
    duplicate_of: Incident | None = None,
) -> None:
    """Say how far it is, as `incidents.actions.move` does, with everything that hangs on the end of an incident and on taking it up again.

    The same state again does nothing.
    """
    if state in ENDED_WELL:
        session.refresh(incident, with_for_update=True)  # two at once: the second waits here and finds it ended
    old = State(incident.state)
    ends = state in ENDED_WELL and old not in ENDED_WELL
    if ends and queries.may(session, incident, Permission.COMMAND, by=by):  # others are refused below, in the words of incidents
        overrule_reason = overrule_reason.replace("\0", "").strip()
        _clear(session, incident, reason=overrule_reason, seen=seen, by=by)
    if state is State.REVIEWED and (left := unreviewed(session, incident)):
        raise Refused(
            f"{incident.ref} stays {old}: {_listed(left)}. Tick them on its list “After”, or skip them there with a reason; then it is "
            "reviewed.",
            field="state",
        )
    incidents.move(session, incident, state, reason=reason or (overrule_reason if ends else ""), duplicate_of=duplicate_of, by=by)
    if ends:
        _ended(session, incident, by=by)
    if old in ENDED_WELL and state in OPEN:
        reviews.outdate(session, incident, by=by)


def _clear(session: Session, incident: Incident, *, reason: str, seen: Collection[str] | None, by: Person) -> None:
    found = check(session, incident)
    if final := [one for one in found if one.is_final]:
        raise Conflict(
            f"{incident.ref} stays {incident.state}: {_listed(final)}. Wait until it ends, or cancel it; then resolve.", link=final[0].link
        )
    if not found:
        return
    if not reason:
        raise Refused(
            f"{incident.ref} stays {incident.state}: {_listed(found)}. Say why it can be resolved all the same.", field="overrule_reason"
        )
    if len(reason) > 1000:
        raise Refused(f"The reason has {len(reason):,} characters and 1,000 fit. Nothing was changed: shorten it.", field="overrule_reason")
    if seen is not None and (new := [one for one in found if one.name not in seen]):
        raise Conflict(f"Since you opened the page this came up: {_listed(new)}. {incident.ref} stays {incident.state}: look again.")
    timeline.record(session, incident, f"resolved it although {_listed(found)}. Why: {reason}", kind="state", by=by)
    overruled = [one.name for one in found]
    audit.record(
        session, "incident.overrule", f"incident-{incident.id}", actor=by.actor, actor_name=by.name, overruled=overruled, reason=reason
    )


def _ended(session: Session, incident: Incident, *, by: Person) -> None:
    """Say how long it took, in the timeline, and prepare the resolution notice."""
    session.flush()
    took = durations.sentence(record.of(session, incident).durations)
    if took:
        timeline.record(session, incident, f"It took {took}.", kind="state", by=by, is_system=True)
    drafting.resolved(session, incident)


def _newest(session: Session, incident: Incident) -> list[Verification]:
    """The newest verification of each service, given up ones aside."""
    found = [one for one in verifications.of_incident(session, incident) if one.state != "canceled"]
    return list({one.service_id: one for one in reversed(found)}.values())


def _unproven(one: Verification) -> Obstacle:
    said = {
        None: f"the checks of {one.service.name} are still being watched",
        "partly": f"the verification says that {one.service.name} has recovered only in part",
        "not": f"the verification says that {one.service.name} has not recovered",
        "worse": f"the verification says that {one.service.name} is worse than before",
    }[one.verdict]
    return Obstacle(f"verification-{one.id}", said[0].upper() + said[1:], f"/verifications/{one.id}")


def _unticked(item: Item) -> Obstacle:
    name = item.checklist.name
    link = f"/incidents/{item.checklist.incident_id}/checklists"
    return Obstacle(f"item-{item.id}", f"“{item.text}” is not ticked ({name})", link, list_name=name, item=item.text)


def _listed(obstacles: Sequence[Obstacle]) -> str:
    """All of them in one sentence, those of one checklist together."""
    said = [one.sentence[0].lower() + one.sentence[1:] for one in obstacles if not one.list_name]
    for name in dict.fromkeys(one.list_name for one in obstacles if one.list_name):
        items = [f"“{one.item}”" for one in obstacles if one.list_name == name]
        said.append(f"{', '.join(items)} {'is' if len(items) == 1 else 'are'} not ticked ({name})")
    return "; ".join(said)
