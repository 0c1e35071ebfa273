"""Metrics and a whole verification against a real Prometheus, on a cluster whose pods behave as their tag says."""

import os
import secrets
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.catalog.models import AllowedAddress
from app.core.clock import now
from app.core.database import transaction
from app.executors.base import Context
from app.executors.checks.defaults import defaults_for
from app.executors.checks.reading import history, read
from app.verification import actions, queries, rounds
from app.verification.models import Verification, WatchedCheck
from tests.factories import make_cluster, make_person, make_release, make_service, make_target

KUBECONFIG = os.environ.get("LASTGOOD_TEST_KUBECONFIG", "")
PROMETHEUS = os.environ.get("LASTGOOD_TEST_PROMETHEUS_URL", "")
pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not (KUBECONFIG and PROMETHEUS), reason='needs the lab: eval "$(../shared/lab/lab up)"'),
    pytest.mark.filterwarnings("ignore:Unverified HTTPS"),
]
WINDOW = 5  # Prometheus scrapes each second here
AGE = WINDOW + 10  # of the youngest series of an app: no window of a test, in the past either, reaches back before its first sample


def place(url):
    return urlsplit(url).hostname, urlsplit(url).port


def until(fact, within_s=60):
    deadline = time.monotonic() + within_s
    while True:
        found = fact()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)


class Shop:
    """A namespace of our own; each app in it is a Deployment that takes 50 requests a second."""

    def __init__(self):
        from kubernetes import client, config

        api = config.new_client_from_config(KUBECONFIG)
        self.core, self.apps = client.CoreV1Api(api), client.AppsV1Api(api)
        self.namespace = f"checks-{secrets.token_hex(4)}"
        self.core.create_namespace({"metadata": {"name": self.namespace}})

    def deploy(self, app, tag):
        pod = {"terminationGracePeriodSeconds": 1, "containers": [{"name": "app", "image": f"shop/login:{tag}"}]}
        template = {"metadata": {"labels": {"app": app}}, "spec": pod}
        spec = {"replicas": 2, "selector": {"matchLabels": {"app": app}}, "template": template}
        self.apps.create_namespaced_deployment(self.namespace, {"metadata": {"name": app}, "spec": spec})

    def ship(self, app, tag):
        change = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": f"shop/login:{tag}"}]}}}}
        self.apps.patch_namespaced_deployment(app, self.namespace, change)
        until(lambda: self._settled(app))

    def _settled(self, app):
        live = self.apps.read_namespaced_deployment(app, self.namespace)
        status = live.status
        counts = {status.replicas, status.updated_replicas, status.ready_replicas}
        return status.observed_generation == live.metadata.generation and counts == {2}

    def checks(self, app):
        selector = f'namespace="{self.namespace}",app="{app}"'
        return {check["name"]: check["config"] for check in defaults_for("prometheus", PROMETHEUS, selector=selector, window_s=WINDOW)}

    def is_measured(self, app, codes):
        """Every series of the app is there and old enough. A counter's rise to its first sample is no rise to Prometheus."""
        labels, ctx = f'namespace="{self.namespace}",app="{app}"', Context(operation="test", allowed=frozenset({place(PROMETHEUS)}))
        asked = [
            *(f'http_requests_total{{{labels},code="{code}"}} offset {AGE}s' for code in codes),
            f'http_request_duration_seconds_bucket{{{labels},le="+Inf"}} offset {AGE}s',
        ]
        return all(read("metric", plain(query), ctx).reason == "" for query in asked)


@pytest.fixture(scope="module")
def shop():
    one = Shop()
    apps = {"good": ("v1.2.3", ["200"]), "bad": ("v1.2.4-bad", ["200", "500"]), "login": ("v1.2.4-bad", ["200", "500"])}
    for app, (tag, _) in apps.items():
        one.deploy(app, tag)
    for app, (_, codes) in apps.items():
        until(lambda app=app, codes=codes: one.is_measured(app, codes))
    yield one
    one.core.delete_namespace(one.namespace)


@pytest.fixture
def ctx():
    return Context(operation="test", allowed=frozenset({place(PROMETHEUS)}))


def plain(query, **config):
    return {"url": PROMETHEUS, "query": query, "limit": 1.0, **config}


def test_a_healthy_service_has_no_error_series_and_passes(shop, ctx):
    labels = f'namespace="{shop.namespace}",app="good"'
    share = f'sum(rate(http_requests_total{{{labels},code="501"}}[5s])) / sum(rate(http_requests_total{{{labels}}}[5s]))'
    assert read("metric", plain(share), ctx).reason == "no_data"  # the usual query answers nothing at all
    config = shop.checks("good")["Error rate"]
    reading = read("metric", config | {"errors": config["errors"].replace('=~"5.."', '="501"')}, ctx)
    assert (reading.outcome, reading.value) == ("pass", 0.0)
    assert read("metric", shop.checks("good")["Response time"], ctx).outcome == "pass"


def test_a_bad_release_is_seen_in_all_three_shipped_checks(shop, ctx):
    readings = {name: read("metric", config, ctx) for name, config in shop.checks("bad").items()}
    assert {reading.outcome for reading in readings.values()} == {"fail"}
    assert 3 < readings["Error rate"].value < 30
    assert 600 < readings["Response time"].value <= 1000
    assert readings["5xx responses"].unit == "/s"


@pytest.mark.parametrize(
    ("query", "reason", "word"),
    [
        ("sum(rate(http_requests_total[", "config", "parse error"),
        ("vector(1) / 0", "config", "divides by nought"),
        ("vector(0) / 0", "no_traffic", "nothing to measure"),
        ("prometheus_no_such_metric", "no_data", "no series"),
        ("http_requests_total", "config", "one number is needed"),
        ("http_requests_total[5s]", "config", "gives a matrix"),
        ('"text"', "config", "gives a string"),
        ("scalar(prometheus_no_such_metric)", "no_traffic", "nothing to measure"),
        ("http_requests_total * on(app) group_left http_requests_total", "config", "cannot evaluate"),
    ],
)
def test_what_prometheus_answers_besides_a_number_is_told_apart(shop, ctx, query, reason, word):
    reading = read("metric", plain(query), ctx)
    assert (reading.outcome, reading.reason) == ("inconclusive", reason)
    assert word in reading.sentence


def test_an_unknown_service_and_one_without_traffic_never_pass(shop, ctx):
    unknown = read("metric", shop.checks("nowhere")["Error rate"], ctx)
    assert (unknown.outcome, unknown.reason) == ("inconclusive", "no_data")


def test_history_is_the_same_number_over_the_past(shop, ctx):
    end = now()
    points = history(shop.checks("bad")["Error rate"], ctx, end - timedelta(seconds=3), end, 1)
    assert points
    assert all(1 < value < 50 for _, value in points if value is not None)


def test_a_rollback_on_a_real_cluster_is_proved_by_its_own_numbers(shop, console, ctx):
    checks = shop.checks("login")
    verification_id, bad = begin(shop, checks)
    acted = now()
    shop.ship("login", "v1.2.3")
    with transaction() as session:
        one = session.get_one(Verification, verification_id)
        one.acted_at, one.began_at = acted, now()
    verification = until(lambda: advanced(verification_id))
    assert (verification.verdict, bad.version) == ("recovered", "v1.2.4-bad")
    assert "Version on each replica: v1.2.3 on 2 of 2 pods" in verification.sentence
    assert "Error rate: 0\u00a0%, under 1\u00a0%" in verification.sentence
    with transaction() as session:
        samples = queries.samples(session, queries.get(session, verification_id, reach=make_person(session).reach()))
        assert max(sample.value or 0 for sample in samples[0] if sample.is_history) > 3  # the climb from before is in the chart
        assert session.get_one(WatchedCheck, (verification_id, 0)).before > 3


def begin(shop, configs):
    """A verification of the login service, as a run to v1.2.3 would begin it."""
    with transaction() as session:
        ana = make_person(session)
        service = make_service(session, "login")
        cluster = make_cluster(session, Path(KUBECONFIG).read_text())
        target = make_target(session, service, cluster=cluster, namespace=shop.namespace)
        bad = make_release(session, target, "v1.2.4-bad", current=True, sealed={})
        host, port = place(PROMETHEUS)
        session.add(AllowedAddress(host=host, port=port, allowed_by="Ana"))
        checks = [
            {"check_id": None, "name": name, "kind": "metric", "config": config, "required": True} for name, config in configs.items()
        ]
        checks.append({"check_id": None, "name": "Version on each replica", "kind": "version", "config": {}, "required": True})
        contract = {"soak_s": 3, "deadline_s": 120, "every_s": 1, "checks": checks}
        expected = {"version": "v1.2.3", "image_ids": [], "target_id": target.id}
        made = actions.start(session, service=service, contract=contract, by=ana, expected=expected)
        return made.id, bad


def advanced(verification_id):
    """One round where one is due; the verification once it has ended."""
    rounds.advance(verification_id)
    with transaction() as session:
        verification = session.get_one(Verification, verification_id)
        return verification if verification.ended_at else None
