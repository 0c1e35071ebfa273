"""The two lanes as SVG: classes only (the CSP allows no styles), so that colours follow the theme. The list of marks stands beside it.

A label takes the first of four levels around its lane where nothing else stands; where none is free, the mark keeps its <title> only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from markupsafe import Markup

from app.reviews.lanes import BROKE, DONE, NAMES, Mark

WIDTH, HEIGHT, LEFT, RIGHT = 780.0, 264.0, 104.0, 770.0
LANES = {BROKE: 76.0, DONE: 174.0}
SAID = {BROKE: ("Change failure", "what broke"), DONE: ("Recovery", "what was done")}
FLOOR = 236.0
LETTER = 5.9  # how wide a letter of the labels is, on average
LONGEST = 34
_LEVELS = (-34.0, 30.0, -50.0, 46.0)
_STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 172800, 604800)


@dataclass
class _Plane:
    """From moments to the picture, and which stretches of which level are taken."""

    start: datetime
    end: datetime
    taken: dict[tuple[str, float], list[tuple[float, float]]] = field(default_factory=dict)

    def x(self, at: datetime) -> float:
        whole = max((self.end - self.start).total_seconds(), 1.0)
        return LEFT + (at - self.start).total_seconds() / whole * (RIGHT - LEFT)

    def level(self, lane: str, left: float, right: float) -> float | None:
        for level in _LEVELS:
            others = self.taken.setdefault((lane, level), [])
            if all(right + 6 < begin or left > end + 6 for begin, end in others):
                others.append((left, right))
                return level
        return None


def draw(marks: Sequence[Mark]) -> Markup:
    """The picture of these marks; empty without any."""
    if not marks:
        return Markup()
    ends = [mark.until or mark.at for mark in marks]
    start, end = min(mark.at for mark in marks), max(ends)
    room = max((end - start) * 0.02, timedelta(seconds=5))
    plane = _Plane(start - room, end + room)
    said = ". ".join(f"{NAMES[lane]}: {_told(marks, lane)}" for lane in LANES)
    head = Markup('<svg class="lg-lanes" viewBox="0 0 {w:g} {h:g}" role="img" aria-label="{said}">').format(w=WIDTH, h=HEIGHT, said=said)
    parts = [*_ticks(plane), *_names(), *(_bar(plane, mark) for mark in marks if mark.until), *(_point(plane, mark) for mark in marks)]
    return head + Markup("").join(parts) + Markup("</svg>")


def _told(marks: Sequence[Mark], lane: str) -> str:
    return ", ".join(f"{mark.at:%H:%M} {mark.words}" for mark in marks if mark.lane == lane) or "nothing"


def _ticks(plane: _Plane) -> Iterator[Markup]:
    whole = (plane.end - plane.start).total_seconds()
    step = next((one for one in _STEPS if whole / one <= 8), _STEPS[-1])
    at = datetime.fromtimestamp((plane.start.timestamp() // step + 1) * step, tz=UTC)
    while at < plane.end:
        x = plane.x(at)
        words = f"{at:%H:%M}" if step < 86400 else f"{at:%-d %b}"
        yield Markup('<line class="lg-lanes-tick" x1="{x:.1f}" x2="{x:.1f}" y1="14" y2="{f:g}"/>').format(x=x, f=FLOOR - 14)
        yield Markup('<text class="lg-lanes-small" x="{x:.1f}" y="{f:g}" text-anchor="middle">{words}</text>').format(
            x=x, f=FLOOR + 6, words=words
        )
        at += timedelta(seconds=step)


def _names() -> Iterator[Markup]:
    for lane, y in LANES.items():
        name, hint = SAID[lane]
        yield Markup('<text class="lg-lanes-name" x="0" y="{y:g}">{name}</text>').format(y=y, name=name)
        yield Markup('<text class="lg-lanes-small" x="0" y="{y:g}">{hint}</text>').format(y=y + 16, hint=hint)
    yield Markup('<line class="lg-lanes-line" x1="{l:g}" x2="{r:g}" y1="126" y2="126"/>').format(l=LEFT - 8, r=WIDTH)


def _mood(mark: Mark) -> str:
    return "proof" if mark.lane == DONE and "verified" in mark.words else mark.lane


def _bar(plane: _Plane, mark: Mark) -> Markup:
    left, right, y = plane.x(mark.at), plane.x(mark.until or mark.at), LANES[mark.lane]
    return Markup('<rect class="lg-lanes-bar lg-lanes-{mood}" x="{x:.1f}" y="{y:g}" width="{w:.1f}" height="12" rx="3"/>').format(
        mood=_mood(mark), x=left, y=y - 6, w=max(right - left, 2.0)
    )


def _point(plane: _Plane, mark: Mark) -> Markup:
    x, y = plane.x(mark.at), LANES[mark.lane]
    words = mark.words if len(mark.words) <= LONGEST else f"{mark.words[: LONGEST - 1]}…"
    wide = len(words) * LETTER
    is_last = x - 4 + wide > WIDTH
    left = x + 4 - wide if is_last else x - 4
    level = plane.level(mark.lane, left, left + wide)
    title = Markup("<title>{at:%H:%M:%S} {words}</title>").format(at=mark.at, words=mark.words)
    dot = Markup('<circle class="lg-lanes-dot lg-lanes-{mood}" cx="{x:.1f}" cy="{y:g}" r="4.5">{title}</circle>').format(
        mood=_mood(mark), x=x, y=y, title=title
    )
    if level is None:
        return dot
    stem = y + level + (4 if level < 0 else -11)
    line = Markup('<line class="lg-lanes-line" x1="{x:.1f}" x2="{x:.1f}" y1="{y:g}" y2="{s:g}"/>').format(x=x, y=y, s=stem)
    label = Markup('<text class="lg-lanes-word" x="{x:.1f}" y="{y:g}" text-anchor="{anchor}">{words}</text>').format(
        x=x + 4 if is_last else x - 4, y=y + level, anchor="end" if is_last else "start", words=words
    )
    return line + dot + label
