"""Metric: a number with a limit, and the difference between "no traffic", "no data", "wrong query" and "source is down"."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from app.executors.base import Body, Context
from app.executors.checks import prometheus, scrapes
from app.executors.checks.configs import MetricConfig
from app.executors.checks.figures import NBSP, figure, span
from app.executors.checks.readings import Reading, Unclear


class _Number(NamedTuple):
    """The value in the shown unit; `note` says what to know about it, `kept` are scrapes for the next reading."""

    value: float
    note: str = ""
    kept: Sequence[scrapes.Scrape] = ()
    floor: bool = False


def read(config: MetricConfig, ctx: Context, *, baseline: float | None, earlier: Body) -> Reading:
    """Measure and judge. `earlier` are the parts of the reading before this one."""
    limit = config.limit_with(baseline)
    try:
        number = _scraped(config, ctx, earlier) if config.source == "endpoint" else _asked(config, ctx)
    except Unclear as problem:
        if problem.reason == "no_data" and not config.must_have_data:
            return Reading(outcome="pass", limit=limit, unit=config.unit, sentence="No such series, which this check allows.")
        kept = problem.kept if isinstance(problem, scrapes.Remembered) else earlier.get("scrapes", [])
        return Reading(
            outcome="inconclusive",
            limit=limit,
            unit=config.unit,
            sentence=problem.sentence,
            reason=problem.reason,
            parts={"scrapes": kept} if kept else {},
        )
    holds = number.value <= limit if config.direction == "below" else number.value >= limit
    return Reading(
        outcome="pass" if holds else "fail",
        value=number.value,
        limit=limit,
        unit=config.unit,
        sentence=_judged(config, number, limit, baseline, holds=holds),
        parts={"scrapes": list(number.kept)} if number.kept else {},
    )


def history(config: MetricConfig, ctx: Context, *, start: datetime, end: datetime, step_s: float) -> list[tuple[datetime, float | None]]:
    """The same number over a stretch of the past, from Prometheus. Unclear where it cannot be asked; None where there was no traffic."""

    def over(query: str) -> dict[datetime, float]:
        text = _windowed(query, config)
        return prometheus.ask_range(ctx, config.url, text, start=start, end=end, step_s=step_s, timeout_s=config.timeout_s)

    if config.measure == "value":
        return [(at, value * config.factor) for at, value in sorted(over(config.query).items())]
    wanted = over(config.latency if config.measure == "latency" else config.errors)
    if not config.requests:
        return [(at, value * config.factor) for at, value in sorted(wanted.items())]
    points: list[tuple[datetime, float | None]] = []
    for at, rate in sorted(over(config.requests).items()):
        enough = rate > 0 and rate * config.window_s >= config.min_requests
        value = wanted.get(at) if config.measure == "latency" else wanted.get(at, 0.0)
        share = value / rate if value is not None and enough and config.measure == "error_ratio" else value
        points.append((at, share * config.factor if share is not None and enough else None))
    return points


def _asked(config: MetricConfig, ctx: Context) -> _Number:
    """Each query by itself, and the guard against too little traffic, so that nought divided by nought is never an answer."""
    warnings: list[str] = []

    def one(query: str) -> float | None:
        answer = prometheus.ask(ctx, config.url, _windowed(query, config), timeout_s=config.timeout_s)
        warnings.extend(answer.warnings)
        return answer.value

    rate = one(config.requests) if config.requests else None
    if config.requests:
        if rate is None:
            raise Unclear("Prometheus knows no requests of this service. Check the names and labels in the query.", "no_data")
        _enough(config, 0.0 if math.isnan(rate) else rate * config.window_s, config.window_s)
    value = one({"value": config.query, "latency": config.latency}.get(config.measure, config.errors))
    if value is None and config.requests and config.measure in {"error_ratio", "rate"}:
        value = 0.0  # requests and no error series: a healthy service, not a lack of data
    if value is None:
        raise Unclear("Prometheus has no series for this query. Check the names and labels in it.", "no_data")
    if math.isnan(value):
        raise Unclear(f"No traffic in the last {span(config.window_s)}, so there is nothing to measure.", "no_traffic")
    if config.measure == "error_ratio" and rate:
        value /= rate
    return _Number(value * config.factor, f" Prometheus warns: {warnings[0][:200]}" if warnings else "")


def _scraped(config: MetricConfig, ctx: Context, earlier: Body) -> _Number:
    measured = scrapes.measure(config, ctx, earlier.get("scrapes", []))
    if config.measure == "value":
        if measured.value is None or not math.isfinite(measured.value):
            raise Unclear(f"{config.metric} is {measured.value}, which is no number to judge.", "no_data")
        return _Number(measured.value)
    try:
        _enough(config, measured.requests, measured.seconds)
    except Unclear as problem:
        raise scrapes.Remembered(problem.sentence, problem.reason, measured.kept) from problem
    return _Number((measured.value or 0.0) * config.factor, kept=measured.kept, floor=measured.floor)


def _enough(config: MetricConfig, requests: float, seconds: float) -> None:
    if requests <= 0:
        raise Unclear(f"No requests in the last {span(seconds)}, so there is nothing to measure.", "no_traffic")
    if requests < config.min_requests:
        sentence = f"Only {requests:.0f} requests in the last {span(seconds)}; {config.min_requests} are needed to judge."
        raise Unclear(sentence, "too_little")


def _windowed(query: str, config: MetricConfig) -> str:
    return query.replace("{window}", f"{config.window_s:g}s")


def _judged(config: MetricConfig, number: _Number, limit: float, baseline: float | None, *, holds: bool) -> str:
    """ "0.4 %, under 1 %" or "12.4 %, over the limit of 1 %", and where the limit comes from."""
    value = ("at least " if number.floor else "") + figure(number.value, config.unit)
    side = {True: "under", False: "over"}[(config.direction == "below") == holds]
    words = f"{value}, {side} {figure(limit, config.unit)}" if holds else f"{value}, {side} the limit of {figure(limit, config.unit)}"
    if config.baseline_factor and baseline is not None and limit != config.limit:
        words += f" ({config.baseline_factor:g}{NBSP}×{NBSP}{figure(baseline, config.unit)} from before the release)"
    return f"{words}.{number.note}"
