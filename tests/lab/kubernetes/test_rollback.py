"""Returning a real workload to a recorded release."""

import threading
import time

import pytest

from app.executors.base import Drifted, Standing, StepFailed
from app.executors.kubernetes.objects import OPERATION

KINDS = ["Deployment", "StatefulSet", "DaemonSet"]


def images(live):
    return [container["image"] for container in live["spec"]["template"]["spec"]["containers"]]


@pytest.fixture
def went_bad(shop):
    """A workload whose good release was recorded before the bad one went out."""

    def make(kind="Deployment", bad="v1.2.4-bad", **more):
        shop.create(kind, **more)
        shop.rolled_out(kind)
        good = shop.read(kind)
        shop.rolled_out(kind, bad)
        return good

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_back_to_the_good_release_and_forth_again_by_undo(shop, went_bad, kind):
    good = went_bad(kind)
    step = shop.back_to(kind, good)
    assert (step.plan.version_now, step.plan.version_after, step.plan.already) == ("v1.2.4-bad", "v1.2.3", False)
    assert [(change.setting, change.after) for change in step.plan.changes] == [("login: image", "shop/login:v1.2.3")]
    assert step.plan.dry_run == "The API server accepted a dry run of exactly this change."
    assert step.observe().standing is Standing.NOT_STARTED

    step.apply()
    step.until(Standing.DONE)
    followed = shop.step("kubernetes.wait", kind, digest=good.digest, version="v1.2.3").until(Standing.DONE)
    assert {part.version for part in followed.parts if part.state != "Stopping"} == {"v1.2.3"}
    assert shop.read(kind).image_ids == good.image_ids

    undo = step.undo()
    back = shop.step(undo.action, kind, operation="run-2-step-1", **{k: undo.params[k] for k in ("version", "digest", "template")})
    assert back.plan.version_after == "v1.2.4-bad"
    back.apply()
    back.until(Standing.DONE)
    assert images(shop.get(kind)) == ["shop/login:v1.2.4-bad"]


def test_sent_twice_it_makes_one_rollout(shop, went_bad):
    step = shop.back_to("Deployment", went_bad())
    first, second = step.apply(), step.apply()
    assert (first["already"], second["already"]) == (False, True)
    assert first["generation"] == second["generation"]
    step.until(Standing.DONE)


def test_the_same_step_from_two_workers_at_once_makes_one_rollout(shop, went_bad):
    step = shop.back_to("Deployment", went_bad())
    before = shop.get("Deployment")["metadata"]["generation"]
    answers = []
    workers = [threading.Thread(target=lambda: answers.append(step.apply())) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(answers) == 4
    assert shop.get("Deployment")["metadata"]["generation"] == before + 1


def test_somebody_who_writes_all_the_time_neither_stops_it_nor_loses_a_word(shop, went_bad):
    step = shop.back_to("Deployment", went_bad())
    stop, written = threading.Event(), []

    def write():
        while not stop.is_set():
            shop.edit("Deployment", {"metadata": {"annotations": {"somebody/else": str(len(written))}}})
            written.append(time.monotonic())
            stop.wait(0.02)

    storm = threading.Thread(target=write)
    storm.start()
    try:
        while len(written) < 3:
            stop.wait(0.01)
        answer = step.apply()
    finally:
        stop.set()
        storm.join()
    assert answer["sends"] > 1
    live = shop.get("Deployment")
    assert images(live) == ["shop/login:v1.2.3"]
    assert live["metadata"]["annotations"]["somebody/else"] == str(len(written) - 1)


def test_what_others_noted_on_the_object_survives_and_a_later_sidecar_goes(shop):
    shop.create("Deployment")
    shop.rolled_out("Deployment")
    good = shop.read("Deployment")
    shop.edit("Deployment", {"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "x:apps/Deployment:other/login"}}})
    sidecar = {"spec": {"template": {"spec": {"containers": [{"name": "proxy", "image": "shop/proxy:v1.0.0"}]}}}}
    shop.edit("Deployment", sidecar)
    step = shop.back_to("Deployment", good)
    assert "proxy: image" in [change.setting for change in step.plan.changes if change.after is None]
    step.apply()
    live = shop.get("Deployment")
    assert images(live) == ["shop/login:v1.2.3"]
    assert live["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] == "x:apps/Deployment:other/login"
    assert live["metadata"]["annotations"][OPERATION] == "run-1-step-1"


def test_a_template_that_moved_since_the_preview_stops_it_before_anything_is_touched(shop, went_bad):
    step = shop.back_to("Deployment", went_bad())
    moved = shop.set_image("Deployment", "v1.3.0")
    assert step.observe().standing is Standing.DRIFTED
    with pytest.raises(Drifted) as stopped:
        step.apply()
    assert "login: image shop/login:v1.2.4-bad → shop/login:v1.3.0" in stopped.value.sentence
    live = shop.get("Deployment")
    assert live["metadata"]["generation"] == moved["metadata"]["generation"]
    assert OPERATION not in live["metadata"].get("annotations", {})


def test_an_object_that_was_created_again_is_another_object(shop, went_bad):
    good = went_bad()
    step = shop.back_to("Deployment", good)
    shop.delete("Deployment")
    assert step.observe().sentence.endswith("was deleted.")
    with pytest.raises(Drifted, match="was deleted"):
        step.apply()
    shop.create("Deployment", "v1.2.4-bad")
    assert step.observe().standing is Standing.DRIFTED
    with pytest.raises(Drifted, match="created again"):
        step.apply()
    with pytest.raises(StepFailed, match="does not exist"):
        shop.back_to("Deployment", good, name="logon")


def test_a_change_that_was_taken_back_by_somebody_is_named_and_not_called_undone(shop, went_bad):
    step = shop.back_to("Deployment", went_bad())
    step.apply()
    shop.set_image("Deployment", "v1.2.4-bad")
    seen = step.observe()
    assert seen.standing is Standing.DRIFTED
    assert "landed and was taken back to v1.2.4-bad by" in seen.sentence


def test_a_cluster_that_has_forgotten_everything_still_gets_the_recorded_release(shop, went_bad):
    good = went_bad(revisionHistoryLimit=0)
    # its controller forgets some time after the rollout
    shop.until(lambda: [release.version for release in shop.read("Deployment").history] == ["v1.2.4-bad"])
    step = shop.back_to("Deployment", good)
    step.apply()
    step.until(Standing.DONE)
    assert shop.rolled_out("Deployment").sentence == "3 of 3 pods serve v1.2.3."


def test_already_there_is_said_and_changes_nothing(shop):
    shop.create("Deployment")
    shop.rolled_out("Deployment")
    before = shop.read("Deployment")
    step = shop.back_to("Deployment", before)
    assert step.plan.already
    assert step.plan.changes == []
    assert step.plan.dry_run == "The API server's dry run changes nothing: it is like this already."
    assert step.observe().standing is Standing.DONE
    step.apply()
    step.until(Standing.DONE)
    after = shop.read("Deployment")
    assert [pod.uid for pod in after.pods] == [pod.uid for pod in before.pods]
    assert [release.revision for release in after.history] == [1]


def test_a_template_that_the_server_refuses_shuts_the_button(shop, went_bad):
    good = went_bad()
    good.template["metadata"]["labels"] = {"app": "another"}
    step = shop.back_to("Deployment", good)
    (refused,) = [warning for warning in step.plan.warnings if warning.code == "refused"]
    assert refused.blocking
    assert "selector" in refused.sentence
    with pytest.raises(StepFailed, match="Nothing was changed"):
        step.apply()


def test_a_template_from_before_a_default_was_known_lands_and_is_recognised(shop, went_bad):
    good = went_bad()
    del good.template["spec"]["dnsPolicy"]  # the server will fill it in: what lands has another digest than what was recorded
    step = shop.back_to("Deployment", good)
    assert step.plan.body["lands_as"] != step.plan.body["digest"]
    step.apply()
    step.until(Standing.DONE)
    shop.step("kubernetes.wait", "Deployment", digest=step.plan.body["digest"], version="v1.2.3").until(Standing.DONE)


def test_the_preview_names_what_stands_around_the_workload_within_two_seconds(shop, went_bad):
    good = went_bad()
    selector = {"matchLabels": {"app": "login"}}
    budgets = f"/apis/policy/v1/namespaces/{shop.namespace}/poddisruptionbudgets"
    shop.api.post(budgets, {"metadata": {"name": "login"}, "spec": {"minAvailable": 2, "selector": selector}})
    scalers = f"/apis/autoscaling/v2/namespaces/{shop.namespace}/horizontalpodautoscalers"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "login"}
    shop.api.post(scalers, {"metadata": {"name": "login"}, "spec": {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 5}})
    shop.add("ResourceQuota", "small", spec={"hard": {"pods": "3"}})
    shop.add("ConfigMap", "there", data={"a": "b"})
    good.template["spec"]["containers"][0] |= {
        "image": "shop/login:latest",
        "envFrom": [{"configMapRef": {"name": "there"}}, {"configMapRef": {"name": "gone"}}, {"secretRef": {"name": "lost"}}],
    }
    shop.edit("Deployment", {"spec": {"paused": True}, "metadata": {"labels": {"app.kubernetes.io/managed-by": "Helm"}}})
    shop.until(lambda: shop.get("ResourceQuota", "small").get("status", {}).get("used", {}).get("pods") == "3")
    began = time.monotonic()
    step = shop.back_to("Deployment", good)
    assert time.monotonic() - began < 2
    facts = {fact.label: fact.value for fact in step.plan.facts}
    assert facts["Replicas"] == "3 wanted, 3 ready"
    assert facts["Disruption budget"].startswith("login: at least 2 available")
    assert facts["Autoscaler"] == "login: 2 to 5 replicas"
    assert facts["Pods now"] == "3 Ready"
    assert {"paused", "owned-by-helm", "mutable-tag", "reference-missing", "quota-full"} <= set(step.codes())
    missing = [warning.sentence for warning in step.plan.warnings if warning.code == "reference-missing"]
    assert len(missing) == 2
    assert missing[0].startswith("ConfigMap gone does not exist")
    assert missing[1].startswith("Secret lost does not exist")
    assert not any(warning.blocking for warning in step.plan.warnings)
