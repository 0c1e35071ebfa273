"""The timeline in two lanes, what broke and what was done, as a text that people can edit: one line a mark.

    2026-03-12 14:15:08 broke v1.2.4 went out
    2026-03-12 14:17:10 to 14:37:14 broke sign-ins fail
    2026-03-12 14:34:02 done decided to roll back

Times are UTC; the end of a stretch on the same day needs no date. Lines stand in any order and are read in order of time.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from app.core.errors import Refused

BROKE, DONE = "broke", "done"
NAMES = {BROKE: "What broke", DONE: "What was done"}
HINT = (
    "One line a mark, in UTC: “2026-03-12 14:15:08 broke v1.2.4 went out”, or a stretch, “2026-03-12 14:17 to 14:37 broke sign-ins fail”."
)
MOST = 200
_DAY, _TIME = r"\d{4}-\d\d-\d\d", r"\d\d:\d\d(?::\d\d)?"
_LINE = re.compile(rf"({_DAY}) ({_TIME})(?: to (?:({_DAY}) )?({_TIME}))? ({BROKE}|{DONE}):? (\S.*)")


@dataclass(frozen=True)
class Mark:
    """Something at a moment, or over a stretch where it has an end."""

    at: datetime
    lane: str  # broke | done
    words: str
    until: datetime | None = None

    @property
    def line(self) -> str:
        """The mark as its line of the text."""
        end = ""
        if self.until:
            end = f" to {self.until:%H:%M:%S}" if self.until.date() == self.at.date() else f" to {self.until:%Y-%m-%d %H:%M:%S}"
        return f"{self.at:%Y-%m-%d %H:%M:%S}{end} {self.lane} {self.words}"


def read(text: str) -> list[Mark]:
    """The marks, oldest first. Refused, with the line, for one that is none."""
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if len(lines) > MOST:
        raise Refused(f"The timeline has {len(lines)} lines; {MOST} fit. Nothing was saved: keep what matters.", field="body")
    return sorted((_mark(number, line) for number, line in lines), key=lambda mark: (mark.at, mark.lane, mark.words))


def write(marks: Iterable[Mark]) -> str:
    """The text of these marks, oldest first, each once."""
    ordered = sorted(set(marks), key=lambda mark: (mark.at, mark.lane, mark.words))
    return "\n".join(mark.line for mark in ordered)


def _mark(number: int, line: str) -> Mark:
    found = _LINE.fullmatch(line)
    try:
        if found is None:
            raise ValueError
        day, time, end_day, end, lane, words = found.groups()
        at = _moment(day, time)
        until = _moment(end_day or day, end) if end else None
    except ValueError:
        raise Refused(
            f"Line {number}, “{line[:60]}”, is no mark of the timeline. Nothing was saved: "
            "write “2026-03-12 14:15:08 broke v1.2.4 went out”.",
            field="body",
        ) from None
    if until and until < at:
        raise Refused(f"Line {number} ends before it begins. Nothing was saved: give the end its date.", field="body")
    return Mark(at, lane, words, until)


def _moment(day: str, time: str) -> datetime:
    clock = datetime.strptime(time if time.count(":") == 2 else f"{time}:00", "%H:%M:%S").time()  # noqa: DTZ007 - the date follows
    return datetime.combine(date.fromisoformat(day), clock, tzinfo=UTC)
