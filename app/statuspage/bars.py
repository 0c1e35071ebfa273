"""Ninety days of one component: a bar a day, worst stretch first, and the share of time that it was there.

Days are days in UTC, since one page has readers everywhere. Before the component was on the page there is no data, which is shown as no
data and counts for nothing. The share counts what `states.LOST` says: an outage whole, a partial one at 30 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from app.statuspage.models import Component, Impact
from app.statuspage.states import LOST, STANDING_WORDS, Standing, worst

DAYS = 90
MARKS = {Standing.WORKING: "ok", Standing.MAINTENANCE: "work", Standing.DEGRADED: "warn", Standing.PARTIAL: "warn", Standing.OUTAGE: "bad"}


@dataclass(frozen=True)
class Day:
    """One bar. `mark` is ok, warn, bad, work or none; `words` says in a sentence what happened, empty where nothing did."""

    date: date
    mark: str
    words: str = ""


@dataclass(frozen=True)
class Bars:
    """The bars, the oldest first, and how much of the time with data it was there, in percent; None where there is no data."""

    days: tuple[Day, ...]
    uptime: float | None

    @property
    def troubled(self) -> list[Day]:
        return [day for day in self.days if day.words and day.mark != "none"]


def first_day(now: datetime) -> datetime:
    """The midnight that the oldest bar begins at."""
    return _midnight(now) - timedelta(days=DAYS - 1)


def next_day(now: datetime) -> datetime:
    """The midnight at which the bars move on."""
    return _midnight(now) + timedelta(days=1)


def bars(component: Component, impacts: Sequence[Impact], now: datetime) -> Bars:
    """The bars of a component; `impacts` are its stretches, as far back as the first day."""
    begins = min([component.since, *(impact.began_at for impact in impacts)])
    days = []
    for number in range(DAYS):
        start = first_day(now) + timedelta(days=number)
        end = min(start + timedelta(days=1), now)
        if end <= begins:
            days.append(Day(start.date(), "none", "no data"))
        else:
            days.append(_day(start, end, [one for one in impacts if one.began_at < end and (one.ended_at or now) > start], now))
    return Bars(tuple(days), _uptime(max(begins, first_day(now)), impacts, now))


def _day(start: datetime, end: datetime, impacts: Sequence[Impact], now: datetime) -> Day:
    standing = worst([Standing(impact.standing) for impact in impacts])
    if standing is Standing.WORKING:
        return Day(start.date(), "ok")
    same = [(max(one.began_at, start), min(one.ended_at or now, end)) for one in impacts if one.standing == standing]
    minutes = max(1, round(sum((until - since).total_seconds() for since, until in _merged(same)) / 60))
    own = next((one.words for one in impacts if one.standing == standing and one.words), "")
    length = f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
    return Day(start.date(), MARKS[standing], f"{own or STANDING_WORDS[standing]}, {length}")


def _uptime(since: datetime, impacts: Sequence[Impact], now: datetime) -> float | None:
    """Percent of the time since. Where stretches overlap, the worst counts, once."""
    whole = (now - since).total_seconds()
    if whole <= 0:
        return None
    edges = sorted({since, now} | {max(one.began_at, since) for one in impacts} | {min(one.ended_at or now, now) for one in impacts})
    lost = 0.0
    for start, end in pairwise(edges):
        if since <= start < now:
            felt = [LOST.get(Standing(one.standing), 0.0) for one in impacts if one.began_at <= start and (one.ended_at or now) >= end]
            lost += max(felt, default=0.0) * (end - start).total_seconds()
    return 100.0 * (1.0 - lost / whole)


def _merged(stretches: Sequence[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(stretches):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.astimezone(UTC).date(), time(), UTC)
