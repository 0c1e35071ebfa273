"""What starts and ends a verification. What it finds is written by `rounds`."""

import logging
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.accounts.policy import SYSTEM, Person
from app.audit import actions as audit
from app.catalog import queries as catalog
from app.catalog import releases
from app.catalog.models import Release, Service, Target
from app.core import live, queue
from app.core.clock import now
from app.core.database import Json
from app.core.errors import Refused
from app.incidents import actions as incidents
from app.incidents import timeline
from app.incidents.models import Incident
from app.incidents.states import PHASES, State
from app.runs.models import Plan, Run, Step
from app.runs.states import RunState
from app.verification import contracts
from app.verification.models import Verification, WatchedCheck

log = logging.getLogger(__name__)
_TOO_LATE = timedelta(hours=1)  # a run that ended earlier and was never watched says nothing about now


def start(
    session: Session,
    *,
    service: Service,
    contract: Json,
    by: Person,
    run: Run | None = None,
    incident: Incident | None = None,
    expected: Json | None = None,
) -> Verification:
    """Begin to watch. A run is watched once, and by hand a service once at a time: asking again gives the one that there is.

    Older watches of the service end: what they would prove is gone. The incident moves to verifying where it stood earlier.
    Refused where no check counts.
    """
    if not any(check.get("required") for check in contract.get("checks", [])):
        raise Refused(f"No check of {service.name} counts, so nothing can be proven and nothing was started. Add a check on its page.")
    # Two at once: the second waits for the service's row, then finds what the first one made.
    session.execute(select(Service.id).where(Service.id == service.id).with_for_update(key_share=True))
    if there := _there(session, service, run):
        return there
    _end_older(session, service, run, by=by)
    verification = _made(session, service=service, contract=contract, by=by, run=run, incident=incident, expected=expected)
    if incident:
        if State(incident.state) in PHASES[:4]:
            incidents.move(session, incident, State.VERIFYING, by=by)
        line = f"began to verify {service.name}: {contracts.summary(contract)}"
        refs: dict[str, Any] = {"verification": verification.id} | ({"run": run.id} if run else {})
        timeline.record(session, incident, line, kind="verification", by=by, **refs)
    detail = {"service": service.slug, "run": run.id if run else None}
    audit.record(session, "verification.start", f"verification-{verification.id}", actor=by.actor, actor_name=by.name, **detail)
    tell(session, verification)
    queue.ring(session, "verifications.advance", verification.id)
    return verification


def start_due(session: Session, *, limit: int = 20) -> list[Verification]:
    """Begin to watch every run that succeeded lately, has a contract and is not watched yet. One that cannot be stops no other."""
    query = (
        select(Run, Plan, Service)
        .join(Plan, Plan.id == Run.plan_id)
        .join(Service, Service.id == Run.service_id)
        .where(Run.state == RunState.SUCCEEDED, Run.ended_at > func.now() - _TOO_LATE)
        .where(Plan.kind != "scale_to_zero")  # nothing runs then, and no check of it could pass
        .where(Plan.contract.contains({"checks": [{"required": True}]}))
        .where(~exists().where(Verification.run_id == Run.id))
        .order_by(Run.id)
        .limit(limit)
    )
    begun = []
    for run, plan, service in session.execute(query).all():
        incident = session.get(Incident, run.incident_id) if run.incident_id else None
        try:
            with session.begin_nested():
                begun.append(start(session, service=service, contract=plan.contract, run=run, incident=incident, by=SYSTEM))
        except Refused as error:
            log.warning("run %s is not verified: %s", run.id, error.sentence)
    return begun


def cancel(session: Session, verification: Verification, *, by: Person) -> None:
    """Stop watching, without a verdict. Ended already: nothing happens."""
    session.refresh(verification, ["state"], with_for_update=True)
    if verification.state == "watching":
        _cancel(session, verification, f"Stopped by {by.name}, without a verdict.", by=by)


def _there(session: Session, service: Service, run: Run | None) -> Verification | None:
    if run:
        return session.scalar(select(Verification).where(Verification.run_id == run.id))
    query = select(Verification).where(
        Verification.service_id == service.id, Verification.run_id.is_(None), Verification.state == "watching"
    )
    return session.scalars(query.limit(1)).first()


def _end_older(session: Session, service: Service, run: Run | None, *, by: Person) -> None:
    query = select(Verification).where(Verification.service_id == service.id, Verification.state == "watching").with_for_update()
    for older in session.scalars(query):
        newer = f"run {run.id}" if run else "a verification by hand"
        _cancel(session, older, f"Ended without a verdict: {newer} took over from here.", by=by)


def _cancel(session: Session, verification: Verification, sentence: str, *, by: Person) -> None:
    verification.state, verification.ended_at, verification.lease_until = "canceled", now(), None
    verification.sentence = sentence
    session.flush()
    if verification.incident_id:
        incident = session.get_one(Incident, verification.incident_id)
        line = "stopped the verification, without a verdict"
        timeline.record(session, incident, line, kind="verification", by=by, verification=verification.id)
    audit.record(session, "verification.cancel", f"verification-{verification.id}", actor=by.actor, actor_name=by.name)
    tell(session, verification)


def _made(
    session: Session, *, service: Service, contract: Json, by: Person, run: Run | None, incident: Incident | None, expected: Json | None
) -> Verification:
    began = (run.ended_at if run else None) or now()
    facts: Json = {
        "service_id": service.id,
        "incident_id": incident.id if incident else None,
        "run_id": run.id if run else None,
        "asked_by_id": (run.requested_by_id if run else by.id) or None,
        "contract": contract,
        "expected": expected if expected is not None else _expected(session, service, run),
        "sentence": "The first reading is under way.",
        "began_at": began,
        "acted_at": _acted_at(session, run),
        "deadline_at": began + timedelta(seconds=contract["deadline_s"]),
    }
    verification_id = session.scalars(insert(Verification).values(**facts).returning(Verification.id)).one()
    session.add_all(
        WatchedCheck(
            verification_id=verification_id,
            position=position,
            kind=check["kind"],
            name=check["name"],
            config=check["config"],
            required=bool(check.get("required")),
        )
        for position, check in enumerate(contract["checks"])
    )
    session.flush()
    return session.get_one(Verification, verification_id)


def _acted_at(session: Session, run: Run | None) -> datetime | None:
    """When the first effect of the run began: the first mark on the charts."""
    return session.scalar(select(func.min(Step.intent_at)).where(Step.run_id == run.id)) if run else None


def _expected(session: Session, service: Service, run: Run | None) -> Json:
    """What should run: the release that the run led to, or what is known to run."""
    plan = session.get_one(Plan, run.plan_id) if run else None
    targets = catalog.targets_of(session, service)
    target = session.get_one(Target, plan.target_id) if plan else next(iter(targets), None)
    if target is None:
        return {}
    if plan and plan.release_id:
        return _release(target, session.get_one(Release, plan.release_id))
    current = releases.current(session, target)
    return _release(target, current.release) if current else {"target_id": target.id}


def _release(target: Target, release: Release) -> Json:
    return {"version": release.version, "image_ids": release.facts.get("image_ids", []), "target_id": target.id}


def tell(session: Session, verification: Verification) -> None:
    """Announce a verification that began or ended wherever it is shown."""
    names = [f"verification-{verification.id}", f"service-{verification.service_id}", "board"]
    names += [f"incident-{verification.incident_id}"] if verification.incident_id else []
    names += [f"run-{verification.run_id}"] if verification.run_id else []
    live.tell(session, *names)
