import json
import math

import pytest

from app.executors.checks import exposition, scrapes
from app.executors.checks.reading import history, read

SHARE = {"measure": "error_ratio", "requests": "requests", "errors": "errors", "limit": 1.0, "window_s": 10}


class Prometheus:
    """Answers `/api/v1/query` as Prometheus does: a number, "NaN", None for no series, or several."""

    def __init__(self, site):
        self.site = site
        self.values = {}
        site.answers["/api/v1/query"] = self.answer

    def answer(self, request):
        from urllib.parse import parse_qs

        query = parse_qs(request.body)["query"][0]
        value = self.values[query]
        values = value if isinstance(value, list) else [] if value is None else [value]
        result = [{"metric": {}, "value": [1, str(one)]} for one in values]
        return 200, json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})

    def read(self, ctx, baseline=None, **config):
        return read("metric", {"url": self.site.url, **SHARE, **config}, ctx, baseline=baseline)


@pytest.fixture
def prometheus(site):
    return Prometheus(site)


def test_the_share_of_errors_is_computed_here(prometheus, ctx):
    prometheus.values = {"requests": 50, "errors": 6.2}
    reading = prometheus.read(ctx)
    assert (reading.outcome, reading.sentence) == ("fail", "12.4\u00a0%, over the limit of 1\u00a0%.")
    prometheus.values = {"requests": 50, "errors": 0.2}
    reading = prometheus.read(ctx)
    assert (reading.outcome, reading.value, reading.sentence) == ("pass", pytest.approx(0.4), "0.4\u00a0%, under 1\u00a0%.")


def test_a_healthy_service_without_an_error_series_is_nought_and_passes(prometheus, ctx):
    prometheus.values = {"requests": 50, "errors": None}
    reading = prometheus.read(ctx)
    assert (reading.outcome, reading.value) == ("pass", 0.0)


@pytest.mark.parametrize(
    ("values", "reason", "word"),
    [
        ({"requests": None, "errors": None}, "no_data", "knows no requests"),
        ({"requests": "NaN", "errors": 0}, "no_traffic", "No requests in the last 10\u00a0s"),
        ({"requests": 0, "errors": 0}, "no_traffic", "No requests"),
        ({"requests": 0.5, "errors": 0}, "too_little", "Only 5 requests in the last 10\u00a0s; 20 are needed"),
        ({"requests": "+Inf", "errors": 0}, "config", "divides by nought"),
        ({"requests": [1, 2, 3], "errors": 0}, "config", "gives 3 series"),
    ],
)
def test_what_is_no_number_never_passes_and_says_which_case_it_is(prometheus, ctx, values, reason, word):
    prometheus.values = values
    reading = prometheus.read(ctx)
    assert (reading.outcome, reading.reason) == ("inconclusive", reason)
    assert word in reading.sentence


@pytest.mark.parametrize(
    ("answer", "reason", "word"),
    [
        ((400, '{"status":"error","errorType":"bad_data","error":"1:5: parse error"}'), "config", "parse error"),
        ((422, '{"status":"error","errorType":"execution","error":"found duplicate series"}'), "config", "duplicate"),
        ((503, '{"status":"error","errorType":"timeout","error":"query timed out"}'), "unreachable", "timed out"),
        ((401, ""), "unreachable", "refuses us (401)"),
        ((200, "<html>sign in</html>", {"Content-Type": "text/html"}), "config", "web page"),
        ((200, "[]"), "config", "not as Prometheus does"),
        ((302, "", {"Location": "/login"}), "config", "answers 302"),
    ],
)
def test_a_source_that_does_not_answer_well_is_told_from_a_service_that_is_not_well(site, ctx, answer, reason, word):
    site.answers["/api/v1/query"] = answer
    reading = Prometheus.read(type("At", (), {"site": site})(), ctx)
    assert (reading.outcome, reading.reason) == ("inconclusive", reason)
    assert word in reading.sentence


def test_prometheus_down_is_inconclusive(ctx):
    reading = read("metric", {"url": "http://127.0.0.1:9", **SHARE}, type(ctx)(operation="t", allowed=frozenset({("127.0.0.1", 9)})))
    assert (reading.outcome, reading.reason) == ("inconclusive", "unreachable")
    assert reading.sentence.startswith("Prometheus cannot be asked: 127.0.0.1:9 refused the connection")


def test_a_plain_query_may_do_without_data_only_where_that_was_said(prometheus, ctx):
    prometheus.values = {"up": None}
    plain = {"measure": "value", "query": "up", "requests": "", "limit": 1}
    assert prometheus.read(ctx, **plain).reason == "no_data"
    assert prometheus.read(ctx, **plain, must_have_data=False).outcome == "pass"
    prometheus.values = {"up": "NaN"}
    assert prometheus.read(ctx, **plain, must_have_data=False).reason == "no_traffic"


def test_the_baseline_widens_the_limit_and_says_so(prometheus, ctx):
    prometheus.values = {"requests": 50, "p95": 0.55}
    slow = {"measure": "latency", "latency": "p95", "limit": 500, "baseline_factor": 1.5}
    assert prometheus.read(ctx, **slow).sentence == "550\u00a0ms, over the limit of 500\u00a0ms."
    reading = prometheus.read(ctx, **slow, baseline=400.0)
    assert reading.outcome == "pass"
    assert reading.sentence == "550\u00a0ms, under 600\u00a0ms (1.5\u00a0×\u00a0400\u00a0ms from before the release)."


def test_history_has_gaps_where_there_was_no_traffic(site, ctx):
    from datetime import UTC, datetime

    def answer(request):
        values = [[0, "50"], [10, "0.1"], [20, "50"]] if "requests" in request.body else [[0, "5"]]
        return 200, json.dumps({"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": values}]}})

    site.answers["/api/v1/query_range"] = answer
    at = [datetime.fromtimestamp(second, UTC) for second in (0, 10, 20)]
    assert history({"url": site.url, **SHARE}, ctx, at[0], at[2], 10) == [(at[0], 10.0), (at[1], None), (at[2], 0.0)]


class Counters:
    """A text endpoint whose counters stand where the test puts them."""

    def __init__(self, site):
        self.site, self.ok, self.bad, self.quick, self.slow = site, 0, 0, 0, 0
        site.answers["/metrics"] = lambda _: (200, self.text())

    def text(self):
        total = self.quick + self.slow
        lines = ["# HELP http_requests_total Requests.", f'http_requests_total{{path="/login",code="200"}} {self.ok}']
        lines += [f'http_requests_total{{path="/login",code="500"}} {self.bad}'] if self.bad else []
        lines += [
            f'took_bucket{{le="0.1"}} {self.quick}',
            f'took_bucket{{le="1"}} {total}',
            f'took_bucket{{le="+Inf"}} {total}',
            "queue NaN",
        ]
        return "\n".join([*lines, "not a line {", "# EOF"])

    def read(self, ctx, earlier=None, **config):
        given = {"source": "endpoint", "url": f"{self.site.url}/metrics", "metric": "http_requests_total", "window_s": 10, "limit": 1.0}
        return read("metric", {**given, **config}, ctx, earlier=earlier or {})


RATIO = {"measure": "error_ratio", "matchers": 'code=~"5.."', "of": 'path="/login"'}


@pytest.fixture
def counters(site, monkeypatch):
    monkeypatch.setattr(scrapes, "GAP_S", 0.05)
    return Counters(site)


def test_a_counter_is_read_as_what_was_added_between_two_scrapes(counters, ctx):
    counters.ok, counters.bad = 1000, 900
    first = counters.read(ctx, **RATIO)
    assert first.reason == "no_traffic"  # nothing was added between its own two scrapes
    counters.ok, counters.bad = 1088, 912
    second = counters.read(ctx, first.parts, **RATIO)
    assert (second.outcome, second.value) == ("fail", pytest.approx(12.0))
    counters.ok = 1988
    third = counters.read(ctx, second.parts, **RATIO)
    assert third.value == pytest.approx(12 / 10.0)


def test_no_error_series_on_an_endpoint_is_nought_and_an_unknown_counter_is_no_data(counters, ctx):
    first = counters.read(ctx, **RATIO)
    counters.ok = 100
    assert counters.read(ctx, first.parts, **RATIO).value == 0.0
    unknown = counters.read(ctx, first.parts, **RATIO, metric="requests_total")
    assert (unknown.outcome, unknown.reason) == ("inconclusive", "no_data")
    assert 'has no requests_total with path="/login"' in unknown.sentence


def test_a_restart_of_the_service_begins_a_new_window(counters, ctx):
    counters.ok = 500
    first = counters.read(ctx, **RATIO)
    counters.ok = 3
    again = counters.read(ctx, first.parts, **RATIO)
    assert (again.outcome, again.reason) == ("inconclusive", "not_yet")
    counters.ok = 103
    assert counters.read(ctx, again.parts, **RATIO).outcome == "pass"


def test_a_counter_that_is_no_number_is_not_taken_for_one(counters, ctx, site):
    site.answers["/metrics"] = (
        200,
        'http_requests_total{path="/login",code="200"} NaN\nhttp_requests_total{path="/login",code="500"} +Inf',
    )
    reading = counters.read(ctx, **RATIO)
    assert (reading.outcome, reading.reason) == ("inconclusive", "no_data")


def test_the_window_leaves_old_scrapes_behind(counters, ctx):
    newest = {"at": 1000.0, "count": 9, "of": 100}
    ages = [60, 35, 12, 8, 4]
    earlier = [{"at": 1000.0 - age, "count": 0, "of": 10} for age in ages]
    assert [1000.0 - scrape["at"] for scrape in scrapes._since(newest, earlier, 10)] == [12, 8, 4]
    assert scrapes._since(newest, earlier[:1], 10) == []


def test_a_quantile_comes_from_the_buckets_of_the_window(counters, ctx):
    latency = {"measure": "latency", "metric": "took", "limit": 500, "quantile": 0.5}
    counters.slow = 1000  # from before the window
    first = counters.read(ctx, **latency)
    counters.quick = 100
    second = counters.read(ctx, first.parts, **latency)
    assert (second.outcome, second.value, second.unit) == ("pass", pytest.approx(50), "ms")


def test_a_gauge_needs_no_second_scrape_and_nan_never_passes(counters, ctx):
    reading = counters.read(ctx, measure="value", metric="queue", limit=10)
    assert (reading.outcome, reading.reason) == ("inconclusive", "no_data")
    assert counters.read(ctx, measure="value", metric="http_requests_total", limit=10).value == 0


@pytest.mark.parametrize(
    ("q", "buckets", "value", "floor"),
    [
        (0.5, {0.1: 0, 0.5: 10, math.inf: 10}, 0.3, False),
        (0.99, {0.1: 90, 0.5: 90, math.inf: 100}, 0.5, True),
        (0.95, {0.1: 0, math.inf: 0}, None, False),
        (0.95, {}, None, False),
    ],
)
def test_quantiles_are_those_of_prometheus(q, buckets, value, floor):
    found, is_floor = exposition.quantile(q, buckets)
    assert (found, is_floor) == (pytest.approx(value) if value is not None else None, floor)


def test_labels_may_hold_braces_commas_and_quotes():
    (series,) = exposition.parse('requests{path="/a{b},c\\"d",code="200"} 3 1700000000')
    assert (series.labels, series.value) == ({"path": '/a{b},c"d', "code": "200"}, 3.0)
    assert exposition.select([series], "requests", exposition.matchers_of('path=~"/a.*", method="", code!="500"')) == [series]
    assert not exposition.select([series], "requests", exposition.matchers_of('code=~"20"'))
