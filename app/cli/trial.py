"""`lastgood demo`: the console with a small real production that breaks shortly after it is up."""

import os
import threading
import time
from pathlib import Path

import typer

from app.cli.console import Console
from app.core.database import transaction
from app.core.errors import Refused
from app.core.settings import settings

BREAKS_AFTER_S = 30.0  # long enough to sign in and see that all is well, and for a baseline


def demo_folder() -> Path:
    """The demo's own state folder, beside the one of `up`: what is tried there touches nothing that is kept."""
    folder = settings().state_dir
    return folder.with_name(f"{folder.name}-demo")


class Trial(Console):
    """`up` on a state folder of its own, with the shop, its people and its story."""

    def __init__(self, *, breaks_after_s: float = BREAKS_AFTER_S) -> None:
        if settings().database_url:
            raise Refused(
                "The demo keeps to its own stores, and LASTGOOD_DATABASE_URL names a database. Nothing was started: unset it for the demo."
            )
        os.environ["LASTGOOD_STATE_DIR"] = str(demo_folder())
        os.environ.setdefault("LASTGOOD_OBSERVE_EVERY_S", "3")  # somebody is watching: look more often than production would
        settings.cache_clear()
        super().__init__()
        self._breaks_after_s = breaks_after_s
        self._breaks_at: float | None = None
        self._story: threading.Thread | None = None

    def prepare(self) -> None:
        from app.demo.production import Production

        self.production = Production(self.config.state_dir / "production")
        self.production.prepare()
        self.production.start()

    def greet(self) -> None:
        from app.demo import people, seed

        with transaction() as session:
            ways = seed.seed(session, self.production)
        typer.echo(f"\nLastgood runs at {self.config.base_url}    the demo shop at {self.production.url}")
        for line in people.as_lines(ways):
            typer.echo(line)
        typer.echo(self._what_to_try())
        self._breaks_at = time.monotonic() + self._breaks_after_s

    def tick(self) -> None:
        """The story's turn, in a thread of its own: a deploy takes seconds, and the processes are watched meanwhile."""
        if self._breaks_at is None or time.monotonic() < self._breaks_at:
            return
        self._breaks_at = None
        self._story = threading.Thread(target=self._break_it, name="story", daemon=True)
        self._story.start()

    def closing(self) -> None:
        if production := getattr(self, "production", None):
            production.stop()

    def _break_it(self) -> None:
        try:
            if self.production.break_it():
                typer.echo("The shop's team has just deployed v1.2.4. Watch the board.")
        except Refused as refusal:
            typer.echo(refusal.sentence)

    def _what_to_try(self) -> str:
        from app.demo.repository import BAD

        soon = "" if self.production.repository.commit_of(BAD) else f"in {self._breaks_after_s:.0f} s v1.2.4 of the shop goes out. "
        return (
            f"\nTry this: sign in as the commander and watch the board; {soon}Log-ins begin to fail.\n"
            "Declare the incident, roll back to v1.2.3, and see whether it recovers. Ctrl-C stops everything.\n"
        )
