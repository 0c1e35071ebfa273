import pytest

from app.core.errors import Invalid
from app.executors.checks.configs import parse
from app.executors.checks.defaults import defaults_for

URL = "https://shop.example.org/x"


def problems(kind, **config):
    with pytest.raises(Invalid) as error:
        parse(kind, config)
    return error.value.problems


def test_what_a_form_sends_is_understood():
    config = parse("health", {"url": f" {URL} ", "expect_status": "204", "json_path": "", "timeout_s": "2.5"})
    assert (config.url, config.expect_status, config.json_path, config.timeout_s) == (URL, 204, "", 2.5)


@pytest.mark.parametrize(
    ("kind", "config", "field", "sentence"),
    [
        ("health", {}, "url", "This is needed."),
        ("health", {"url": "shop"}, "url", "shop is not a web address. Write it like https://shop.example.org/health."),
        ("health", {"url": URL, "expect_status": "many"}, "expect_status", "This must be a number."),
        ("health", {"url": URL, "timeout_s": "0"}, "timeout_s", "This must be more than 0."),
        ("health", {"url": URL, "colour": "red"}, "colour", "colour is not a setting of this check."),
        ("version", {"source": "url"}, "url", "Give the address at which the service says its version."),
        ("version", {"pattern": "v(.)(.)"}, "pattern", "The pattern needs one group that catches the version, like version: (\\S+)."),
        ("smoke", {}, "steps", "Give either requests or a command: one of them says whether the service can be used."),
        ("smoke", {"steps": f"GET {URL} ok"}, "steps", f"In “GET {URL} ok” the third word is the status to expect, like 200."),
        ("metric", {"url": URL, "limit": 1}, "query", "Give the PromQL for this, like sum(rate(http_requests_total[{window}]))."),
        (
            "metric",
            {"url": URL, "limit": 1, "source": "endpoint"},
            "metric",
            "Name the counter, histogram or gauge, like http_requests_total.",
        ),
        ("metric", {"url": URL, "limit": 1, "matchers": "code"}, "matchers", 'Write labels like code=~"5..", path="/login".'),
        ("uptime", {}, "kind", "A check is one of health, version, smoke, metric; 'uptime' is none of them."),
    ],
)
def test_a_wrong_field_is_named_with_what_would_be_right(kind, config, field, sentence):
    assert problems(kind, **config)[field] == sentence


def test_smoke_steps_may_be_typed_one_a_line():
    config = parse("smoke", {"steps": f"{URL}\n\npost {URL}/login 303\nGET {URL} 200 Sign out here"})
    assert [(step.method, step.expect_status, step.expect_text) for step in config.steps] == [
        ("GET", 200, ""),
        ("POST", 303, ""),
        ("GET", 200, "Sign out here"),
    ]


def test_a_smoke_command_is_split_like_in_a_terminal_and_never_run_by_one():
    assert parse("smoke", {"command": "curl -H 'A: b' $HOME"}).command == ["curl", "-H", "A: b", "$HOME"]


def test_the_limit_is_never_stricter_than_what_was_usual():
    config = parse("metric", {"url": URL, "query": "x", "limit": 500, "baseline_factor": 1.5, "unit": "ms"})
    assert [config.limit_with(baseline) for baseline in (None, 100.0, 400.0)] == [500, 500, 600]
    throughput = parse("metric", {"url": URL, "query": "x", "limit": 50, "direction": "above", "baseline_factor": 0.5})
    assert [throughput.limit_with(baseline) for baseline in (None, 200.0, 60.0)] == [50, 50, 30]


@pytest.mark.parametrize("source", ["prometheus", "endpoint"])
def test_the_shipped_checks_are_valid(source):
    checks = defaults_for(source, URL, selector='app="login"')
    assert [check["name"] for check in checks] == ["Error rate", "Response time", "5xx responses"]
    assert [parse(check["kind"], check["config"]).promise for check in checks] == [
        "under 1\u00a0%",
        "under 500\u00a0ms, or 1.5 times what it was before the release",
        "under 0.5\u00a0per s, or 2 times what it was before the release",
    ]
