"""Ask for a plan: what a run would do. The runner resolves it against the live system (`resolving.py`)."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.audit import actions as audit
from app.catalog import looks
from app.catalog.models import Release, Service, Target
from app.core.database import Json
from app.core.errors import Refused
from app.incidents.models import Incident
from app.runs import history, locks
from app.runs.models import Plan, Run
from app.runs.recipes import KINDS
from app.runs.states import PlanState


def ask(
    session: Session,
    *,
    kind: str,
    service: Service,
    target: Target,
    by: Person,
    release: Release | None = None,
    incident: Incident | None = None,
    undoes: Run | None = None,
    retry_of: Run | None = None,
    request: Json | None = None,
    contract: Json | None = None,
) -> Plan:
    """A plan that is being resolved. Refused where the question itself makes no sense; what the target says comes later."""
    if kind not in KINDS:
        raise Refused(f"There is no plan of the kind {kind}. Nothing was changed.")
    if target.service_id != service.id or target.archived_at:
        raise Refused(f"{target.label} is not a target of {service.name} (any more). Choose a target on the service's page.")
    if kind == "rollback" and (release is None or release.target_id != target.id):
        raise Refused(f"Choose the release that {target.label} should go back to.", field="release_id")
    if kind == "undo" and undoes is None:
        raise Refused("An undo belongs to a run that has ended. Open that run and undo it there.")
    plan = Plan(
        kind=kind,
        service_id=service.id,
        target_id=target.id,
        release_id=release.id if release else None,
        incident_id=incident.id if incident else None,
        undoes_run_id=undoes.id if undoes else None,
        retry_of_id=retry_of.id if retry_of else None,
        request=request or {},
        contract=contract or {},
        made_by_id=by.id,
    )
    session.add(plan)
    session.flush()
    looks.ask(session, "plan.resolve", f"plan-{plan.id}", {})
    return plan


def set_contract(session: Session, plan: Plan, contract: Json, *, by: Person) -> None:
    """Agree on what counts as recovered. Refused once a run of this plan was asked for."""
    locks.lock(session, plan)
    if PlanState(plan.state) is PlanState.FAILED:
        raise Refused("This plan could not be made, so there is nothing to agree on. Make a new plan.")
    if run_id := session.scalar(select(Run.id).where(Run.plan_id == plan.id)):
        raise Refused(f"Run {run_id} was started with the checks as they were. They stay as agreed; verify by hand with others afterwards.")
    plan.contract = contract
    session.flush()
    checks = [check.get("name", "") for check in contract.get("checks", [])]
    audit.record(session, "plan.contract", f"plan-{plan.id}", actor=by.actor, actor_name=by.name, checks=checks)
    history.tell_plan(session, plan)
