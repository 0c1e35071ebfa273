"""The steps of a recovery at the terminal: ask for a plan, resolve it, show it, confirm it. `following` carries it out."""

import json
import secrets
import time
from dataclasses import dataclass

import typer
from sqlalchemy.orm import Session

from app.accounts.policy import SYSTEM, P
from app.catalog import queries as catalog
from app.catalog import releases
from app.catalog.models import Release, Service, Target
from app.cli.acting import acting, demand, named
from app.core.database import transaction
from app.core.errors import Refused
from app.incidents import queries as incidents
from app.response import recover
from app.runs import queries
from app.runs.states import PlanState

_PATIENCE_S = 30
MODES = ("", "commit", "deploy_only", "branch_only")


@dataclass(frozen=True)
class Wish:
    """What somebody asked for at the terminal."""

    service: str
    kind: str = "rollback"
    environment: str = ""
    version: str = ""
    replicas: int | None = None
    incident_id: int | None = None
    mode: str = ""
    replaces_broken_pods: bool = False

    def request(self) -> dict[str, object]:
        """What belongs to this kind alone. Refused where it is missing or belongs to another kind."""
        told: dict[str, tuple[str, object]] = {
            "replicas": ("scale", self.replicas),
            "mode": ("rollback", self.mode or None),
            "replace_broken_pods": ("rollback", self.replaces_broken_pods or None),
        }
        for name, (kind, value) in told.items():
            if value is not None and self.kind != kind:
                raise Refused(f"--{name.replace('_', '-')} belongs to the kind {kind}, and this is {self.kind}. Nothing was planned.")
        if self.kind == "scale" and self.replicas is None:
            raise Refused("Say how many replicas there should be, from 0 up: --replicas 3. Nothing was planned.")
        if self.mode not in MODES:
            raise Refused(f"{self.mode} is no mode. Nothing was planned: say {', '.join(filter(None, MODES))}.")
        return {name: value for name, (_, value) in told.items() if value is not None}


def ask(wish: Wish, *, user: str) -> int:
    """Make the plan's row. Refused where the service has no such target or has never run that version."""
    with transaction() as session:
        by = acting(session, user)
        with named(f"service “{wish.service}”"):
            service = catalog.get_service(session, wish.service, reach=by.reach())
        demand(by, P.PLAN, service.id)
        target = _target(session, service, wish.environment)
        release = _release(session, target, wish.version) if wish.version else None
        incident = None
        if wish.incident_id:
            with named(f"INC-{wish.incident_id}"):
                incident = incidents.get(session, wish.incident_id, reach=by.reach())
        asked = wish.request()
        return recover.preview(session, kind=wish.kind, target=target, release=release, incident=incident, request=asked, by=by).id


def _target(session: Session, service: Service, environment: str) -> Target:
    """The only target, or the only one in this environment; production where none is named."""
    targets = catalog.targets_of(session, service)
    if len(targets) == 1 and not environment:
        return targets[0]
    environment = environment or "production"
    found = [target for target in targets if target.environment == environment]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{target.environment}: {target.label}" for target in targets) or "none yet"
    many = "no target" if not found else f"{len(found)} targets"
    hint = "Use its page." if found else "Name one by --environment."
    raise Refused(f"{service.name} has {many} in {environment}; its targets: {known}. Nothing was planned. {hint}")


def _release(session: Session, target: Target, version: str) -> Release:
    seen = releases.releases_of(session, target)
    found = [release for release in seen if release.version == version]
    if len(found) == 1:
        return found[0]
    if found:
        raise Refused(f"{target.label} ran {len(found)} releases called {version}. Nothing was planned: choose one on the service's page.")
    known = ", ".join(release.version for release in seen[:5]) or "none"
    raise Refused(f"{version} was never seen on {target.label}. Nothing was planned. The newest seen: {known}.")


def resolve(plan_id: int, *, here: bool) -> None:
    """Wait until the runner has resolved the plan, or resolve it here."""
    if here:
        from app.worker.looks import answer_here

        answer_here("plan.resolve", f"plan-{plan_id}")
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        with transaction() as session:
            if queries.get_plan(session, plan_id, reach=SYSTEM.reach()).state != PlanState.RESOLVING:
                return
        time.sleep(0.1)
    raise Refused(f"The runner did not resolve plan {plan_id} in {_PATIENCE_S} s. Nothing was changed: try again with --here.")


def show_plan(plan_id: int, *, as_json: bool) -> None:
    """Print what would change. Refused with the plan's own sentence where it could not be made."""
    with transaction() as session:
        plan = queries.get_plan(session, plan_id, reach=SYSTEM.reach())
        if plan.state == PlanState.FAILED:
            raise Refused(f"Plan {plan.id} could not be made: {plan.problem}")
        if as_json:
            steps = [{"position": step.position, "action": step.action, "title": step.title, "shown": step.shown} for step in plan.steps]
            told = {name: getattr(plan, name) for name in ("id", "digest", "title", "kind", "is_destructive", "is_blocked", "expected_s")}
            typer.echo(json.dumps(told | {"steps": steps}, indent=2, default=str))
            return
        typer.echo(f"Plan {plan.id}: {plan.title}    {(plan.digest or '')[:12]}")
        for step in plan.steps:
            typer.echo(f"  {step.position}. {step.title}")
            for change in step.shown.get("changes", []):
                if change["now"] != change["after"]:
                    typer.echo(f"       {change['setting']}: {change['now'] or 'absent'} -> {change['after'] or 'absent'}")
            for warning in step.shown.get("warnings", []):
                typer.echo(f"     ! {warning['sentence']}")


def confirm(plan_id: int, *, user: str) -> int:
    """Confirm the plan as it was shown, and return the run's number."""
    with transaction() as session:
        by = acting(session, user)
        with named(f"plan {plan_id}"):
            plan = queries.get_plan(session, plan_id, reach=by.reach())
        demand(by, P.EXECUTE, plan.service_id)
        run = recover.start(session, plan, digest=plan.digest or "", nonce=secrets.token_urlsafe(16), by=by)
        return run.id
