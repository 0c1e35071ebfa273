"""The timeline as it is read: filtered, paged by key, with noise folded and every version of a note."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import ColumnElement, Select, select, tuple_
from sqlalchemy.orm import Session, aliased

from app.core.errors import NotFound
from app.incidents import queries
from app.incidents.models import Incident, TimelineEntry

KINDS = (
    "note",
    "state",
    "role",
    "facts",
    "plan",
    "run",
    "verification",
    "release",
    "checklist",
    "notice",
    "review",
    "drill",
    "page",
    "alert",
    "system",
)
Key = tuple[datetime, int]
_PLACE = tuple_(TimelineEntry.at, TimelineEntry.id)
_NEWEST_FIRST = (TimelineEntry.at.desc(), TimelineEntry.id.desc())
_OLDEST_FIRST = (TimelineEntry.at, TimelineEntry.id)


@dataclass(frozen=True)
class Filter:
    """Which lines are shown: of these kinds, by people or by the system, by one person. Empty means all."""

    kinds: frozenset[str] = frozenset()
    who: str = ""  # people | system
    person_id: int | None = None

    @property
    def is_empty(self) -> bool:
        return self == Filter()


@dataclass(frozen=True)
class Page:
    """A stretch of the timeline, newest first. `older` and `newer` are the keys of its ends, None where nothing lies beyond."""

    entries: Sequence[TimelineEntry]
    older: Key | None
    newer: Key | None


@dataclass(frozen=True)
class Fold:
    """System lines in a row, newest first: one line on the page until somebody opens it."""

    entries: Sequence[TimelineEntry]

    @property
    def newest(self) -> TimelineEntry:
        return self.entries[0]

    @property
    def oldest(self) -> TimelineEntry:
        return self.entries[-1]


def page(
    session: Session,
    incident: Incident,
    *,
    only: Filter | None = None,
    before: Key | None = None,
    after: Key | None = None,
    limit: int = 100,
) -> Page:
    """The lines before a key, or after one, or the newest ones. One line more than shown is read, to know whether there are others."""
    lines = _lines(incident).where(*_wanted(only or Filter()))
    if after:
        rows = list(reversed(session.scalars(lines.where(after < _PLACE).order_by(*_OLDEST_FIRST).limit(limit + 1)).all()))
        return Page(rows[-limit:], older=_key(rows[-1]) if rows else after, newer=_key(rows[-limit]) if len(rows) > limit else None)
    rows = list(session.scalars((lines.where(before > _PLACE) if before else lines).order_by(*_NEWEST_FIRST).limit(limit + 1)))
    return Page(rows[:limit], older=_key(rows[limit - 1]) if len(rows) > limit else None, newer=_key(rows[0]) if before and rows else None)


def page_around(session: Session, incident: Incident, entry_id: int, *, limit: int = 100) -> Page:
    """The page that holds one line (in its newest version), a quarter of the page above it. NotFound where there is no such line."""
    entry = _newest_version(session, get_entry(session, incident, entry_id))
    above = session.scalars(_lines(incident).where(_key(entry) < _PLACE).order_by(*_OLDEST_FIRST).limit(limit // 4 + 1)).all()
    top = _key(above[limit // 4]) if len(above) > limit // 4 else None
    return page(session, incident, before=top, limit=limit)


def versions(session: Session, entries: Iterable[TimelineEntry]) -> dict[int, list[TimelineEntry]]:
    """The older versions of edited notes, newest first, by the id of the version that stands. One query for all."""
    edited = [entry.id for entry in entries if entry.version > 1]
    if not edited:
        return {}
    chain = (
        select(TimelineEntry.id, TimelineEntry.replaces_id, TimelineEntry.id.label("stands"))
        .where(TimelineEntry.id.in_(edited))
        .cte(recursive=True)
    )
    older = aliased(TimelineEntry)
    chain = chain.union_all(select(older.id, older.replaces_id, chain.c.stands).where(older.id == chain.c.replaces_id))
    query = select(chain.c.stands, TimelineEntry).join(TimelineEntry, TimelineEntry.id == chain.c.id).where(chain.c.id != chain.c.stands)
    found: dict[int, list[TimelineEntry]] = {}
    for stands, entry in session.execute(query.order_by(TimelineEntry.version.desc())):
        found.setdefault(stands, []).append(entry)
    return found


def get_entry(session: Session, incident: Incident, entry_id: int) -> TimelineEntry:
    """One line of this incident. NotFound for another's."""
    entry = session.scalar(select(TimelineEntry).where(TimelineEntry.id == entry_id, TimelineEntry.incident_id == incident.id))
    if entry is None:
        raise NotFound
    return entry


def writers(session: Session, incident: Incident) -> list[tuple[int, str]]:
    """Who wrote the newest thousand lines: (id, name), by name."""
    newest = select(TimelineEntry.actor_id, TimelineEntry.actor_name).where(TimelineEntry.incident_id == incident.id)
    lately = newest.order_by(*_NEWEST_FIRST).limit(1000).subquery()
    query = select(lately.c.actor_id, lately.c.actor_name).where(lately.c.actor_id.is_not(None)).distinct()
    return sorted(((row.actor_id, row.actor_name) for row in session.execute(query)), key=lambda one: one[1])


def fold(entries: Iterable[TimelineEntry]) -> Iterator[TimelineEntry | Fold]:
    """Lines as the page draws them: two or more in a row that are noise become one fold.

    What the system says of a run or a verification is no noise: people wait for it. Ticks are, whoever ticked.
    """
    for noise, run in groupby(entries, key=_is_noise):
        lines = list(run)
        if noise and len(lines) > 1:
            yield Fold(lines)
        else:
            yield from lines


def _is_noise(entry: TimelineEntry) -> bool:
    return (entry.is_system and entry.kind not in {"run", "verification"}) or "ticks" in entry.refs


def _key(entry: TimelineEntry) -> Key:
    return entry.at, entry.id


def _lines(incident: Incident) -> Select[TimelineEntry]:
    return queries.standing().where(TimelineEntry.incident_id == incident.id)


def _newest_version(session: Session, entry: TimelineEntry) -> TimelineEntry:
    while newer := session.scalar(select(TimelineEntry).where(TimelineEntry.replaces_id == entry.id)):
        entry = newer
    return entry


def _wanted(only: Filter) -> Iterator[ColumnElement[bool]]:
    if only.kinds:
        yield TimelineEntry.kind.in_(sorted(only.kinds))
    if only.who:
        yield TimelineEntry.is_system.is_(only.who == "system")
    if only.person_id is not None:
        yield TimelineEntry.actor_id == only.person_id
