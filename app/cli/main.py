"""`lastgood`: the commands, and the one place where a refusal becomes a line on the terminal."""

import sys

import typer

from app.cli import operate, respond, start
from app.core.errors import Conflict, Forbidden, NotFound, Refused
from app.core.supervisor import hold_on_to_parent

app = typer.Typer(
    name="lastgood",
    help="Take production back to its last known good state, and prove it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for door in (start, operate, respond):
    door.add_to(app)


def run() -> None:
    """The entry point: a refusal is one sentence and code 1; anything unexpected is a traceback for a report."""
    hold_on_to_parent()
    try:
        app()
    except (Refused, NotFound, Forbidden) as refusal:
        link = f" See {refusal.link}" if isinstance(refusal, Conflict) and refusal.link else ""
        print(f"{refusal.sentence}{link}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    run()
