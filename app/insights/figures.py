"""How fast and how often: real incidents by severity over a stretch of days. Drills, duplicates and cancelled ones are not counted.

decide    from the declaration to the first decision
resolve   from when it began (or was declared, where that is unknown) to when it was resolved; the mean of it is the MTTR

An incident counts in the stretch that it was declared in. A mean stands beside its median and the number it rests on, since one long
incident moves a mean of few. A time that lies before its beginning is left out, as in `reviews.durations`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, func, select
from sqlalchemy.orm import Session

from app.accounts.policy import Reach
from app.decisions.models import Decision
from app.incidents.models import Incident
from app.incidents.queries import visible
from app.incidents.states import OPEN, Severity, State

DAYS = 90
COUNTED = (*sorted(OPEN), State.RESOLVED, State.REVIEWED)


@dataclass(frozen=True)
class Span:
    """Seconds: the mean and the median of `count` incidents; None where there are none."""

    count: int = 0
    mean: float | None = None
    median: float | None = None


@dataclass(frozen=True)
class Line:
    """The incidents of one severity, or of all where `severity` is empty."""

    severity: str
    count: int = 0
    open: int = 0
    decide: Span = Span()
    resolve: Span = Span()


def lines(session: Session, *, reach: Reach, days: int = DAYS, skip: int = 0) -> Sequence[Line]:
    """One line for each severity, the worst first, then one for all, of incidents declared within the last `days` days.

    `skip` moves the stretch into the past by that many days: for comparing with the one before.
    """
    first = select(Decision.incident_id, func.min(Decision.decided_at).label("at")).group_by(Decision.incident_id).subquery()
    decide = _seconds(first.c.at, Incident.declared_at)
    resolve = _seconds(Incident.resolved_at, func.coalesce(Incident.began_at, Incident.declared_at))
    end = func.now() - timedelta(days=skip)
    query = (
        select(Incident.severity, func.count(), func.count().filter(Incident.state.in_(sorted(OPEN))), *_span(decide), *_span(resolve))
        .outerjoin(first, first.c.incident_id == Incident.id)
        .where(Incident.is_drill.is_(False), Incident.state.in_(COUNTED), visible(reach))
        .where(Incident.declared_at > end - timedelta(days=days), Incident.declared_at <= end)
        .group_by(func.rollup(Incident.severity))
    )
    found = {row[0] or "": Line(row[0] or "", row[1], row[2], _drawn(row[3:6]), _drawn(row[6:9])) for row in session.execute(query)}
    return [found.get(name, Line(name)) for name in (*Severity, "")]


def _seconds(end: SQLColumnExpression[Any], begin: SQLColumnExpression[Any]) -> ColumnElement[Any]:
    return func.extract("epoch", end - begin)


def _span(seconds: ColumnElement[Any]) -> tuple[ColumnElement[Any], ...]:
    told = seconds >= 0
    median = func.percentile_cont(0.5).within_group(seconds).filter(told)
    return func.count().filter(told), func.avg(seconds).filter(told), median


def _drawn(row: Sequence[Any]) -> Span:
    count, mean, median = row
    return Span(count, None if mean is None else float(mean), None if median is None else float(median))
