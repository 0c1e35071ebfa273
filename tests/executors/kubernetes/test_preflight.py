"""Small readings of a preview."""

from decimal import Decimal

import pytest

from app.executors.kubernetes import objects, preflight


@pytest.mark.parametrize(
    ("quantity", "number"), [("500m", "0.5"), ("2", "2"), ("2Gi", str(2 * 2**30)), ("1k", "1000"), ("1e3", "1000"), ("odd", "0")]
)
def test_a_quantity_as_a_number(quantity, number):
    assert preflight.amount(quantity) == Decimal(number)


@pytest.mark.parametrize(
    ("kind", "strategy", "said"),
    [
        (
            "Deployment",
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
            "at most 25% more pods, at most 0 unavailable",
        ),
        ("Deployment", {"type": "Recreate"}, "Recreate"),
        ("StatefulSet", {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}, "only pods from number 2 on"),
        ("StatefulSet", {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}, "one pod after the other"),
        ("DaemonSet", {"type": "OnDelete"}, "OnDelete"),
    ],
)
def test_a_strategy_in_words(kind, strategy, said):
    key = "strategy" if kind == "Deployment" else "updateStrategy"
    assert said in preflight.strategy({"kind": kind, "spec": {key: strategy}})


def test_label_selectors_match_as_the_api_server_does():
    labels = {"app": "login", "tier": "front"}
    assert objects.selects({"matchLabels": {"app": "login"}}, labels)
    assert not objects.selects({"matchLabels": {"app": "cart"}}, labels)
    assert objects.selects({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["front"]}]}, labels)
    assert not objects.selects(
        {"matchExpressions": [{"key": "tier", "operator": "Exists"}, {"key": "app", "operator": "DoesNotExist"}]}, labels
    )
    assert objects.selects({}, labels)
    assert not objects.selects(None, labels)


def test_a_selector_as_a_query():
    live = {
        "spec": {
            "selector": {"matchLabels": {"app": "login"}, "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["a", "b"]}]}
        }
    }
    assert objects.selector(live) == "app=login,tier notin (a,b)"
