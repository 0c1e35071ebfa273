"""Durations as people say them."""

from app.web.filters import NBSP

STEPS = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


def spoken(seconds: float) -> str:
    """ "0.4 s", "48 s", "1 min 48 s", "2 h 5 min": at most two units, the smaller one dropped where it says little."""
    if 0 < seconds < 0.95:
        return f"{max(seconds, 0.1):.1f}{NBSP}s"
    whole = max(0, round(seconds))
    for size, unit, below, small in STEPS:
        if whole >= size:
            many, rest = whole // size, whole % size // below
            return f"{many}{NBSP}{unit}" + (f" {rest}{NBSP}{small}" if rest and many < 10 else "")
    return f"{whole}{NBSP}s"
