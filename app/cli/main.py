"""`lastgood`: the commands, and the one place where a refusal becomes a line on the terminal."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.cli import operate, respond, start
from app.core.errors import Conflict, Forbidden, NotFound, Refused
from app.core.settings import settings
from app.core.supervisor import hold_on_to_parent


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lastgood {version('lastgood')}")
        raise typer.Exit


app = typer.Typer(
    name="lastgood",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def lastgood(
    _: Annotated[bool, typer.Option("--version", help="Print the version and leave.", is_eager=True, callback=_version)] = False,
) -> None:
    """Take production back to its last known good state, and prove it."""


for door in (start, operate, respond):
    door.add_to(app)


def run() -> None:
    """The entry point: a refusal is one sentence and code 1; anything unexpected is a traceback for a report."""
    hold_on_to_parent()
    try:
        app()
    except (Refused, NotFound, Forbidden) as refusal:
        link = f" See {settings().base_url}{refusal.link}" if isinstance(refusal, Conflict) and refusal.link else ""
        print(f"{refusal.sentence}{link}", file=sys.stderr)
        raise SystemExit(1) from None
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        why = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        print(f"The console's database does not answer: {why}", file=sys.stderr)
        print("A run that was under way goes on where it stopped. See `lastgood doctor`.", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    run()
