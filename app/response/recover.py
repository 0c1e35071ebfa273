"""Take a service back: the preview, the start, and the proof. What the pages, the API and the CLI do."""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.catalog import queries as catalog
from app.catalog import releases
from app.catalog.models import Release, Service, Target
from app.core.errors import Refused
from app.incidents import actions as incidents
from app.incidents import affected, queries
from app.incidents.models import Incident, IncidentService
from app.incidents.states import OPEN, PHASES, State
from app.response import declare as declaring
from app.runs import actions as runs
from app.runs import plans
from app.runs.models import Plan, Run
from app.verification import actions as verification
from app.verification import contracts
from app.verification.models import Verification


def preview(
    session: Session,
    *,
    kind: str,
    target: Target,
    by: Person,
    release: Release | None = None,
    incident: Incident | None = None,
    request: dict[str, object] | None = None,
) -> Plan:
    """Ask for a plan of this recovery. Without a release a rollback leads to the last good one; Refused where there is none."""
    service = session.get_one(Service, target.service_id)
    if target.archived_at:
        raise Refused(f"{target.label} was removed from {service.name}. Nothing was planned: choose another target.")
    if kind == "rollback" and release is None:
        offer = releases.offer(session, target)
        if offer is None:
            raise Refused(
                f"Nothing else than what runs now has been seen on {target.label}, so there is nothing to go back to. "
                "Nothing was planned: import its history or fix forward."
            )
        release = offer.release
    contract = contracts.default(session, service, target=target)
    incident = incident or _the_open_one(session, service, by=by)
    return plans.ask(
        session,
        kind=kind,
        service=service,
        target=target,
        release=release,
        incident=incident,
        request=request or {},
        contract=contract,
        by=by,
    )


def start(session: Session, plan: Plan, *, digest: str, nonce: str, by: Person, instead_of: Run | None = None) -> Run:
    """Confirm a plan. A plan without an incident joins the one that is open about its service, else declares one on the way,
    so that there is a timeline to write to.

    `instead_of` is the run that holds the target: it is cancelled, and this one starts when it has ended.
    The incident is told what is suspected (the release that is replaced) and moves to recovering where it stood earlier.
    """
    already = session.scalar(select(Run).where(Run.idempotency_key == nonce))
    if already:
        return runs.request(session, plan, digest=digest, nonce=nonce, by=by)
    service = session.get_one(Service, plan.service_id)
    target = session.get_one(Target, plan.target_id)
    if plan.incident_id is None and (known := _the_open_one(session, service, by=by)):
        plan.incident_id = known.id
    if plan.incident_id:
        # the incident before the audit log's head, in the order of every other verb: else two of them could wait for each other
        session.refresh(session.get_one(Incident, plan.incident_id), with_for_update=True)
    else:
        title = _title(session, plan, service)
        plan.incident_id = declaring.declare(session, title=title, form_nonce=f"plan-{plan.id}", service_ids=(service.id,), by=by).id
        session.flush()
    if instead_of:
        run = runs.cancel_and_start(session, instead_of, plan, digest=digest, nonce=nonce, by=by)
    else:
        run = runs.request(session, plan, digest=digest, nonce=nonce, by=by)
    incident = session.get_one(Incident, plan.incident_id)
    if plan.kind == "rollback":
        _suspect(session, incident, target, leading_to=plan.release_id, by=by)
    if State(incident.state) in PHASES[:3] and run.state == "queued":
        incidents.move(session, incident, State.RECOVERING, by=by)
    return run


def _the_open_one(session: Session, service: Service, *, by: Person) -> Incident | None:
    """What is going on with the service, where that is one incident and this person may see it. A drill is not the real thing."""
    about = exists().where(IncidentService.incident_id == Incident.id, IncidentService.service_id == service.id)
    is_open = (Incident.state.in_(sorted(OPEN)), Incident.is_drill.is_(False), about, queries.visible(by.reach()))
    found = session.scalars(select(Incident).where(*is_open).limit(2)).all()
    return found[0] if len(found) == 1 else None


def _title(session: Session, plan: Plan, service: Service) -> str:
    """What an incident that is declared on the way is called: what somebody had to do, since nobody has said yet what failed."""
    release = session.get(Release, plan.release_id) if plan.release_id else None
    done = {
        "rollback": f"had to go back to {release.version}" if release else "had to go back",
        "undo": "had to take a recovery back",
        "restart": "had to be restarted",
        "replace_broken_pods": "had broken pods replaced",
    }.get(plan.kind, "had to be scaled")
    return f"{service.name} {done}"[:200]


def _suspect(session: Session, incident: Incident, target: Target, *, leading_to: int | None, by: Person) -> None:
    """What runs now is what is being left: the incident names it, and it stops being offered as good."""
    current = releases.current(session, target)
    if current is not None and current.release_id != leading_to:
        service, release = session.get_one(Service, target.service_id), session.get_one(Release, current.release_id)
        affected.suspect(session, incident, service, release, by=by)


def verify(session: Session, service: Service, *, by: Person, incident: Incident | None = None) -> Verification:
    """Watch the service's checks by hand: after a fix forward, or to be sure. Refused where it has no checks."""
    targets = catalog.targets_of(session, service)
    contract = contracts.default(session, service, target=targets[0] if targets else None)
    if not contract["checks"]:
        raise Refused(f"{service.name} has no checks, so nothing can be proven. Add a check on its page, then verify.")
    return verification.start(session, service=service, contract=contract, incident=incident, by=by)
