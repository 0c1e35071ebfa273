"""Do the main job at the terminal: declare, note, plan, run, roll back. The same verbs as the pages."""

import json
import secrets
from datetime import UTC, datetime
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
Began = Annotated[str, typer.Option(metavar="TIME", help="When it began, as 2026-11-24T14:02; UTC unless it says otherwise.")]
At = Annotated[str, typer.Option(metavar="TIME", help="When it happened, as 2026-11-24T14:02; now where it is left out.")]
Mode = Annotated[str, typer.Option(help="For a rollback in Git: commit (the default), deploy_only or branch_only.", show_default=False)]
BrokenPods = Annotated[bool, typer.Option("--replace-broken-pods", help="For a rollback of a stateful set that its broken pods hold up.")]
TROUBLE = "critical_bug, degradation, data_corruption, vulnerability or high_error_rate."
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


def _service_id(session: Session, slug: str, by: Person) -> int:
    from app.catalog import queries as catalog

    with named(f"service “{slug}”"):
        return catalog.get_service(session, slug, reach=by.reach()).id


def _moment(text: str, option: str) -> datetime | None:
    """A moment in UTC; None where none was given."""
    try:
        at = datetime.fromisoformat(text) if text else None
        return at and (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(f"“{text}” is not a time like 2026-11-24T14:02. Nothing was done: correct {option}, or leave it out.") from None


@incident.command()
def declare(
    title: Annotated[str, typer.Argument(help="What fails, in a few words.")],
    severity: Annotated[str, typer.Option(help="critical, high, medium or low.")] = "high",
    service: Annotated[list[str] | None, typer.Option(help="Slug of a service that is hit; may be repeated.")] = None,
    trouble: Annotated[str, typer.Option(help=TROUBLE, show_default=False)] = "",
    impact: Annotated[str, typer.Option(help="Who notices what, in words.", show_default=False)] = "",
    percent: Annotated[float | None, typer.Option(help="Share of users that notice it, 0 to 100.", show_default=False)] = None,
    began: Began = "",
    drill: Annotated[bool, typer.Option("--drill", help="It is a rehearsal.")] = False,
    command: Annotated[bool, typer.Option("--command", help="Whoever declares it commands it.")] = False,
    user: As = "",
    as_json: AsJson = False,
) -> None:
    """Open an incident."""
    from app.incidents.states import Severity
    from app.response import declare as declaring

    if severity not in set(Severity):
        raise Refused(f"{severity} is no severity. Nothing was declared: say critical, high, medium or low.")
    with reachable(), transaction() as session:
        by = acting(session, user)
        ids = [_service_id(session, slug, by) for slug in service or ()]
        demand(by, P.DECLARE, *ids)
        made = declaring.declare(
            session,
            title=title,
            severity=Severity(severity),
            trouble=trouble,
            impact=impact,
            affected_percent=percent,
            began_at=_moment(began, "--began"),
            is_drill=drill,
            takes_command=command,
            service_ids=tuple(ids),
            form_nonce=secrets.token_urlsafe(16),
            by=by,
        )
        shape = {"id": made.id, "ref": made.ref, "title": made.title, "severity": made.severity, "state": made.state}
        _print(as_json, shape, f"{made.ref} is declared: {made.title}")


@incident.command()
def note(ref: Ref, text: Annotated[str, typer.Argument(help="Markdown.")], at: At = "", user: As = "", as_json: AsJson = False) -> None:
    """Add a note to an incident's timeline."""
    from app.incidents import timeline

    with reachable(), transaction() as session:
        by = acting(session, user)
        found = _incident(session, ref, by)
        demand(by, P.RESPOND, *queries.service_ids(session, found))
        entry = timeline.note(session, found, body=text, at=_moment(at, "--at"), by=by)
        _print(as_json, {"id": entry.id, "incident": found.ref, "at": entry.at}, f"Noted on {found.ref}.")


@incident.command()
def show(
    ref: Ref, user: As = "", as_json: AsJson = False, lines: Annotated[int, typer.Option(min=0, help="Lines of the timeline.")] = 20
) -> None:
    """Show an incident and the newest lines of its timeline."""
    with reachable(), transaction() as session:
        by = acting(session, user)
        found = queries.shown(session, _incident(session, ref, by))
        entries = queries.newest_entries(session, found, limit=lines)
        told = [{"at": entry.at, "who": entry.actor_name, "kind": entry.kind, "text": entry.body} for entry in entries]
        names = (
            "id",
            "ref",
            "title",
            "severity",
            "state",
            "impact",
            "affected_percent",
            "began_at",
            "declared_at",
            "resolved_at",
            "is_drill",
        )
        touched = [one.service.slug for one in found.services]
        holders = {one.role: one.user.name for one in found.roles}
        shape = {name: getattr(found, name) for name in names} | {"services": touched, "roles": holders, "timeline": told}
        head = [f"{found.ref}  {found.severity}  {found.state}  {found.title}"]
        head += [f"services: {', '.join(touched)}"] if touched else []
        head += [", ".join(f"{role}: {name}" for role, name in holders.items())] if holders else []
        _print(as_json, shape, *head, *(f"{line['at']:%Y-%m-%d %H:%M:%SZ}  {line['who']}: {line['text']}" for line in told))


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
    replicas: Annotated[int | None, typer.Option(min=0, max=10_000, help="For kind scale.")] = None,
    mode: Mode = "",
    replace_broken_pods: BrokenPods = False,
    incident_ref: OfIncident = "",
    user: As = "",
    as_json: AsJson = False,
    here: Here = False,
) -> None:
    """Preview a recovery: what would change, resolved against the live system. Nothing is changed."""
    from app.cli import recovery

    with reachable():
        number = _incident_id(incident_ref) if incident_ref else None
        wish = recovery.Wish(service, kind, environment, version, replicas, number, mode, replace_broken_pods)
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
