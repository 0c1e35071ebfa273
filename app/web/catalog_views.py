"""What the pages of services draw, worked out from the catalog's rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from app.accounts.policy import P, Person, Reach
from app.catalog import queries, readings, releases
from app.catalog.models import Check, CheckReading, Release, Rollout, Service, Target
from app.catalog.releases import Offer
from app.core.clock import now
from app.core.settings import settings
from app.drills import practice
from app.executors.checks.figures import span
from app.incidents import queries as incidents
from app.incidents.models import Incident, IncidentService
from app.incidents.states import OPEN
from app.runs import queries as runs
from app.runs.models import Run
from app.verification import queries as verifications
from app.web.figures import Figure, draw

RIGHTS = {"plan": P.PLAN, "mark": P.MARK_RELEASE, "edit": P.EDIT_SERVICE}
SCALABLE = ("Deployment", "StatefulSet")
_LATE = 4  # looks that did not happen


@dataclass(frozen=True)
class Chip:
    """A state in a shape and a word: ok, run, wait, warn, bad, idle."""

    mood: str
    words: str


@dataclass(frozen=True)
class Place:
    """A target: what runs there, how it is, and where it can go back to."""

    target: Target
    running: Rollout | None
    offer: Offer | None
    chip: Chip
    told: str = ""  # what to know beside the chip
    holder: Run | None = None
    releases: Sequence[Release] = ()
    is_judged: bool = False  # the service's checks speak of it
    is_urgent: bool = False  # something is wrong here, and what is offered is proven: its button is the loud one

    @property
    def scales(self) -> bool:
        return self.target.kind == "kubernetes" and self.target.config["kind"] in SCALABLE

    @property
    def is_scaled_down(self) -> bool:
        return self.target.seen.get("replicas") == 0


@dataclass(frozen=True)
class Row:
    """A line of the list of services."""

    service: Service
    places: Sequence[Place]
    checks: Chip
    incidents: Sequence[Incident]


def rows(session: Session, me: Person) -> list[Row]:
    """Every service that the reader may see, in a handful of queries however many there are."""
    reach = me.reach()
    services = queries.services(session, reach=reach)
    targets = queries.targets_on_services(session, services)
    running, offers = queries.running_on(session, targets), releases.offers(session, targets)
    checks = queries.checks_on_services(session, services)
    newest = readings.newest(session, checks)
    touched = open_on(session, services, reach=reach)
    return [
        Row(
            service=service,
            places=[
                Place(target, running.get(target.id), offers.get(target.id), chip(target))
                for target in targets
                if target.service_id == service.id
            ],
            checks=judged([check for check in checks if check.service_id == service.id], newest),
            incidents=touched.get(service.id, []),
        )
        for service in services
    ]


def shown(session: Session, service: Service, me: Person) -> dict[str, Any]:
    """Everything that the page of a service draws."""
    return current(session, service, me) | {
        "contacts": queries.contacts_of(session, service),
        "links": queries.links_of(session, service),
        "practised": practice.of(session, [service])[0],
        "may_drill": me.may(P.EDIT_PROCEDURE, {service.id}),
    }


def current(session: Session, service: Service, me: Person) -> dict[str, Any]:
    """The part of the page that changes by itself."""
    targets = queries.targets_of(session, service)
    running, offers = queries.running_on(session, targets), releases.offers(session, targets)
    checks = queries.checks_of(session, service)
    hours = readings.series(session, checks)
    newest = {check.id: hours[check.id][-1] for check in checks if hours[check.id]}
    began = [rollout.began_at for rollout in running.values()]
    judged_targets, verdict = readings.proven_by_checks(targets), judged(checks, newest)
    return {
        "service": service,
        "places": [
            _place(session, target, running.get(target.id), offers.get(target.id), verdict if target in judged_targets else None)
            for target in targets
        ],
        "lines": [(check, _figure(check, hours[check.id], began)) for check in checks],
        "judged": verdict,
        "holding": holding(service, targets, running),
        "open": open_on(session, [service], reach=me.reach()).get(service.id, []),
        "watched": verifications.watching(session, service),
        "rights": rights(service, me),
    }


def judged(checks: Sequence[Check], newest: dict[int, CheckReading]) -> Chip:
    """All checks in one word: the worst of them, and how many."""
    if not checks:
        return Chip("idle", "No checks")
    fresh = {key: reading for key, reading in newest.items() if now() - reading.at < late()}
    many = len(checks)
    if failing := sum(fresh[check.id].outcome == "fail" for check in checks if check.id in fresh):
        return Chip("bad", f"{failing} of {many} fails" if failing == 1 else f"{failing} of {many} fail")
    if unread := sum(check.id not in fresh for check in checks):
        return (
            Chip("wait", "Not read lately" if newest else "Not read yet")
            if unread == many
            else Chip("wait", f"{unread} of {many} not read")
        )
    if unclear := sum(fresh[check.id].outcome == "inconclusive" for check in checks):
        return Chip("warn", f"{unclear} of {many} unclear")
    return Chip("ok", f"All {many} hold" if many > 1 else "Holds")


def chip(target: Target) -> Chip:
    """How a target is, as the last look saw it."""
    seen = target.seen
    if target.observed_at is None:
        return Chip("wait", "Not seen yet")
    if target.observe_problem:
        return Chip("warn", "Cannot be seen")
    if now() - target.observed_at > late():
        return Chip("warn", "Not seen lately")
    if target.kind == "git":
        return Chip("ok", "Seen")
    ready, wanted = seen.get("ready", 0), seen.get("replicas", 0)
    if wanted == 0:
        return Chip("idle", "Scaled to zero")
    if any(pod["mood"] == "bad" for pod in seen.get("pods", ())):
        return Chip("bad", f"{ready} of {wanted} ready")
    return Chip("ok" if seen.get("settled") else "run", f"{ready} of {wanted} ready")


def holding(service: Service, targets: Iterable[Target], running: dict[int, Rollout]) -> str:
    """How far what runs is from being good, in a sentence; empty where that is not being counted."""
    for target in readings.proven_by_checks(targets):
        rollout = running.get(target.id)
        if rollout and rollout.holding_since and rollout.release.standing == "unproven":
            held = (now() - rollout.holding_since).total_seconds()
            return f"Its checks have held for {span(held)}. It counts as good after {span(service.good_after_s)}."
    return ""


def late() -> timedelta:
    """After this long without a look, what is shown is old."""
    return timedelta(seconds=max(settings().observe_every_s * _LATE, 10))


def open_on(session: Session, services: Sequence[Service], *, reach: Reach) -> dict[int, list[Incident]]:
    """The open incidents of each service that the reader may see, by service id."""
    link = aliased(IncidentService)  # `visible` asks the same table
    query = (
        select(link.service_id, Incident)
        .join(Incident, Incident.id == link.incident_id)
        .where(link.service_id.in_([service.id for service in services]), Incident.state.in_(sorted(OPEN)), incidents.visible(reach))
        .order_by(Incident.id.desc())
    )
    found: dict[int, list[Incident]] = {}
    for service_id, incident in session.execute(query):
        found.setdefault(service_id, []).append(incident)
    return found


def release(session: Session, release: Release, me: Person) -> dict[str, Any]:
    """Everything that the page of a release draws."""
    service, running = release.target.service, releases.current(session, release.target)
    return {
        "release": release,
        "service": service,
        "runs_now": bool(running and running.release_id == release.id),
        "rollouts": releases.rollouts_of(session, release),
        "rights": rights(service, me),
    }


def rights(service: Service, me: Person) -> dict[str, bool]:
    """What the reader may do on the page of this service."""
    return {name: me.may(wanted, {service.id}) for name, wanted in RIGHTS.items()}


def _place(session: Session, target: Target, running: Rollout | None, offer: Offer | None, checks: Chip | None) -> Place:
    """`checks` is what they say of this target; None where they speak of another."""
    seen = chip(target)
    return Place(
        target=target,
        running=running,
        offer=offer,
        chip=seen,
        told=_told(target),
        holder=runs.busy(session, target),
        releases=releases.releases_of(session, target, limit=20),
        is_judged=checks is not None,
        is_urgent=running is not None and offer is not None and offer.proven and _is_troubled(running.release, seen, checks),
    )


def _is_troubled(release: Release, seen: Chip, checks: Chip | None) -> bool:
    """Whether anything speaks against what runs. A release that is not proven needs its checks to speak for it."""
    if release.standing == "suspect" or seen.mood == "bad":
        return True
    return checks is not None and checks.mood != "ok" and (checks.mood == "bad" or release.standing != "good")


def _told(target: Target) -> str:
    if target.observe_problem:
        return target.observe_problem
    stuck = [pod for pod in target.seen.get("pods", ()) if pod["mood"] == "bad"]
    if stuck:
        return f"{stuck[0]['name']}: {stuck[0]['state']}{', ' + stuck[0]['note'] if stuck[0]['note'] else ''}"
    return "The rollout is paused." if target.seen.get("paused") else ""


def _figure(check: Check, hour: Sequence[CheckReading], began: Sequence[datetime]) -> Figure:
    return draw(check, hour, marks=[moment for moment in began if hour and moment >= hour[0].at])
