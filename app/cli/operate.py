"""Look after the console: migrate it, give it keys, let the first administrator in, ask it how it is."""

import json

import typer

from app.core import sealing
from app.core.database import transaction
from app.core.embedded import reachable
from app.core.errors import Refused
from app.core.migrate import head
from app.core.migrate import upgrade as bring_up_to_date
from app.core.settings import reference
from app.core.settings import settings as current


def migrate(with_keys: bool = typer.Option(False, help="Also make the key pair, unless there is one.")) -> None:
    """Bring the database to this version's schema (as the owner: LASTGOOD_MIGRATION_DATABASE_URL)."""
    if with_keys:
        keys()
    with reachable():
        bring_up_to_date()
    typer.echo(f"The database is at revision {head()}.")


def keys() -> None:
    """Make the key pairs that seal credentials, unless they are there: one private half is the runner's, the other the notifier's."""
    try:
        sealing.make_all_keys()
    except OSError as error:
        raise Refused(f"The keys cannot be written: {error.filename}: {error.strerror}. Set LASTGOOD_KEY_FILE to another place.") from error
    for holder, private, public in (
        ("runner", current().private_key_path, current().public_key_path),
        ("notifier", current().notifier_private_key_path, current().notifier_public_key_path),
    ):
        typer.echo(f"Private key ({holder} only): {private}\nPublic key (web too): {public}")


def settings() -> None:
    """Print every setting with its default and meaning, as markdown (docs/settings.md)."""
    typer.echo(reference())


def setup_link() -> None:
    """Print a new one-time link for the first administrator, valid for 30 minutes."""
    from app.accounts import setup

    with reachable(), transaction() as session:
        link = setup.new_link(session)
    typer.echo(link)


def audit_verify() -> None:
    """Walk the audit log's chain of hashes and say whether anything was changed."""
    from app.audit.queries import verify

    with reachable(), transaction() as session:
        problem = verify(session)
    typer.echo(problem or "The audit log is whole.")
    raise typer.Exit(1 if problem else 0)


def alive() -> None:
    """Code 0 while a worker of this machine says that it lives: for the health checks of container platforms."""
    from app.cli.doctor import is_alive

    with reachable():
        lives = is_alive()
    raise typer.Exit(0 if lives else 1)


def doctor(as_json: bool = typer.Option(False, "--json", help="Print the findings as JSON.")) -> None:
    """Say in plain words what is reachable and what is not. Code 1 where something needs a hand."""
    from app.cli.doctor import examine

    findings = examine()
    if as_json:
        typer.echo(json.dumps([finding.__dict__ for finding in findings], indent=2))
    else:
        for finding in findings:
            typer.echo(f"{'ok  ' if finding.ok else 'LOOK'}  {finding.what}: {finding.sentence}")
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


def add_to(app: typer.Typer) -> None:
    for command in (migrate, keys, settings, setup_link, audit_verify, alive, doctor):
        app.command()(command)
