"""Do the main job at the terminal: declare, note, plan, run, roll back. The same verbs as the pages."""

import json
import secrets
from typing import Annotated, Any

import typer

from app.accounts.policy import P
from app.cli.acting import acting, demand
from app.core.database import transaction
from app.core.embedded import reachable
from app.core.errors import Refused

As = Annotated[str, typer.Option("--as", help="Who acts: a user's e-mail address. LASTGOOD_USER does the same.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Here = Annotated[bool, typer.Option("--here", help="Carry it out in this terminal, without web, runner and Redis.")]

incident = typer.Typer(help="Declare an incident, add a note, show it.", no_args_is_help=True)


def _print(as_json: bool, shape: Any, *lines: str) -> None:
    if as_json:
        typer.echo(json.dumps(shape, indent=2, default=str))
    else:
        for line in lines:
            typer.echo(line)


def _incident_id(ref: str) -> int:
    digits = ref.upper().removeprefix("INC-")
    if not digits.isdigit():
        raise Refused(f"{ref} names no incident. Write INC-42 or 42.")
    return int(digits)


@incident.command()
def declare(
    title: str,
    severity: Annotated[str, typer.Option(help="critical, high, medium or low.")] = "high",
    service: Annotated[list[str] | None, typer.Option(help="Slug of a service that is hit; may be repeated.")] = None,
    impact: str = "",
    user: As = "",
    as_json: AsJson = False,
) -> None:
    """Open an incident."""
    from app.catalog import queries as catalog
    from app.incidents import actions
    from app.incidents.states import Severity

    if severity not in set(Severity):
        raise Refused(f"{severity} is no severity. Nothing was declared: say critical, high, medium or low.")
    with reachable(), transaction() as session:
        by = acting(session, user)
        ids = tuple(catalog.get_service(session, slug, reach=by.reach()).id for slug in service or [])
        demand(by, P.DECLARE, *ids)
        made = actions.declare(
            session,
            title=title,
            severity=Severity(severity),
            impact=impact,
            service_ids=ids,
            form_nonce=secrets.token_urlsafe(16),
            by=by,
        )
        _print(as_json, {"id": made.id, "ref": made.ref, "state": made.state}, f"{made.ref} is declared: {made.title}")


@incident.command()
def note(ref: str, text: str, user: As = "", as_json: AsJson = False) -> None:
    """Add a note to an incident's timeline."""
    from app.incidents import queries, timeline

    with reachable(), transaction() as session:
        by = acting(session, user)
        found = queries.get(session, _incident_id(ref), reach=by.reach())
        demand(by, P.RESPOND)
        entry = timeline.note(session, found, body=text, by=by)
        _print(as_json, {"id": entry.id, "incident": found.ref}, f"Noted on {found.ref}.")


@incident.command()
def show(ref: str, user: As = "", as_json: AsJson = False, lines: Annotated[int, typer.Option(help="Lines of the timeline.")] = 20) -> None:
    """Show an incident and the newest lines of its timeline."""
    from app.incidents import queries

    with reachable(), transaction() as session:
        by = acting(session, user)
        found = queries.get(session, _incident_id(ref), reach=by.reach())
        entries = queries.newest_entries(session, found, limit=lines)
        told = [{"at": entry.at, "who": entry.actor_name, "kind": entry.kind, "text": entry.body} for entry in entries]
        shape = {"ref": found.ref, "title": found.title, "severity": found.severity, "state": found.state, "timeline": told}
        head = f"{found.ref}  {found.severity}  {found.state}  {found.title}"
        _print(as_json, shape, head, *(f"{line['at']:%Y-%m-%d %H:%M:%SZ}  {line['who']}: {line['text']}" for line in told))


def services(user: As = "", as_json: AsJson = False) -> None:
    """List services, what runs on each target and what a rollback would lead to."""
    from app.catalog import queries, releases

    with reachable(), transaction() as session:
        by = acting(session, user)
        rows = []
        for service in queries.services(session, reach=by.reach()):
            for target in queries.targets_of(session, service):
                current, offer = releases.current(session, target), releases.offer(session, target)
                rows.append(
                    {
                        "service": service.slug,
                        "target": target.label,
                        "environment": target.environment,
                        "runs": current.release.version if current else None,
                        "last_good": offer.release.version if offer else None,
                        "proven": bool(offer and offer.proven),
                        "problem": target.observe_problem,
                    }
                )
        lines = [
            f"{row['service']:<20} {row['environment']:<12} {row['target']:<40} runs {row['runs'] or 'unknown'}, "
            f"last good {row['last_good'] or 'none'}{'' if row['proven'] or not row['last_good'] else ' (unproven)'}"
            for row in rows
        ]
        _print(as_json, rows, *(lines or ["No service is registered yet."]))


def plan(
    service: str,
    kind: Annotated[str, typer.Option(help="rollback, restart, scale, scale_to_zero or scale_back.")] = "rollback",
    environment: Annotated[str, typer.Option(help="Which target, where the service has several.")] = "production",
    version: Annotated[str, typer.Option(help="Roll back to this version instead of the last good one.")] = "",
    replicas: Annotated[int | None, typer.Option(help="For kind scale.")] = None,
    incident_ref: Annotated[str, typer.Option("--incident", help="The incident that it belongs to.")] = "",
    user: As = "",
    as_json: AsJson = False,
    here: Here = False,
) -> None:
    """Preview a recovery: what would change, resolved against the live system. Nothing is changed."""
    from app.cli import recovery

    with reachable():
        wish = recovery.Wish(service, kind, environment, version, replicas, _incident_id(incident_ref) if incident_ref else None)
        plan_id = recovery.ask(wish, user=user)
        recovery.resolve(plan_id, here=here)
        recovery.show_plan(plan_id, as_json=as_json)


def run(
    number: int,
    here: Here = False,
    of_plan: Annotated[bool, typer.Option("--plan", help="The number is that of a plan: confirm it, then carry it out.")] = False,
    user: As = "",
    as_json: AsJson = False,
) -> None:
    """Carry out or follow a run; with --plan, confirm a plan first."""
    from app.cli import recovery

    with reachable():
        run_id = recovery.confirm(number, user=user) if of_plan else number
        recovery.follow(run_id, here=here, as_json=as_json)


def rollback(
    service: str,
    environment: Annotated[str, typer.Option(help="Which target, where the service has several.")] = "production",
    version: Annotated[str, typer.Option(help="Roll back to this version instead of the last good one.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before the start.")] = False,
    user: As = "",
    here: Here = False,
) -> None:
    """Take a service back to its last good release: plan, confirm, run."""
    from app.cli import recovery

    with reachable():
        plan_id = recovery.ask(recovery.Wish(service, "rollback", environment, version, None, None), user=user)
        recovery.resolve(plan_id, here=here)
        recovery.show_plan(plan_id, as_json=False)
        if not yes:
            typer.confirm("Start it?", abort=True)
        recovery.follow(recovery.confirm(plan_id, user=user), here=here, as_json=False)


def add_to(app: typer.Typer) -> None:
    app.add_typer(incident, name="incident")
    for command in (services, plan, run, rollback):
        app.command()(command)
