"""The survival kit: what to have at hand on the day the console is down. Whom to call, where the public looks, what to tick, what to type.

The page shows it as far as the reader may see; the notifier writes it whole into the state folder, where it lives on without us.
"""

import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.orm import Session

from app.accounts.policy import SYSTEM, Reach
from app.catalog import queries as catalog
from app.catalog import releases
from app.catalog.models import Contact, Link, Release, Service, Target
from app.checklists import queries as checklists
from app.checklists.phases import NAMES, ListPhase
from app.core.database import db_now, transaction
from app.core.paths import STATIC, TEMPLATES
from app.core.settings import settings
from app.notifications.values import stamp
from app.response import by_hand
from app.response.by_hand import Recipe
from app.statuspage import links
from app.statuspage import queries as pages

EVERY_S = 300.0
HTML, MARKDOWN = "survival-kit.html", "survival-kit.md"


@dataclass(frozen=True)
class Place:
    """A target: what ran there, where it can go back to, and the commands."""

    target: Target
    running: Release | None
    good: Release | None
    proven: bool
    recipes: Sequence[Recipe]


@dataclass(frozen=True)
class Chapter:
    """A service."""

    service: Service
    contacts: Sequence[Contact]
    links: Sequence[Link]
    places: Sequence[Place]


@dataclass(frozen=True)
class Kit:
    """Everything, as it was at `at`."""

    at: datetime
    console: str
    statuspages: Sequence[tuple[str, str]]  # name, address
    contacts: Sequence[Contact]
    chapters: Sequence[Chapter]
    lists: Sequence[tuple[str, str, Sequence[str]]]  # phase, name, items

    @property
    def when(self) -> str:
        return stamp(self.at)


def collect(session: Session, *, reach: Reach) -> Kit:
    """The kit as far as this reach goes."""
    services = catalog.services(session, reach=reach)
    targets = catalog.targets_on_services(session, services)
    running, offers = catalog.running_on(session, targets), releases.offers(session, targets)
    places: dict[int, list[Place]] = {}
    for target in targets:
        now, offer = running.get(target.id), offers.get(target.id)
        ran, good = (now.release if now else None), (offer.release if offer else None)
        recipes = by_hand.of_target(target, target.service.slug, ran, good)
        places.setdefault(target.service_id, []).append(Place(target, ran, good, bool(offer and offer.proven), recipes))
    return Kit(
        at=db_now(session),
        console=settings().base_url,
        statuspages=[(page.name, links.public_address(page)) for page in pages.pages(session, reach=reach)],
        contacts=catalog.company_contacts(session),
        chapters=[
            Chapter(one, catalog.contacts_of(session, one), catalog.links_of(session, one), places.get(one.id, ())) for one in services
        ],
        lists=_lists(session),
    )


def due() -> list[int]:
    """[0] where the files are missing or older than five minutes: for the notifier's hands."""
    written = written_at()
    return [0] if written is None or time.time() - written > EVERY_S else []


def carry(_: int) -> None:
    """Collect and write."""
    with transaction() as session:
        kit = collect(session, reach=SYSTEM.reach())
    write(kit)


def folder() -> Path:
    return settings().state_dir / "survival-kit"


def written_at() -> float | None:
    """When the files were written last, in seconds since 1970; None where this process sees none."""
    try:
        return min((folder() / name).stat().st_mtime for name in (HTML, MARKDOWN))
    except OSError:
        return None


def write(kit: Kit) -> None:
    """Put both files in place: whoever opens one sees the old or the new one, never half of it. Readable by us only: it names people."""
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, text in ((HTML, html(kit)), (MARKDOWN, markdown(kit))):
        fresh = folder() / f".{name}.{secrets.token_hex(4)}"
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(folder() / name)
        finally:
            fresh.unlink(missing_ok=True)


def html(kit: Kit) -> str:
    """One file that needs no other."""
    style = (STATIC / "css" / "paper.css").read_text()
    return _environment().get_template("survival/paper.html").render(kit=kit, style=style)


def markdown(kit: Kit) -> str:
    """The same for a terminal or a wiki."""
    return _environment(escaped=False).get_template("survival/paper.md").render(kit=kit)


def _environment(*, escaped: bool = True) -> Environment:
    loader = FileSystemLoader(TEMPLATES)
    return Environment(loader=loader, autoescape=escaped, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - markdown


def _lists(session: Session) -> list[tuple[str, str, Sequence[str]]]:
    found = checklists.templates(session)
    return [(NAMES[ListPhase(one.phase)], version.name, [str(item["text"]) for item in version.items]) for one, version in found]
