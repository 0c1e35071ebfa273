"""Do the main job at the terminal: declare, note, plan, run, roll back. The same verbs as the pages."""

import json
import secrets
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from app.accounts.policy import P, Person
from app.cli.acting import acting, demand, named
from app.core.database import transaction
from app.core.embedded import reachable
from app.core.errors import Refused
from app.incidents import queries
from app.incidents.models import Incident

Slug = Annotated[str, typer.Argument(metavar="SERVICE", help="The service's slug, as `lastgood services` lists it.")]
Ref = Annotated[str, typer.Argument(metavar="INC-7", help="The incident, as INC-7 or 7.")]
As = Annotated[
    str, typer.Option("--as", metavar="EMAIL", help="Who acts: a user's address. LASTGOOD_USER does the same.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Environment = Annotated[str, typer.Option(help="Which target, where the service has several.", show_default="production")]
Version = Annotated[str, typer.Option(help="Roll back to this version instead of the last good one.", show_default=False)]
OfIncident = Annotated[str, typer.Option("--incident", metavar="INC-7", help="The incident that it belongs to.", show_default=False)]
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
    if not (digits.isascii() and digits.isdigit() and 0 < int(digits) < 2**31):
        raise Refused(f"“{ref}” names no incident. Nothing was done: write INC-42 or 42.")
    return int(digits)


def _incident(session: Session, ref: str, by: Person) -> Incident:
    number = _incident_id(ref)
    with named(f"INC-{number}"):
        return queries.get(session, number, reach=by.reach())


@incident.command()
def declare(
    title: Annotated[str, typer.Argument(help="What fails, in a few words.")],
    severity: Annotated[str, typer.Option(help="critical, high, medium or low.")] = "high",
    service: Annotated[list[str] | None, typer.Option(help="Slug of a service that is hit; may be repeated.")] = None,
    impact: Annotated[str, typer.Option(help="Who notices what, in words.", show_default=False)] = "",
    user: As = "",
    as_json: AsJson = False,
) -> None:
    """Open an incident."""
    from app.catalog import queries as catalog
    from app.incidents.states import Severity
    from app.response import declare as declaring

    if severity not in set(Severity):
        raise Refused(f"{severity} is no severity. Nothing was declared: say critical, high, medium or low.")
    with reachable(), transaction() as session:
        by = acting(session, user)
        ids = []
        for slug in service or ():
            with named(f"service “{slug}”"):
                ids.append(catalog.get_service(session, slug, reach=by.reach()).id)
        demand(by, P.DECLARE, *ids)
        made = declaring.declare(
            session,
            title=title,
            severity=Severity(severity),
            impact=impact,
            service_ids=tuple(ids),
            form_nonce=secrets.token_urlsafe(16),
            by=by,
        )
        _print(as_json, {"id": made.id, "ref": made.ref, "state": made.state}, f"{made.ref} is declared: {made.title}")


@incident.command()
def note(ref: Ref, text: Annotated[str, typer.Argument(help="Markdown.")], user: As = "", as_json: AsJson = False) -> None:
    """Add a note to an incident's timeline."""
    from app.incidents import timeline

    with reachable(), transaction() as session:
        by = acting(session, user)
        found = _incident(session, ref, by)
        demand(by, P.RESPOND, *queries.service_ids(session, found))
        entry = timeline.note(session, found, body=text, by=by)
        _print(as_json, {"id": entry.id, "incident": found.ref}, f"Noted on {found.ref}.")


@incident.command()
def show(
    ref: Ref, user: As = "", as_json: AsJson = False, lines: Annotated[int, typer.Option(min=0, help="Lines of the timeline.")] = 20
) -> None:
    """Show an incident and the newest lines of its timeline."""
    with reachable(), transaction() as session:
        by = acting(session, user)
        found = _incident(session, ref, by)
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
    service: Slug,
    kind: Annotated[str, typer.Option(help="rollback, restart, scale, scale_to_zero, scale_back or replace_broken_pods.")] = "rollback",
    environment: Environment = "",
    version: Version = "",
    replicas: Annotated[int | None, typer.Option(help="For kind scale.")] = None,
    incident_ref: OfIncident = "",
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
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=1, max=2**31 - 1, help="Of the run, or with --plan of the plan.")],
    here: Here = False,
    of_plan: Annotated[bool, typer.Option("--plan", help="The number is that of a plan: confirm it, then carry it out.")] = False,
    user: As = "",
    as_json: AsJson = False,
) -> None:
    """Follow a run to its end, or carry it out with --here; with --plan, confirm a plan first. Code 0 when it succeeded."""
    from app.cli import following, recovery

    with reachable():
        run_id = recovery.confirm(number, user=user) if of_plan else number
        following.follow(run_id, here=here, as_json=as_json)


def rollback(
    service: Slug,
    environment: Environment = "",
    version: Version = "",
    incident_ref: OfIncident = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before the start.")] = False,
    user: As = "",
    as_json: AsJson = False,
    here: Here = False,
) -> None:
    """Take a service back to its last good release: plan, confirm, run. Code 0 when it succeeded."""
    from app.cli import following, recovery

    if as_json and not yes:
        raise Refused("With --json nobody is asked. Nothing was planned: add --yes, or use `lastgood plan` and `lastgood run --plan`.")
    with reachable():
        wish = recovery.Wish(
            service, environment=environment, version=version, incident_id=_incident_id(incident_ref) if incident_ref else None
        )
        plan_id = recovery.ask(wish, user=user)
        recovery.resolve(plan_id, here=here)
        if not as_json:
            recovery.show_plan(plan_id, as_json=False)
        if not yes:
            typer.confirm("Start it?", abort=True)
        following.follow(recovery.confirm(plan_id, user=user), here=here, as_json=as_json)


def add_to(app: typer.Typer) -> None:
    app.add_typer(incident, name="incident")
    for command in (services, plan, run, rollback):
        app.command()(command)
