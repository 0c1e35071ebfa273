"""The sentence of an incident and the one loud thing to do: first what waits for a person, then what runs, then what comes next.

Pure functions: rows in, words out. The page draws one primary button at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from app.catalog.models import Rollout, Service
from app.catalog.releases import Offer
from app.core.clock import now
from app.decisions.models import Assessment, Decision
from app.incidents.models import Incident
from app.incidents.states import State
from app.runs.models import Run
from app.runs.states import RunState
from app.verification.models import Verification
from app.web.filters import span
from app.web.incident_views import ServiceView, TargetView

WORKING = frozenset({State.DETECTED, State.ASSESSED, State.DECIDED, State.RECOVERING, State.VERIFYING})


@dataclass(frozen=True)
class Primary:
    """The loud button: a link, or a form that posts `fields`. `needs` names the right without which it is not drawn."""

    label: str
    url: str
    fields: dict[str, str] = field(default_factory=dict)
    is_post: bool = False
    needs: str = "plan"
    is_loud: bool = True
    note: str = ""


@dataclass(frozen=True)
class WhatNow:
    """One short sentence, what it rests on, and what comes next."""

    say: str
    next: str
    mood: str  # ok | run | warn | bad | idle
    word: str
    primary: Primary | None = None
    run: Run | None = None
    verification: Verification | None = None
    told: str = ""  # the numbers behind the sentence
    second: Primary | None = None  # beside the loud button, never loud


@dataclass(frozen=True)
class Told:
    """How the decision stands: what was decided, the assessment that counts, until when to decide."""

    decision: Decision | None = None
    assessment: Assessment | None = None
    decide_by: datetime | None = None


@dataclass(frozen=True)
class WayBack:
    """A target that can go back, with what runs there and what is offered."""

    service: Service
    target: TargetView
    running: Rollout
    offer: Offer


def of(
    incident: Incident,
    *,
    services: Sequence[ServiceView],
    runs: Sequence[Run],
    verifications: Sequence[Verification],
    told: Told | None = None,
) -> WhatNow:
    """What to say now. Runs and verifications are those of the incident, newest first."""
    run = next((one for one in runs if not one.is_over), None)
    if run:
        return WhatNow("", "", "run", "", run=run)
    watching = next((one for one in verifications if one.state == "watching"), None)
    if watching:
        return _watching(watching)
    if State(incident.state) not in WORKING:
        return _over(incident)
    verdict = next((one for one in verifications if one.verdict), None)
    last = runs[0] if runs else None
    if verdict and (last is None or last.ended_at is None or verdict.began_at >= last.ended_at or verdict.run_id == last.id):
        return _judged(incident, verdict, services)
    if last:
        return _ran(incident, last, services)
    if told and told.decision:
        return _decided(incident, told.decision, services)
    return _undecided(incident, services, told or Told())


def way_back(services: Sequence[ServiceView]) -> WayBack | None:
    """Where a rollback would start: production of the service that changed last and can go back."""
    ways = [
        WayBack(service.service, target, target.running, target.offer)
        for service in services
        for target in service.targets
        if target.running and target.offer
    ]
    return max(ways, key=lambda way: (way.target.target.environment == "production", way.running.began_at), default=None)


def roll_back(incident: Incident, way: WayBack) -> Primary:
    """The button that asks for the preview of the rollback."""
    return Primary(
        label=f"Roll back {way.service.name} to {way.offer.release.version}",
        url=f"/targets/{way.target.target.id}/plans",
        fields={"kind": "rollback", "release_id": str(way.offer.release.id), "incident_id": str(incident.id)},
        is_post=True,
        note="Rolling back opens the preview: nothing changes until you confirm there.",
    )


def _undecided(incident: Incident, services: Sequence[ServiceView], how: Told) -> WhatNow:
    """The loud button follows the rules: going back, unless they speak against it or ask. The other one is always there too."""
    decide = Primary("Decide: roll back or fix forward", f"/incidents/{incident.id}/decision", needs="respond", is_loud=False)
    recommended = how.assessment.recommendation if how.assessment else "open"
    told = how.assessment.sentence if how.assessment and recommended != "open" else ""
    if way := way_back(services):
        name, version, age = way.service.name, way.running.release.version, span(now() - way.running.began_at)
        say = f"{name} runs {version} since {age}."
        if way.target.changed_lately and way.running.replaced:
            say = f"{name} went from {way.running.replaced.version} to {version} {age} ago."
        good = "is the last good version" if way.offer.proven else "ran before and is not proven good"
        next_ = f"{way.offer.release.version} {good}. {_clock(how.decide_by)}"
        first, second = roll_back(incident, way), decide
        if recommended in ("fix_forward", "ask"):
            first, second = replace(decide, is_loud=True), replace(first, is_loud=False)
        return WhatNow(say, next_, "idle", "Open", first, told=told, second=second)
    if not services:
        add = Primary("Add the service that fails", f"/incidents/{incident.id}/services", needs="respond")
        return WhatNow(
            "No service is named yet.",
            "Name it, and the console shows what changed and where it can go back to.",
            "idle",
            "Open",
            add,
            second=decide,
        )
    say = f"Nothing else than what runs now is known of {services[0].service.name}, so there is nothing to go back to."
    next_ = "Fix forward, then verify: the console watches the checks and gives the verdict."
    return WhatNow(say, next_, "idle", "Open", _verify(incident, services), told=told, second=decide)


def _decided(incident: Incident, decision: Decision, services: Sequence[ServiceView]) -> WhatNow:
    """What was decided leads to its first step; the other way stays open."""
    who = f"Decided by {decision.by_name} at {decision.decided_at:%H:%M} UTC."
    way, verify = way_back(services), _verify(incident, services)
    if decision.choice == "rollback" and way:
        say = f"{way.service.name} goes back to {way.offer.release.version}: that is decided."
        return WhatNow(say, who, "idle", "Decided", roll_back(incident, way), told=decision.rationale)
    back = replace(roll_back(incident, way), is_loud=False) if way else None
    if decision.choice == "rollback":
        say = "Going back is decided, and nothing to go back to is known."
        return WhatNow(say, who, "warn", "Decided", verify, told=decision.rationale)
    next_ = f"{who} Verify when the fix is live: the console watches the checks and gives the verdict."
    return WhatNow("Fixing forward is decided.", next_, "idle", "Decided", verify, told=decision.rationale, second=back)


def _clock(decide_by: datetime | None) -> str:
    if decide_by is None:
        return "Nothing is decided yet."
    if decide_by < now():
        return f"Nothing is decided, and the time for it is over since {decide_by:%H:%M} UTC."
    return f"Nothing is decided yet; decide by {decide_by:%H:%M} UTC."


def _watching(verification: Verification) -> WhatNow:
    follow = Primary("Watch the verification", f"/verifications/{verification.id}", needs="read", is_loud=False)
    say, _ = _first(verification.sentence or "The checks are being watched.")  # the numbers stand in the list of its checks
    return WhatNow(say, "Nothing to press here: the verdict comes by itself.", "run", "Verifying", follow, verification=verification)


def _judged(incident: Incident, verdict: Verification, services: Sequence[ServiceView]) -> WhatNow:
    name = verdict.service.name
    if verdict.verdict == "recovered":
        resolve = _move(incident, State.RESOLVED, f"Resolve {incident.ref}")
        next_ = "The proof is there. Resolving it is your word."
        return WhatNow(f"{name} has recovered.", next_, "ok", "Recovered", resolve, verification=verdict, told=verdict.sentence)
    word, say = {
        "partly": ("Partly recovered", f"{name} has recovered only in part."),
        "not": ("Not recovered", f"{name} has not recovered."),
        "worse": ("Worse than before", f"{name} is worse than before the run."),
    }[verdict.verdict or "not"]
    look = Primary("See what the checks say", f"/verifications/{verdict.id}", needs="read")
    way = way_back(services)
    if verdict.run_id is None and way:
        next_ = "Going back is the other way."
        return WhatNow(say, next_, "bad", word, roll_back(incident, way), verification=verdict, told=verdict.sentence)
    next_ = "Undo the run, go back further, or fix forward and verify again: all three are on this page."
    return WhatNow(say, next_, "bad", word, look, verification=verdict, told=verdict.sentence)


def _ran(incident: Incident, run: Run, services: Sequence[ServiceView]) -> WhatNow:
    say, told = _first(run.sentence or f"Run {run.id} ended: {run.state}.")
    if run.state == RunState.SUCCEEDED:
        return WhatNow(say, "Whether the service works again is not proven yet.", "ok", "Done", _verify(incident, services), told=told)
    look = Primary(f"Open run {run.id}", f"/runs/{run.id}", needs="read")
    next_ = "Look at what it left, then make a new plan: it shows what would change now."
    return WhatNow(say, next_, "bad", run.state.capitalize(), look, told=told)


def _over(incident: Incident) -> WhatNow:
    ended = incident.resolved_at or incident.state_since
    took = span(ended - incident.since)
    match State(incident.state):
        case State.DUPLICATE:
            other = Primary(f"Open INC-{incident.duplicate_of_id}", f"/incidents/{incident.duplicate_of_id}", needs="read")
            return WhatNow(f"This is the same as INC-{incident.duplicate_of_id}.", "Work goes on there.", "idle", "Duplicate", other)
        case State.CANCELLED:
            return WhatNow(f"Cancelled after {took}.", "Nothing has to be done. The timeline stays.", "idle", "Cancelled")
        case State.RESOLVED:
            report = Primary("Open the report", f"/incidents/{incident.id}/report", needs="read")
            next_ = "Next: tick the After list, write down what was learned, and talk it through. Then it is reviewed."
            return WhatNow(f"Resolved after {took}.", next_, "ok", "Resolved", report)
    return WhatNow(f"Resolved after {took}, and reviewed.", "Nothing has to be done.", "ok", "Reviewed")


def _verify(incident: Incident, services: Sequence[ServiceView]) -> Primary | None:
    """Watch the checks of the first service that has any."""
    service = next((one.service for one in services if one.figures), None)
    if service is None:
        return None
    return Primary(f"Verify {service.name}", f"/incidents/{incident.id}/verifications", {"service": service.slug}, is_post=True)


def _first(words: str) -> tuple[str, str]:
    """The first sentence, and the rest of them."""
    say, stop, rest = words.partition(". ")
    return (f"{say}.", rest) if stop else (words, "")


def _move(incident: Incident, state: State, label: str) -> Primary:
    return Primary(label, f"/incidents/{incident.id}/state", {"state": state}, is_post=True, needs="command")
