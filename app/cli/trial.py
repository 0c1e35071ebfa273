"""`lastgood demo`: the console with a small real production that breaks shortly after it is up."""

import os
import threading
import time
from pathlib import Path

import typer
from sqlalchemy.orm import Session

from app.cli.console import Console
from app.core.database import transaction
from app.core.errors import Refused
from app.core.settings import settings
from app.demo.cluster import ClusterProduction, Wish
from app.demo.people import SignIn, as_lines
from app.demo.production import Production
from app.demo.seed import seed


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
        os.environ.setdefault("LASTGOOD_OBSERVE_EVERY_S", "3")  # somebody is watching: look more often than production would
        settings.cache_clear()
        super().__init__()
        folder = self.config.state_dir / ("cluster" if wish else "production")
        self.production: Production | ClusterProduction = ClusterProduction(folder, wish) if wish else Production(folder)
        self._breaks_after_s = self.config.demo_breaks_after_s
        self._breaks_at: float | None = None

    def prepare(self) -> None:
        self.production.prepare()
        self.production.start()

    def greet(self) -> None:
        with transaction() as session:
            ways = self._seeded(session)
        typer.echo(f"\nLastgood runs at {self.config.base_url}    the demo shop: {self.production.url}")
        for line in as_lines(ways):
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
        self.production.stop()

    def _seeded(self, session: Session) -> list[SignIn]:
        if isinstance(self.production, ClusterProduction):
            return self.production.seed(session)
        return seed(session, self.production)

    def _break_it(self) -> None:
        try:
            if self.production.break_it():
                typer.echo("The shop's team has just deployed a new release. Watch the board.")
        except Refused as refusal:
            typer.echo(refusal.sentence)
