"""`lastgood demo`: the console with a small real production that breaks shortly after it is up."""

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from app.cli.console import Console
from app.core.database import transaction
from app.core.errors import Refused
from app.core.settings import settings
from app.demo.wish import Wish

if TYPE_CHECKING:
    from app.demo.cluster import ClusterProduction
    from app.demo.production import Production


def demo_folder() -> Path:
    """The demo's own state folder, beside the one of `up`: what is tried there touches nothing that is kept."""
    folder = settings().state_dir
    return folder.with_name(f"{folder.name}-demo")


class Trial(Console):
    """`up` on a state folder of its own, with the shop, its people and its story: on this machine, or on a cluster where one is named."""

    def __init__(self, *, wish: Wish | None = None) -> None:
        if settings().database_url:
            raise Refused("The demo keeps to its own stores, and LASTGOOD_DATABASE_URL names a database. Nothing was started: unset it.")
        os.environ["LASTGOOD_STATE_DIR"] = str(demo_folder())
        os.environ.setdefault("LASTGOOD_DRILL_ENVIRONMENTS", "production,drill,staging")  # its production is there to be practised on
        os.environ.setdefault("LASTGOOD_OBSERVE_EVERY_S", "3")  # somebody is watching: look more often than production would
        settings.cache_clear()
        super().__init__()
        self._wish = wish
        self.production: Production | ClusterProduction | None = None
        self._breaks_after_s = self.config.demo_breaks_after_s
        self._breaks_at: float | None = None

    def prepare(self) -> None:
        from app.demo import stage  # heavy, and imported while web gets ready beside us

        self.production = stage.production(self.config.state_dir, self._wish)
        self.production.prepare()
        self.production.start()

    def greet(self) -> None:
        from app.demo import stage

        assert self.production  # noqa: S101 - prepare() made it
        with transaction() as session:
            ways = stage.seeded(session, self.production)
        typer.echo(f"\nLastgood runs at {self.config.base_url}    the demo shop: {self.production.url}")
        for line in stage.as_lines(ways):
            typer.echo(line)
        soon = "" if self.production.is_broken else f"in {self._breaks_after_s:.0f} s a release of the shop goes out that breaks it. "
        typer.echo(f"\nTry this: sign in as the commander and watch the board; {soon}Declare the incident, roll back,")
        typer.echo("and see whether it recovers. Ctrl-C stops everything.\n")
        self._breaks_at = time.monotonic() + self._breaks_after_s

    def tick(self) -> None:
        """The story's turn, in a thread of its own: a deploy takes seconds, and the processes are watched meanwhile."""
        if self._breaks_at is not None and time.monotonic() >= self._breaks_at:
            self._breaks_at = None
            threading.Thread(target=self._break_it, name="story", daemon=True).start()

    def closing(self) -> None:
        if self.production:
            self.production.stop()

    def _break_it(self) -> None:
        try:
            if self.production and self.production.break_it():
                typer.echo("The shop's team has just deployed a new release. Watch the board.")
        except Refused as refusal:
            typer.echo(refusal.sentence)
