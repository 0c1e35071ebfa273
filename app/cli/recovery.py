"""The steps of a recovery at the terminal: ask for a plan, resolve it, show it, confirm it, follow the run."""

import json
import os
import secrets
import socket
import time
from dataclasses import dataclass

import typer

from app.accounts.policy import SYSTEM, P
from app.catalog import queries as catalog
from app.catalog import releases
from app.cli.acting import acting, demand
from app.core.database import transaction
from app.core.errors import Refused
from app.incidents import queries as incidents
from app.response import recover
from app.runs import queries
from app.runs.states import PlanState

_PATIENCE_S = 30


@dataclass(frozen=True)
class Wish:
    """What somebody asked for at the terminal."""

    service: str
    kind: str
    environment: str
    version: str
    replicas: int | None
    incident_id: int | None


def ask(wish: Wish, *, user: str) -> int:
    """Make the plan's row. Refused where the service has no such target or has never run that version."""
    with transaction() as session:
        by = acting(session, user)
        service = catalog.get_service(session, wish.service, reach=by.reach())
        demand(by, P.PLAN, service.id)
        targets = [target for target in catalog.targets_of(session, service) if target.environment == wish.environment]
        if len(targets) != 1:
            known = ", ".join(f"{t.environment}: {t.label}" for t in catalog.targets_of(session, service)) or "none"
            found = "no target" if not targets else f"{len(targets)} targets"
            raise Refused(f"{service.name} has {found} in {wish.environment}. Nothing was planned. It has {known}.")
        release = None
        if wish.version:
            release = next((r for r in releases.releases_of(session, targets[0]) if r.version == wish.version), None)
            if release is None:
                raise Refused(f"{wish.version} was never seen on {targets[0].label}. Nothing was planned: see the service's page.")
        incident = incidents.get(session, wish.incident_id, reach=by.reach()) if wish.incident_id else None
        request = {} if wish.replicas is None else {"replicas": wish.replicas}
        made = recover.preview(session, kind=wish.kind, target=targets[0], release=release, incident=incident, request=dict(request), by=by)
        return made.id


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
            steps = [{"title": step.title, "shown": step.shown} for step in plan.steps]
            typer.echo(json.dumps({"id": plan.id, "digest": plan.digest, "title": plan.title, "steps": steps}, indent=2, default=str))
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
        plan = queries.get_plan(session, plan_id, reach=by.reach())
        demand(by, P.EXECUTE, plan.service_id)
        run = recover.start(session, plan, digest=plan.digest or "", nonce=secrets.token_urlsafe(16), by=by)
        return run.id


def follow(run_id: int, *, here: bool, as_json: bool) -> None:
    """Carry the run out here, or watch it, until it has ended or asks for a person. Code 1 unless it succeeded."""
    if here:
        from app.runs.engine import execute

        execute(run_id, worker=f"terminal-{socket.gethostname()}-{os.getpid()}")
    said = ""
    while True:
        with transaction() as session:
            run = queries.get_run(session, run_id, reach=SYSTEM.reach())
            line = " ".join(part for part in (run.state, run.sentence, run.attention) if part)
            if line != said and not as_json:
                typer.echo(f"run {run.id}: {line}")
                said = line
            if run.is_over or run.state in {"needs_attention", "awaiting_approval", "draft"}:
                if as_json:
                    typer.echo(json.dumps({"id": run.id, "state": run.state, "sentence": run.sentence, "attention": run.attention}))
                raise typer.Exit(0 if run.state == "succeeded" else 1)
        time.sleep(0.2)
