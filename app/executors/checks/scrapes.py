"""Numbers from a text endpoint that we scrape ourselves: two scrapes, a time apart.

A counter says nothing by itself. Each scrape is kept as a small JSON object among the parts of its reading; the next reading
gets them back, compares with the oldest one inside the window, and keeps what it may still need. A reading without any
(the first one) scrapes twice. Where a counter went back, the service began again and so does the window.
"""

import math
import time
from typing import Any, NamedTuple

from app.core.clock import now
from app.core.gateway import AddressBlocked, NoAnswer
from app.executors.base import Context
from app.executors.checks import calls
from app.executors.checks.configs import MetricConfig
from app.executors.checks.exposition import matchers_of, parse, quantile, select
from app.executors.checks.readings import Reason, Unclear

Scrape = dict[str, Any]  # {"at": seconds, "count": n, "of": n} or {"at", "buckets": {"0.5": n}} or {"at", "gauge": n}
GAP_S = 1.0
_MOST_KEPT = 60


class Measured(NamedTuple):
    """`requests` is what was counted in the window of `seconds`; `floor` says that the value is only a lower bound."""

    value: float | None
    requests: float
    seconds: float
    kept: list[Scrape]
    floor: bool = False


def measure(config: MetricConfig, ctx: Context, earlier: list[Scrape]) -> Measured:
    """Scrape, compare with the oldest scrape inside the window, and say the number. Unclear where that cannot be done."""
    newest = _scrape(config, ctx)
    kept = _since(newest, earlier, config.window_s)
    if config.measure == "value":
        return Measured(newest["gauge"], float("inf"), 0.0, [])
    if not kept and not any(_went_back(scrape, newest) for scrape in earlier[-1:]):
        first = newest
        time.sleep(GAP_S)  # a counter alone says nothing, and nobody has scraped lately
        newest = _scrape(config, ctx)
        kept = _since(newest, [first], config.window_s)
    if not kept:
        sentence = "The counters began again, so the service restarted; the next reading compares with this one."
        raise Remembered(sentence, "not_yet", [newest])
    oldest = kept[0]
    seconds = newest["at"] - oldest["at"]
    thinned = _thinned([*kept, newest])
    if config.measure == "latency":
        buckets = {float(le): count - oldest["buckets"].get(le, 0.0) for le, count in newest["buckets"].items()}
        value, floor = quantile(config.quantile, buckets)
        return Measured(value, buckets.get(float("inf"), 0.0), seconds, thinned, floor)
    count, of = newest["count"] - oldest["count"], newest["of"] - oldest["of"]
    if config.measure == "rate":
        return Measured(count / seconds, of, seconds, thinned)
    return Measured(count / of if of else None, of, seconds, thinned)


class Remembered(Unclear):
    """No number yet, and scrapes that the next reading needs all the same."""

    def __init__(self, sentence: str, reason: Reason, kept: list[Scrape]) -> None:
        super().__init__(sentence, reason)
        self.kept = kept


def _scrape(config: MetricConfig, ctx: Context) -> Scrape:
    place = calls.where(config.url)
    try:
        answer = calls.call(ctx, config.url, timeout_s=config.timeout_s, limit_bytes=10_000_000)
    except AddressBlocked as error:
        raise Unclear(error.sentence, "config") from error
    except NoAnswer as error:
        raise Unclear(error.sentence, "unreachable") from error
    calls.refused(answer, config.url)
    if answer.status != 200:
        raise Unclear(f"{place} answers {answer.status}, so there are no numbers.", "unreachable")
    # JSON knows no NaN; a gauge that is none is said by its own sentence
    series = [one for one in parse(answer.text) if config.measure == "value" or math.isfinite(one.value)]
    at = now().timestamp()
    matchers, of = matchers_of(config.matchers), matchers_of(config.of)
    if config.measure == "latency":
        buckets: dict[str, float] = {}
        for one in select(series, f"{config.metric}_bucket", matchers):
            bound = str(float(one.labels.get("le", "nan")))
            buckets[bound] = buckets.get(bound, 0.0) + one.value
        return _known({"at": at, "buckets": buckets}, config, place, is_known=bool(buckets))
    if config.measure == "value":
        gauges = select(series, config.metric, matchers)
        return _known({"at": at, "gauge": sum(one.value for one in gauges) * config.factor}, config, place, is_known=bool(gauges))
    all_of = select(series, config.metric, of)
    counted = select(all_of, config.metric, matchers)
    # a healthy service has no error series yet: nought of all, as long as all of them are there
    scrape = {"at": at, "count": sum(one.value for one in counted), "of": sum(one.value for one in all_of)}
    return _known(scrape, config, place, is_known=bool(all_of))


def _known(scrape: Scrape, config: MetricConfig, place: str, *, is_known: bool) -> Scrape:
    if not is_known and config.must_have_data:
        which = f" with {config.of or config.matchers}" if config.of or config.matchers else ""
        raise Unclear(f"{place} has no {config.metric}{which}. Check the name and the labels.", "no_data")
    return scrape


def _since(newest: Scrape, earlier: list[Scrape], window_s: float) -> list[Scrape]:
    """The scrapes that the newest one may be compared with: inside the window, and since the counters last began."""
    kept: list[Scrape] = []
    for scrape in reversed(earlier):
        age = newest["at"] - scrape["at"]
        # the last one before the window's edge counts too, so that windows follow each other without a gap
        if _went_back(scrape, newest) or (kept and newest["at"] - kept[0]["at"] >= window_s) or age > 4 * window_s:
            break
        if age > 0:
            kept.insert(0, scrape)
    return kept


def _went_back(old: Scrape, new: Scrape) -> bool:
    if "buckets" in old:
        return any(new["buckets"].get(bound, 0.0) < count for bound, count in old["buckets"].items())
    return bool(new["of"] < old["of"] or new["count"] < old["count"]) if "of" in old else False


def _thinned(scrapes: list[Scrape]) -> list[Scrape]:
    """At most so many, the newest and the oldest always among them."""
    return scrapes if len(scrapes) <= _MOST_KEPT else [*scrapes[:-1:2], scrapes[-1]]
