"""Restart, scale, scale to zero and back."""

import pytest

from app.executors.base import Drifted, Standing, StepFailed
from app.executors.kubernetes.objects import REMEMBERED


@pytest.fixture
def login(shop):
    shop.create("Deployment")
    shop.rolled_out("Deployment")
    return shop


def replicas(shop, kind="Deployment"):
    return shop.get(kind)["spec"].get("replicas", 0)


def remembered(shop):
    return shop.get("Deployment")["metadata"].get("annotations", {}).get(REMEMBERED)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_restart_replaces_every_pod_and_is_the_same_release(shop, kind):
    shop.create(kind)
    shop.rolled_out(kind)
    before = shop.read(kind)
    step = shop.step("kubernetes.restart", kind)
    assert step.observe().standing is Standing.NOT_STARTED
    step.apply()
    step.until(Standing.DONE)
    shop.step("kubernetes.wait", kind, digest=before.digest, version=before.version).until(Standing.DONE)
    after = shop.read(kind)
    assert after.digest == before.digest
    assert not {pod.uid for pod in before.pods} & {pod.uid for pod in after.pods if pod.ready}
    assert step.undo() is None


def test_a_restart_sent_twice_makes_one_rollout(login):
    step = login.step("kubernetes.restart", "Deployment")
    first, second = step.apply(), step.apply()
    assert first["generation"] == second["generation"]
    assert second["already"]


def test_a_restart_does_not_go_out_on_another_template(login):
    step = login.step("kubernetes.restart", "Deployment")
    login.set_image("Deployment", "v1.3.0")
    with pytest.raises(Drifted, match="Nothing was changed"):
        step.apply()


def test_scaled_to_a_number_and_back_by_undo(login):
    step = login.step("kubernetes.scale", "Deployment", replicas=5)
    assert [(change.now, change.after) for change in step.plan.changes] == [("3", "5")]
    step.apply()
    step.until(Standing.DONE)
    assert login.rolled_out("Deployment").sentence == "5 of 5 pods serve v1.2.3."
    undo = step.undo()
    assert (undo.action, undo.params["replicas"]) == ("kubernetes.scale", 3)


def test_a_number_that_somebody_else_changed_meanwhile_is_left_alone(login):
    step = login.step("kubernetes.scale", "Deployment", replicas=5)
    login.edit("Deployment", {"spec": {"replicas": 2}})
    assert step.observe().standing is Standing.DRIFTED
    with pytest.raises(Drifted, match="was scaled from 3 to 2"):
        step.apply()
    assert replicas(login) == 2


def test_zero_is_not_a_number_to_scale_to_and_a_daemon_set_does_not_scale(login):
    with pytest.raises(StepFailed, match="Scale to zero"):
        login.step("kubernetes.scale", "Deployment", replicas=0)
    with pytest.raises(StepFailed, match="cannot be scaled"):
        login.step("kubernetes.scale_to_zero", "DaemonSet")


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_to_zero_with_no_pod_left_and_back_to_the_number_that_was(shop, kind):
    shop.create(kind)
    shop.rolled_out(kind)
    down = shop.step("kubernetes.scale_to_zero", kind)
    assert "stops-service" in down.codes()
    assert down.observe().standing is Standing.NOT_STARTED
    down.apply()
    seen = down.until(Standing.DONE)
    assert (seen.sentence, seen.done, seen.total) == ("No pod is left.", 3, 3)
    assert shop.read(kind).pods == []
    assert down.undo().params["replicas"] == 3

    up = shop.step("kubernetes.scale_back", kind)
    assert up.plan.body["replicas"] == 3
    up.apply()
    up.until(Standing.DONE)
    assert shop.rolled_out(kind).done == 3
    assert REMEMBERED not in shop.get(kind)["metadata"].get("annotations", {})


def test_a_pod_that_is_still_stopping_may_still_write(shop):
    shop.create("Deployment", replicas=1, pod={"containers": [{"name": "login", "image": "shop/login:v1.2.3"}]})
    shop.rolled_out("Deployment")
    (pod,) = shop.read("Deployment").pods
    # a finalizer holds the pod as a long shutdown would
    shop.edit("Pod", {"metadata": {"finalizers": ["lastgood.test/hold"]}}, name=pod.name)
    down = shop.step("kubernetes.scale_to_zero", "Deployment")
    down.apply()
    seen = down.until_said("may still write")
    assert seen.standing is Standing.IN_PROGRESS
    shop.until(lambda: shop.get("Deployment").get("status", {}).get("replicas", 0) == 0)
    assert down.observe().standing is Standing.IN_PROGRESS
    shop.edit("Pod", {"metadata": {"finalizers": None}}, name=pod.name)
    down.until(Standing.DONE)


def test_to_zero_twice_never_remembers_a_zero(login):
    first = login.step("kubernetes.scale_to_zero", "Deployment")
    first.apply()
    first.apply()
    first.until(Standing.DONE)
    second = login.step("kubernetes.scale_to_zero", "Deployment", operation="run-2-step-1")
    assert second.plan.already
    second.apply()
    assert remembered(login) == "3"


def test_to_zero_remembers_the_number_of_that_moment_not_of_the_preview(login):
    down = login.step("kubernetes.scale_to_zero", "Deployment")
    login.edit("Deployment", {"spec": {"replicas": 4}})
    down.apply()
    assert (replicas(login), remembered(login)) == (0, "4")


def test_back_is_refused_where_there_is_nothing_to_go_back_to(login):
    with pytest.raises(StepFailed, match="is not at zero: it has 3 replicas"):
        login.step("kubernetes.scale_back", "Deployment")
    login.edit("Deployment", {"spec": {"replicas": 0}})
    with pytest.raises(StepFailed, match="Nobody remembers"):
        login.step("kubernetes.scale_back", "Deployment")
    assert login.step("kubernetes.scale_back", "Deployment", replicas=2).plan.body["replicas"] == 2


def test_somebody_scaled_it_up_first_so_back_overwrites_nothing(login):
    down = login.step("kubernetes.scale_to_zero", "Deployment")
    down.apply()
    up = login.step("kubernetes.scale_back", "Deployment", operation="run-2-step-1")
    login.edit("Deployment", {"spec": {"replicas": 1}})
    with pytest.raises(Drifted):
        up.apply()
    assert replicas(login) == 1
    assert down.observe().sentence.startswith("deployment/login was set to 0, and then to 1 by")


def test_an_autoscaler_is_named_as_the_one_who_changes_the_number_again(login):
    scalers = f"/apis/autoscaling/v2/namespaces/{login.namespace}/horizontalpodautoscalers"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "login"}
    login.api.post(scalers, {"metadata": {"name": "login"}, "spec": {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 5}})
    assert "autoscaler" in login.step("kubernetes.scale", "Deployment", replicas=9).codes()
    assert "autoscaler" not in login.step("kubernetes.scale_to_zero", "Deployment").codes()
