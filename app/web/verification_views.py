"""What the page of a verification draws, worked out from its rows: the verdict, each check, the charts.

Pure functions: rows in, words and pictures out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from app.executors.checks.configs import MetricConfig, VersionConfig
from app.executors.checks.figures import figure, span
from app.verification import charts
from app.verification.charts import Chart, Lane
from app.verification.contracts import config_of, window_of
from app.verification.models import Sample, Verification, WatchedCheck
from app.web.run_views import NOUNS

SHOWN = 40  # readings in the table of a check
BEFORE = timedelta(minutes=6)  # of the past that the charts show
UNCLEAR = "It cannot be told yet"  # as verification.judging begins its sentence too
VERDICTS = {
    "recovered": ("ok", "Recovered", "{service} has recovered"),
    "partly": ("warn", "Partly recovered", "{service} has recovered only in part"),
    "not": ("bad", "Not recovered", "{service} has not recovered"),
    "worse": ("bad", "Worse than before", "{service} is worse than before the run"),
}


@dataclass(frozen=True)
class CheckView:
    """One check. `chart` is None for checks that count nothing over time."""

    position: int
    name: str
    promise: str  # "under 1 %"
    value: str  # "0.4 %", "3 of 3"; empty where there is none
    sentence: str
    explains: bool  # the sentence says more than the value and its limit
    mood: str
    word: str
    required: bool
    seen_at: datetime | None
    chart: Markup | None
    samples: Sequence[Sample]  # the newest first, as far as a table should be long
    read: int  # how many there are


@dataclass(frozen=True)
class View:
    """The whole page."""

    mood: str
    word: str
    headline: str
    until: datetime | None  # the headline ends with this moment
    sentence: str
    held_since: datetime | None
    held: str  # "2 min 54 s"
    soak: str
    every: str
    bar: Markup
    charts: list[CheckView]
    gates: list[CheckView]  # health, smoke: no curve
    marks: list[tuple[datetime, str]]
    has_soak: bool

    @property
    def checks(self) -> list[CheckView]:
        return sorted(self.charts + self.gates, key=lambda check: check.position)


@dataclass(frozen=True)
class _Axis:
    """From when to when the charts reach, and what is marked in them; one for all, so that they can be compared."""

    start: datetime
    end: datetime
    marks: list[tuple[datetime, str]]
    soak: tuple[datetime, datetime] | None


def of(verification: Verification, samples: Mapping[int, Sequence[Sample]], *, at: datetime) -> View:
    """The page at this moment. The verification has its checks, run and service loaded."""
    mood, word, headline, until = _verdict(verification)
    axis = _axis(verification, samples, at)
    checks = [_check(verification, check, samples.get(check.position, ()), axis, at) for check in verification.checks]
    soak = float(verification.contract["soak_s"])
    held = _held_s(verification, at)
    return View(
        mood=mood,
        word=word,
        headline=headline,
        until=until,
        sentence=_sentence(verification),
        held_since=verification.holding_since,
        held=span(min(held, soak)),
        soak=span(soak),
        every=span(verification.contract["every_s"]),
        bar=charts.segments(held / soak if soak else 1.0),
        charts=[check for check in checks if check.chart is not None],
        gates=[check for check in checks if check.chart is None],
        marks=axis.marks,
        has_soak=axis.soak is not None,
    )


def _verdict(verification: Verification) -> tuple[str, str, str, datetime | None]:
    """Mood, word and headline, and the moment that the headline ends with."""
    name = verification.service.name
    if verification.state == "canceled":
        return "idle", "Stopped", "Stopped without a verdict", None
    if verification.verdict:
        mood, word, headline = VERDICTS[verification.verdict]
        return mood, word, headline.format(service=name), None
    required = [check for check in verification.checks if check.required]
    if verification.holding_since:
        until = verification.holding_since + timedelta(seconds=verification.contract["soak_s"])
        return "run", "Pending", "Recovered, if all checks hold until", until
    if any(check.outcome == "fail" for check in required):
        return "warn", "Not yet", f"{name} has not recovered yet", None
    if any(check.outcome == "inconclusive" for check in required):
        return "warn", "Unclear", UNCLEAR, None
    return "run", "Pending", "Waiting for the first numbers that count", None


def _sentence(verification: Verification) -> str:
    if verification.state != "watching" or not verification.holding_since:
        return verification.sentence.removeprefix(f"{UNCLEAR}. ")  # the headline has said it
    version = verification.expected.get("version")
    return "No check has failed since then." if not version else f"{version} is what should run, and no check has failed since then."


def _held_s(verification: Verification, at: datetime) -> float:
    if verification.holding_since is None:
        return 0.0
    return max(((verification.ended_at or at) - verification.holding_since).total_seconds(), 0.0)


def _axis(verification: Verification, samples: Mapping[int, Sequence[Sample]], at: datetime) -> _Axis:
    acted = verification.acted_at or verification.began_at
    now = verification.ended_at or at
    first = min((one[0].at for one in samples.values() if one), default=acted)
    since = verification.holding_since
    until = since + timedelta(seconds=verification.contract["soak_s"]) if since else now
    end = now if verification.ended_at else max(now, until)
    start = min(max(first, acted - BEFORE), acted)
    marks = [(verification.began_at, "watched from here")]
    if verification.run:
        marks = [(acted, NOUNS.get(verification.run.plan.kind, "run")), (verification.began_at, "")]
    return _Axis(start, max(end, start + timedelta(seconds=30)), marks, (since, min(now, until)) if since else None)


def _check(verification: Verification, check: WatchedCheck, samples: Sequence[Sample], axis: _Axis, at: datetime) -> CheckView:
    config = config_of({"kind": check.kind, "config": check.config})
    mood, word = _standing(verification, check, at)
    value, promise, chart = "", "", None
    if isinstance(config, MetricConfig):
        limit = check.limit if check.limit is not None else config.limit
        value, promise = (
            figure(check.value, config.unit),
            f"{'under' if config.direction == 'below' else 'over'} {figure(limit, config.unit)}",
        )
        chart = charts.small_multiple(_chart(check, axis, [(one.at, one.value) for one in samples], unit=config.unit, limit=limit))
    elif isinstance(config, VersionConfig) and (pods := check.parts.get("pods")) and check.seen_at:
        replicas = [_lane(pod, check.seen_at) for pod in pods]
        wanted = verification.expected.get("version", "")
        value, promise = f"{sum(lane.right for lane in replicas)} of {len(replicas)}", f"all {wanted}" if wanted else ""
        chart = charts.lanes(_chart(check, axis, ()), replicas)
    taken = [one for one in reversed(samples) if not one.is_history]
    explains = check.outcome in {"fail", "inconclusive"} or "from before the release" in check.sentence
    return CheckView(
        position=check.position,
        name=check.name,
        promise=promise,
        value=value,
        sentence=check.sentence,
        explains=explains,
        mood=mood,
        word=word,
        required=check.required,
        seen_at=check.seen_at,
        chart=chart,
        samples=taken[:SHOWN],
        read=len(taken),
    )


def _standing(verification: Verification, check: WatchedCheck, at: datetime) -> tuple[str, str]:
    """Shape and words of a check: how long it holds, or why it does not."""
    if check.outcome == "fail":
        return "bad", "Fails"
    if check.outcome == "inconclusive":
        return "warn", "Cannot be told"
    if check.holding_since:
        held = span(((verification.ended_at or at) - check.holding_since).total_seconds())
        return "ok", f"{'Held' if verification.ended_at else 'Holds'} for {held}"
    if check.outcome == "pass":
        return "run", f"Passes, {check.successes} in a row"
    if check.seen_at is None:
        return "wait", "Not read yet"
    counts = verification.began_at + timedelta(seconds=window_of({"kind": check.kind, "config": check.config}))
    return "wait", f"Counts from {counts:%H:%M:%S}"


def _chart(check: WatchedCheck, axis: _Axis, points: Sequence[charts.Point], *, unit: str = "", limit: float | None = None) -> Chart:
    return Chart(
        key=f"chart-{check.position}",
        title=check.name,
        start=axis.start,
        end=axis.end,
        points=points,
        unit=unit,
        limit=limit,
        marks=axis.marks,
        soak=axis.soak,
    )


def _lane(pod: Mapping[str, object], seen_at: datetime) -> Lane:
    age = pod.get("age_s")
    since = seen_at - timedelta(seconds=float(age)) if isinstance(age, int | float) else seen_at
    return Lane(str(pod["name"]), str(pod["version"]), since, bool(pod.get("right", True)))
