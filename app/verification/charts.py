"""Server-drawn SVG: one small multiple a check, lanes for replicas, and a sparkline for the board.

Only classes, never styles (the CSP allows none), so that colours follow the theme. Each chart says in <title> and <desc> what
the eye sees in it; the table of samples stands beside it on the page.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from markupsafe import Markup

from app.executors.checks.figures import figure, number

Point = tuple[datetime, float | None]
WIDTH, HEIGHT = 440.0, 150.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 432.0, 22.0, 126.0  # words of the marks stand above the plane
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)  # between two ticks, seconds
_MOST_POINTS = 360


@dataclass(frozen=True)
class Chart:
    """What is drawn. `key` is unique on the page; `marks` are moments with a word; `soak` is shaded."""

    key: str
    title: str
    start: datetime
    end: datetime
    points: Sequence[Point] = ()
    unit: str = ""
    limit: float | None = None
    marks: Sequence[tuple[datetime, str]] = ()
    soak: tuple[datetime, datetime] | None = None


@dataclass(frozen=True)
class Lane:
    """One replica: what it runs, since when, and whether that is what should run."""

    name: str
    version: str
    since: datetime
    right: bool = field(default=True)


class _Plane(NamedTuple):
    """From moments and values to the picture."""

    start: datetime
    end: datetime
    top: float
    floor: float

    def x(self, at: datetime) -> float:
        whole = max((self.end - self.start).total_seconds(), 1.0)
        share = min(max((at - self.start).total_seconds() / whole, 0.0), 1.0)
        return LEFT + share * (RIGHT - LEFT)

    def y(self, value: float) -> float:
        share = (value - self.floor) / (self.top - self.floor)
        return BOTTOM - min(max(share, 0.0), 1.0) * (BOTTOM - TOP)


def small_multiple(chart: Chart) -> Markup:
    """The curve of one metric with its limit (dashed), the rollback (vertical lines) and the soak (shaded)."""
    points = _thinned([(at, _known(value)) for at, value in chart.points if chart.start <= at <= chart.end])
    plane = _Plane(chart.start, chart.end, *_range(points, chart.limit))
    parts = [*_ground(chart, plane), *_grid(chart, plane), *_times(plane), *_marks(chart, plane), *_curve(points, plane)]
    return _svg(chart, _told(chart, points), parts + list(_limit(chart, plane)) + list(_last(points, plane)))


def lanes(chart: Chart, replicas: Sequence[Lane]) -> Markup:
    """One bar a replica, from when it came up; at most five are drawn, the wrong ones first."""
    plane = _Plane(chart.start, chart.end, 1.0, 0.0)
    shown = sorted(replicas, key=lambda lane: lane.right)[:5]
    pitch = (BOTTOM - TOP) / max(len(shown), 3)
    parts = [*_ground(chart, plane), *_times(plane)]
    for row, lane in enumerate(shown):
        top, left = TOP + row * pitch, plane.x(lane.since)
        side = "is-right" if lane.right else "is-wrong"
        parts.append(_text("lg-chart-name", LEFT, top + 12, lane.name))
        parts.append(_text(f"lg-chart-version {side}", RIGHT, top + 12, lane.version, anchor="end"))
        parts.append(
            Markup('<rect class="lg-chart-lane {}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="8" rx="3"/>').format(
                side, left, top + 17, max(plane.x(chart.end if chart.soak is None else chart.soak[1]) - left, 3.0)
            )
        )
    told = "; ".join(f"{lane.name} runs {lane.version} since {lane.since:%H:%M:%S}" for lane in replicas)
    return _svg(chart, f"{told or 'no replica'}.", parts + list(_marks(chart, plane)))


def sparkline(points: Sequence[Point], *, limit: float | None = None, marks: Sequence[datetime] = (), title: str = "") -> Markup:
    """A small curve for lists, 120 by 28; the numbers stand beside it, so it is hidden from screen readers without a title."""
    known = [(at, value) for at, given in points if (value := _known(given)) is not None]
    if not known:
        return Markup('<svg class="lg-spark" viewBox="0 0 120 28" aria-hidden="true"></svg>')
    start, end = known[0][0], known[-1][0]
    top, floor = _range(known, limit)
    whole = max((end - start).total_seconds(), 1.0)

    def x(at: datetime) -> float:
        return 2 + 114 * min(max((at - start).total_seconds() / whole, 0.0), 1.0)

    def y(value: float) -> float:
        return 26 - 24 * (value - floor) / (top - floor)

    parts = [Markup('<path class="lg-spark-mark" d="M{0:.1f} 1V27"/>').format(x(at)) for at in marks if start <= at <= end]
    if limit is not None:
        parts.append(Markup('<path class="lg-spark-limit" d="M2 {0:.1f}H116"/>').format(y(limit)))
    line = " ".join(f"{x(at):.1f} {y(value):.1f}" for at, value in _thinned(known, 120) if value is not None)
    parts.append(Markup('<path class="lg-spark-line" d="M{}"/>').format(line))
    parts.append(Markup('<circle class="lg-spark-last" cx="{:.1f}" cy="{:.1f}" r="2"/>').format(x(end), y(known[-1][1])))
    seen = Markup('role="img" aria-label="{}"').format(title) if title else Markup('aria-hidden="true"')
    return Markup('<svg class="lg-spark" viewBox="0 0 120 28" {}>{}</svg>').format(seen, Markup("").join(parts))


def _svg(chart: Chart, told: str, parts: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg class="lg-chart" viewBox="0 0 440 150" role="img" aria-labelledby="{0}-title {0}-desc">'
        '<title id="{0}-title">{1}</title><desc id="{0}-desc">{2}</desc>{3}</svg>'
    ).format(chart.key, chart.title, told, Markup("").join(parts))


def _text(kind: str, x: float, y: float, text: str, *, anchor: str = "start") -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(kind, x, y, anchor, text)


def _ground(chart: Chart, plane: _Plane) -> Iterator[Markup]:
    if chart.soak:
        left, right = plane.x(chart.soak[0]), plane.x(chart.soak[1])
        yield Markup('<rect class="lg-chart-soak" x="{:.1f}" y="{}" width="{:.1f}" height="{}"/>').format(
            left, TOP, max(right - left, 0.0), BOTTOM - TOP
        )


def _grid(chart: Chart, plane: _Plane) -> Iterator[Markup]:
    step = _nice((plane.top - plane.floor) / 3)
    ticks = [plane.floor + step * count for count in range(int((plane.top - plane.floor) / step + 1e-9) + 1)]
    for tick in ticks:
        y = plane.y(tick)
        yield Markup('<line class="lg-chart-grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(LEFT, RIGHT, y, y)
        is_top = tick == ticks[-1]
        label = f"{number(tick)}{chr(160) + chart.unit if chart.unit and is_top and len(chart.unit) < 3 else ''}"
        yield _text("lg-chart-tick", LEFT - 6, y + 3.5, label, anchor="end")


def _times(plane: _Plane) -> Iterator[Markup]:
    whole = max((plane.end - plane.start).total_seconds(), 1.0)
    step = next((step for step in _STEPS if whole / step <= 5), whole)
    first = math.ceil(plane.start.timestamp() / step) * step
    form = "%H:%M:%S" if step < 60 else "%H:%M" if step < 86400 else "%d %b"
    for count in range(int((plane.end.timestamp() - first) / step) + 1):
        at = datetime.fromtimestamp(first + count * step, UTC)
        x = plane.x(at)
        anchor = "start" if x < LEFT + 14 else "end" if x > RIGHT - 14 else "middle"
        yield _text("lg-chart-tick", x, HEIGHT - 8, at.strftime(form), anchor=anchor)


def _marks(chart: Chart, plane: _Plane) -> Iterator[Markup]:
    for at, word in chart.marks:
        if chart.start <= at <= chart.end:
            x = plane.x(at)
            yield Markup('<line class="lg-chart-mark" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>').format(x, 6, BOTTOM)
            left = x > LEFT + 90
            if word:
                yield _text("lg-chart-mark-word", x - 5 if left else x + 5, 14, word, anchor="end" if left else "start")


def _curve(points: Sequence[Point], plane: _Plane) -> Iterator[Markup]:
    """The line, broken where there is no number, over a light area."""
    for run in _runs(points):
        line = " ".join(f"{plane.x(at):.1f} {plane.y(value):.1f}" for at, value in run)
        first, last = plane.x(run[0][0]), plane.x(run[-1][0])
        yield Markup('<path class="lg-chart-area" d="M{0} {1:.1f} {3} {2:.1f} {3}Z"/>').format(line, last, first, BOTTOM)
        yield Markup('<path class="lg-chart-line" d="M{}"/>').format(line)


def _limit(chart: Chart, plane: _Plane) -> Iterator[Markup]:
    if chart.limit is not None:
        y = plane.y(chart.limit)
        yield Markup('<line class="lg-chart-limit" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(LEFT, RIGHT, y, y)
        yield _text("lg-chart-limit-word", LEFT + 6, y - 4 if y > TOP + 14 else y + 12, figure(chart.limit, chart.unit))


def _last(points: Sequence[Point], plane: _Plane) -> Iterator[Markup]:
    known = [(at, value) for at, value in points if value is not None]
    if known:
        at, value = known[-1]
        yield Markup('<circle class="lg-chart-last" cx="{:.1f}" cy="{:.1f}" r="3"/>').format(plane.x(at), plane.y(value))


def _told(chart: Chart, points: Sequence[Point]) -> str:
    """The chart in words."""
    known = [value for _, value in points if value is not None]
    words = [f"From {chart.start:%H:%M:%S} to {chart.end:%H:%M:%S} UTC."]
    if known:
        first, highest, last = (figure(value, chart.unit) for value in (known[0], max(known), known[-1]))
        words.append(f"First {first}, highest {highest}, last {last}.")
    else:
        words.append("No values yet.")
    if chart.limit is not None:
        words.append(f"The limit is {figure(chart.limit, chart.unit)}.")
    words += [f"{word or 'Then'} {at:%H:%M:%S}." for at, word in chart.marks]
    return " ".join(words)


def _range(points: Sequence[Point], limit: float | None) -> tuple[float, float]:
    """Top and floor: nought is always in it, and the limit with some room above."""
    values = [value for _, value in points if value is not None] + ([limit * 1.4] if limit else [])
    floor = min([0.0, *values])
    top = max([floor, *values])
    return (top + (top - floor) * 0.08 if top > floor else floor + 1.0), floor


def _known(value: float | None) -> float | None:
    """None for what is no number to draw."""
    return value if value is not None and math.isfinite(value) else None


def _nice(step: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten."""
    power: float = 10.0 ** math.floor(math.log10(step))
    return next((nice * power for nice in (1, 2, 2.5, 5, 10) if nice * power >= step), 10 * power)


def _runs(points: Sequence[Point]) -> Iterator[list[tuple[datetime, float]]]:
    run: list[tuple[datetime, float]] = []
    for at, value in points:
        if value is not None:
            run.append((at, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _thinned(points: Sequence[Point], most: int = _MOST_POINTS) -> list[Point]:
    """At most so many points, the newest among them."""
    stride = math.ceil(len(points) / most) or 1
    return list(points[::-1][::stride][::-1])


def segments(share: float, count: int = 5) -> Markup:
    """How much of the soak is through: `count` segments, filled from the left. The words stand beside it."""
    width, gap = 500.0, 4.0
    each = (width - gap * (count - 1)) / count
    parts = []
    for place in range(count):
        left, filled = place * (each + gap), min(max(share * count - place, 0.0), 1.0) * each
        parts.append(Markup('<rect class="lg-segment" x="{:.1f}" width="{:.1f}" height="6"/>').format(left, each))
        if filled:
            parts.append(Markup('<rect class="lg-segment is-done" x="{:.1f}" width="{:.1f}" height="6"/>').format(left, filled))
    return Markup('<svg class="lg-segments" viewBox="0 0 500 6" preserveAspectRatio="none" aria-hidden="true">{}</svg>').format(
        Markup("").join(parts)
    )
