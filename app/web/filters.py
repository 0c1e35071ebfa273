"""How values read on a page: times, durations, numbers. Units stand after a no-break space."""

from datetime import UTC, datetime, timedelta

from app.core.clock import now

NBSP = "\u00a0"


def utc(moment: datetime) -> str:
    """ "2026-11-24 14:36:32 UTC", for the title of a time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def clock(moment: datetime, since: datetime | None = None) -> str:
    """ "14:36:32", with the day in front where it is not today (or not the day of `since`)."""
    moment, day = moment.astimezone(UTC), (since or now()).astimezone(UTC).date()
    return moment.strftime("%H:%M:%S" if moment.date() == day else "%-d %b %H:%M:%S")


def ago(moment: datetime, at: datetime | None = None) -> str:
    """ "12 s ago", "in 5 min": one unit, rounded down. `static/js/time.js` counts on in the same words."""
    seconds = ((at or now()) - moment).total_seconds()
    words = span(timedelta(seconds=abs(seconds)))
    return f"in {words}" if seconds < -1 else f"{words} ago"


def span(length: timedelta | float) -> str:
    """ "48 s", "12 min", "3 h", "9 d": one unit, rounded down."""
    seconds = int(length.total_seconds() if isinstance(length, timedelta) else length)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size}{NBSP}{unit}"
    return f"{seconds}{NBSP}s"


def duration(length: timedelta | float) -> str:
    """ "01:08" or "03:12:40", for clocks that run."""
    seconds = int(length.total_seconds() if isinstance(length, timedelta) else length)
    hours, rest = divmod(max(seconds, 0), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


def number(value: float, digits: int = 1) -> str:
    """ "12.4", "1,640": no trailing zeros, thousands apart."""
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(value: float) -> str:
    """ "12.4 %" of a value that is already in percent."""
    return f"{number(value)}{NBSP}%"


def plural(count: int, one: str, many: str = "") -> str:
    """ "1 incident", "3 incidents", "no incidents"."""
    noun = one if count == 1 else many or f"{one}s"
    return f"{count or 'no'} {noun}"


def browser(agent: str) -> str:
    """ "Firefox on Linux": the browser and the system of a user agent, as far as it says so."""
    names = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari", "curl/": "curl"}
    systems = {"Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Windows": "Windows", "Mac OS": "macOS", "Linux": "Linux"}
    name = next((words for mark, words in names.items() if mark in agent), "A browser")
    system = next((words for mark, words in systems.items() if mark in agent), "")
    return f"{name} on {system}" if system else name


FILTERS = {f.__name__: f for f in (utc, clock, ago, span, duration, number, percent, plural, browser)}
