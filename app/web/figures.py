"""What the checks of a service say now, as a figure, a sentence and a small curve of the last hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup
from sqlalchemy.orm import Session

from app.catalog import queries as catalog
from app.catalog import readings
from app.catalog.models import Check, CheckReading, Service
from app.core.errors import Invalid
from app.executors.checks.configs import MetricConfig, parse
from app.executors.checks.figures import figure
from app.verification import charts

MOODS = {"pass": "ok", "fail": "bad", "inconclusive": "warn"}


@dataclass(frozen=True)
class Figure:
    """One check. `text` is its number with its unit, empty where it counts nothing; `at` is None where nobody has read it lately."""

    name: str
    mood: str  # ok | bad | warn | idle
    text: str
    before: str
    sentence: str
    at: datetime | None
    curve: Markup | None


def figures_of(session: Session, service: Service) -> list[Figure]:
    """Every check of the service with its last hour; numbers first."""
    checks = catalog.checks_of(session, service)
    hours = readings.series(session, checks)
    return sorted((draw(check, hours[check.id]) for check in checks), key=lambda one: one.curve is None)


def draw(check: Check, hour: Sequence[CheckReading], *, marks: Sequence[datetime] = ()) -> Figure:
    """One check with its last hour, oldest first; `marks` are moments to see in the curve."""
    last, metric = hour[-1] if hour else None, _metric(check)
    if last is None:
        return Figure(check.name, "idle", "", "", "Not read in the last hour.", None, None)
    values = [reading.value for reading in hour if reading.value is not None]
    unit = metric.unit if metric else ""
    curve = None
    if metric and len(values) > 1:
        points = [(reading.at, reading.value) for reading in hour]
        curve = charts.sparkline(points, limit=metric.limit, marks=marks)
    return Figure(
        name=check.name,
        mood=MOODS[last.outcome],
        text=figure(last.value, unit) if metric and last.value is not None else "",
        before=figure(values[0], unit) if metric and len(values) > 1 else "",
        sentence=last.sentence,
        at=last.at,
        curve=curve,
    )


def _metric(check: Check) -> MetricConfig | None:
    try:
        config = parse(check.kind, check.config)
    except Invalid:
        return None  # settings of an older version: the sentence of the reading says so
    return config if isinstance(config, MetricConfig) else None
