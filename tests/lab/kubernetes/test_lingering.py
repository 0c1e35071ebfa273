"""Waiting for a change that the API server tells of, instead of asking again and again."""

import threading
import time

import pytest

from app.executors.base import Standing
from app.executors.kubernetes.client import connect


@pytest.fixture
def waiting(shop):
    shop.create("Deployment")
    shop.rolled_out("Deployment")
    return shop.step("kubernetes.wait", "Deployment")


def linger(step, *, within_s):
    return step.action.linger(step.plan.body, step.observe(), step.context, within_s=within_s)


def test_a_change_ends_the_wait_at_once(shop, waiting):
    threading.Timer(0.3, shop.edit, ["Deployment", {"spec": {"replicas": 4}}]).start()
    began = time.monotonic()
    assert linger(waiting, within_s=20)
    assert time.monotonic() - began < 10


def test_what_changed_since_the_look_ends_it_too(shop, waiting):
    seen = waiting.observe()
    shop.edit("Deployment", {"spec": {"replicas": 4}})
    assert waiting.action.linger(waiting.plan.body, seen, waiting.context, within_s=20)


def test_without_a_change_it_ends_in_time(waiting):
    shop_is_calm = waiting.until(Standing.DONE)
    began = time.monotonic()
    assert waiting.action.linger(waiting.plan.body, shop_is_calm, waiting.context, within_s=1)
    assert time.monotonic() - began < 5


def test_where_watching_is_not_possible_it_says_so(shop, waiting):
    api = connect({"kubeconfig": shop.credentials["kubeconfig"].replace("lab-administrator", "expired")})
    assert api.changes_after("1", shop.path("Deployment"), "login", wakes=lambda live, after_s: True, within_s=1) is False


def test_a_rollout_on_its_way_does_not_wake_it_with_every_pod(shop, waiting):
    waiting.until(Standing.DONE)
    shop.edit("Deployment", {"spec": {"template": {"metadata": {"annotations": {"again": "1"}}}}})
    step, looks = shop.step("kubernetes.wait", "Deployment"), 0
    while (seen := step.observe()).standing is not Standing.DONE:
        assert step.action.linger(step.plan.body, seen, step.context, within_s=2)
        looks += 1
        assert looks < 100, seen.sentence
    events = 3 * seen.total  # each pod that is replaced changes the counts at least three times
    assert looks < events
