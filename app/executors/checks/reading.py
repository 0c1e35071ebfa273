"""Read a check of any kind. The one place where what went wrong becomes "inconclusive"."""

from datetime import datetime
from typing import Any

from app.core.errors import Invalid
from app.executors.base import Body, Context
from app.executors.checks import health, metrics, smoke, version
from app.executors.checks.configs import Config, HealthConfig, MetricConfig, SmokeConfig, VersionConfig, parse
from app.executors.checks.readings import Reading, Unclear

NOTHING: Body = {}


def read(
    kind: str,
    config: Config | dict[str, Any],
    ctx: Context,
    *,
    expected: Body = NOTHING,
    baseline: float | None = None,
    earlier: Body = NOTHING,
) -> Reading:
    """One look. Never raises for what the world does, and holds no sign that a database could not keep.

    expected  what should run: {"version", "image_ids", "target": {"namespace", "kind", "name"}}
    baseline  the metric's value from before the bad release, in its unit
    earlier   the `parts` of the last reading of this check: counters need a scrape to compare with
    """
    reading = _read(kind, config, ctx, expected, baseline, earlier)
    return reading.model_copy(update={"sentence": _printable(reading.sentence), "parts": _printable(reading.parts)})


def history(
    config: MetricConfig | dict[str, Any], ctx: Context, start: datetime, end: datetime, step_s: float
) -> list[tuple[datetime, float | None]]:
    """The past of a Prometheus metric; nothing for other sources, and nothing where Prometheus cannot be asked."""
    try:
        settings = MetricConfig.model_validate(config)
        return metrics.history(settings, ctx, start=start, end=end, step_s=step_s) if settings.source == "prometheus" else []
    except (Unclear, ValueError):
        return []


def _read(kind: str, config: Config | dict[str, Any], ctx: Context, expected: Body, baseline: float | None, earlier: Body) -> Reading:
    try:
        settings = parse(kind, config) if isinstance(config, dict) else config
        match settings:
            case HealthConfig():
                return health.read(settings, ctx)
            case VersionConfig():
                return version.read(settings, ctx, expected)
            case SmokeConfig():
                return smoke.read(settings, ctx)
            case MetricConfig():
                return metrics.read(settings, ctx, baseline=baseline, earlier=earlier)
    except Unclear as problem:
        return Reading(outcome="inconclusive", sentence=problem.sentence, reason=problem.reason)
    except Invalid as problem:
        sentence = f"The settings of this check cannot be used: {problem.sentence} Change them on the service's page."
        return Reading(outcome="inconclusive", sentence=sentence, reason="config")


def _printable(value: Any) -> Any:
    """What a stranger's server sent, without signs that are none: NUL and lone surrogates cannot be stored."""
    if isinstance(value, str):
        return value if value.isprintable() else "".join(sign if sign.isprintable() or sign in "\u00a0\n\t" else "\ufffd" for sign in value)
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value
