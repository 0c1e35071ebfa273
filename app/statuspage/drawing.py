"""A picture as documents: the pages in HTML, and what `feeds` gives to programs. Every page stands alone and links to its neighbours by
relative addresses, so that the folder can be served by anything, anywhere."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.core.paths import TEMPLATES
from app.statuspage import feeds, sayings
from app.statuspage.assets import bundle
from app.statuspage.picture import SHOWN_PAST, Picture

NBSP = "\u00a0"
MARKS = {"ok": "ok", "work": "run", "warn": "warn", "bad": "bad"}
PROGRESS = {"investigating": "idle", "identified": "warn", "recovering": "run", "monitoring": "run", "resolved": "ok"}
WORK = {"scheduled": "idle", "in_progress": "run", "verifying": "run", "completed": "ok", "cancelled": "idle"}
STANDING = {"working": "ok", "maintenance": "run", "degraded": "warn", "partial": "warn", "outage": "bad"}

Address = Callable[[str], str]
Draw = Callable[[], bytes]


def documents(picture: Picture, address: Address | None = None) -> dict[str, Draw]:
    """Every document of the page by its name; each is drawn when it is called. `address` says where style and script lie."""
    at = address or in_folder
    found: dict[str, Draw] = {
        "index.html": lambda: html("index", picture, at),
        "history.html": lambda: html("history", picture, at),
        "status.json": lambda: feeds.as_json(picture),
        "feed.atom": lambda: feeds.atom(picture),
        "maintenance.ics": lambda: feeds.calendar(picture),
    }
    for event in [*picture.active, *picture.past]:
        found[f"incident-{event.ref}.html"] = partial(html, "incident", picture, at, event=event)
    for review in picture.reviews:
        found[f"review-{review.ref}.html"] = partial(html, "review", picture, at, review=review)
    return found


def html(name: str, picture: Picture, address: Address, *, extra: Mapping[str, Any] | None = None, **context: Any) -> bytes:
    """One page. `extra` is for the console, which puts a strip over a preview."""
    given = {
        "page": picture,
        "kind": sayings.kind(picture),
        "headline": sayings.headline(picture),
        "sentence": sayings.sentence(picture),
        "shown_past": SHOWN_PAST,
        "strip": None,
        "here": "",
    }
    text = _environment(address).get_template(f"public/{name}.html").render(given | context | dict(extra or {}))
    return text.encode()


def in_folder(name: str) -> str:
    """Where style, script and icons lie beside the files."""
    return bundle().addresses[name]


@lru_cache(maxsize=4)
def _environment(address: Address) -> Environment:
    """One for each place of style and script: macros see globals only."""
    made = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters.update(clock=clock, day=day, when=when, lasted=lasted, percent=percent, lines=lines, iso=iso)
    made.globals.update(marks=MARKS, progress=PROGRESS, works=WORK, standings=STANDING, static=address)
    return made


def clock(moment: datetime) -> str:
    """ "14:38 UTC"."""
    return moment.astimezone(UTC).strftime(f"%H:%M{NBSP}UTC")


def day(moment: datetime) -> str:
    """ "11 March 2026"."""
    return moment.astimezone(UTC).strftime("%-d %B %Y")


def when(moment: datetime) -> str:
    """ "Thursday 12 March, 14:39 UTC"."""
    return moment.astimezone(UTC).strftime(f"%A %-d %B, %H:%M{NBSP}UTC")


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def lasted(start: datetime, end: datetime) -> str:
    """ "38 min", "2 h 5 min", "3 d 2 h"."""
    minutes = max(1, round((end - start).total_seconds() / 60))
    if minutes < 60:
        return f"{minutes}{NBSP}min"
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}{NBSP}h" + (f" {rest}{NBSP}min" if rest else "")
    return f"{hours // 24}{NBSP}d" + (f" {hours % 24}{NBSP}h" if hours % 24 else "")


def percent(value: float) -> str:
    """ "99.95 %": rounded down, so that 100 % means all of it."""
    return f"{int(value * 100) / 100:g}{NBSP}%"


def lines(text: str) -> Markup:
    """Plain text as paragraphs. What people type for the public is text: markup in it stays text."""
    paragraphs = [part.strip() for part in text.replace("\r", "").split("\n\n")]
    breaks = Markup("<br>")
    return Markup("").join(Markup("<p>{}</p>").format(breaks.join(part.split("\n"))) for part in paragraphs if part)
