"""Following a rollout: when it is done, and why it is not."""

import pytest

from app.executors.base import Drifted, Standing


def waiting(shop, kind="Deployment"):
    return shop.step("kubernetes.wait", kind)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_pods_are_counted_as_they_come_up(shop, kind):
    shop.create(kind)
    seen = waiting(shop, kind).until(Standing.DONE)
    assert seen.done == seen.total > 0
    assert seen.sentence == f"{seen.total} of {seen.total} pods serve v1.2.3."
    assert {part.state for part in seen.parts} == {"Ready"}
    assert seen.evidence["image_ids"]


@pytest.mark.parametrize(
    ("tag", "state", "why"),
    [("v1.2.5-crash", "CrashLoopBackOff", "keeps exiting"), ("v1.2.6-missing", "ImagePullBackOff", "cannot be pulled")],
)
def test_pods_that_do_not_come_up_say_why_and_the_old_ones_still_serve(shop, tag, state, why):
    shop.create("Deployment")
    shop.rolled_out("Deployment")
    shop.set_image("Deployment", tag)
    seen = waiting(shop).until_said(state)
    assert seen.standing is Standing.IN_PROGRESS
    assert why in seen.sentence
    assert "3 pods of the version before serve" in seen.sentence
    (bad,) = [part for part in seen.parts if part.state == state]
    assert (bad.mood, bad.version) == ("bad", tag)


@pytest.mark.parametrize(("replicas", "unavailable"), [(3, 0), (1, 1)])
def test_the_clusters_own_limit_is_a_failure_with_the_reason_and_only_of_this_rollout(shop, replicas, unavailable):
    rolling = {"maxSurge": 1 - unavailable, "maxUnavailable": unavailable}
    shop.create("Deployment", replicas=replicas, progressDeadlineSeconds=2, strategy={"type": "RollingUpdate", "rollingUpdate": rolling})
    shop.rolled_out("Deployment")
    good = shop.read("Deployment")
    shop.set_image("Deployment", "v1.2.6-missing")
    step = waiting(shop)
    failed = shop.until(lambda: seen if (seen := step.observe()).standing is Standing.FAILED else None)
    assert "no progress within the Deployment's own limit of 2 s" in failed.sentence
    assert "ImagePullBackOff" in failed.sentence
    assert ("Still up: 3 Ready of the version before." in failed.sentence) is (unavailable == 0)
    # the condition of the rollout that failed is still there when the next one begins
    shop.back_to("Deployment", good).apply()
    waiting(shop).until(Standing.DONE)


def test_a_full_quota_is_said_in_words(shop):
    shop.create("Deployment")
    shop.rolled_out("Deployment")
    shop.add("ResourceQuota", "small", spec={"hard": {"pods": "3"}})
    shop.until(lambda: shop.get("ResourceQuota", "small").get("status", {}).get("used", {}).get("pods") == "3")
    shop.set_image("Deployment", "v1.2.4-bad")
    seen = waiting(shop).until_said("exceeded quota")
    assert seen.standing is Standing.IN_PROGRESS
    assert [warning.code for warning in seen.warnings] == ["quota-full"]


def test_a_stateful_set_says_from_its_events_why_pods_are_not_created(shop):
    shop.add("ResourceQuota", "small", spec={"hard": {"pods": "1"}})
    shop.until(lambda: shop.get("ResourceQuota", "small").get("status", {}).get("used"))
    shop.create("StatefulSet")
    assert "Pods cannot be created: exceeded quota: small" in waiting(shop, "StatefulSet").until_said("exceeded quota").sentence


def test_a_paused_deployment_takes_the_change_and_says_that_nothing_follows(shop):
    shop.create("Deployment")
    shop.rolled_out("Deployment")
    good = shop.read("Deployment")
    shop.rolled_out("Deployment", "v1.2.4-bad")
    shop.edit("Deployment", {"spec": {"paused": True}})
    step = shop.back_to("Deployment", good)
    assert "paused" in step.codes()
    step.apply()
    step.until(Standing.DONE)
    assert shop.get("Deployment")["spec"]["paused"]
    wait = waiting(shop)
    assert wait.until_said("paused").standing is Standing.IN_PROGRESS
    shop.edit("Deployment", {"spec": {"paused": None}})
    wait.until(Standing.DONE)


def test_on_delete_is_named_before_and_while_waiting(shop):
    shop.create("StatefulSet", updateStrategy={"type": "OnDelete"})
    shop.rolled_out("StatefulSet")
    good = shop.read("StatefulSet")
    shop.set_image("StatefulSet", "v1.2.4-bad")
    assert "on-delete" in shop.back_to("StatefulSet", good).codes()
    assert waiting(shop, "StatefulSet").until_said("OnDelete").standing is Standing.IN_PROGRESS


def test_another_template_while_waiting_is_drift(shop):
    shop.create("Deployment")
    shop.rolled_out("Deployment")
    wait = shop.step("kubernetes.wait", "Deployment", digest=shop.read("Deployment").digest, version="v1.2.3")
    shop.set_image("Deployment", "v1.3.0")
    seen = wait.observe()
    assert seen.standing is Standing.DRIFTED
    assert "no longer has the template of v1.2.3: it has one of v1.3.0" in seen.sentence


def test_nothing_to_run_is_done_and_said_to_prove_nothing(shop):
    shop.create("Deployment", replicas=0)
    seen = waiting(shop).until(Standing.DONE)
    assert seen.sentence == "deployment/login is scaled to 0: nothing runs."
    assert "no-replicas" in shop.back_to("Deployment", shop.read("Deployment")).codes()


def test_broken_pods_of_a_stateful_set_hold_it_until_they_are_replaced(shop):
    shop.create("StatefulSet")
    shop.rolled_out("StatefulSet")
    good = shop.read("StatefulSet")
    shop.set_image("StatefulSet", "v1.2.6-missing")
    waiting(shop, "StatefulSet").until_said("ImagePullBackOff")
    back = shop.back_to("StatefulSet", good)
    assert "broken-pods" in back.codes()
    back.apply()
    back.until(Standing.DONE)
    wait = waiting(shop, "StatefulSet")
    stuck = shop.until(lambda: seen if (seen := wait.observe()).standing is Standing.FAILED else None)
    assert "login-2 did not come up before and a StatefulSet does not replace a broken pod by itself" in stuck.sentence

    replace = shop.step("kubernetes.replace_broken_pods", "StatefulSet")
    assert replace.plan.title == "Replace 1 broken pod of statefulset/login: login-2"
    assert replace.observe().standing is Standing.NOT_STARTED
    assert replace.apply() == {"deleted": ["login-2"]}
    replace.until(Standing.DONE)
    assert replace.apply() == {"deleted": []}
    wait.until(Standing.DONE)
    assert {pod.name for pod in shop.read("StatefulSet").pods if pod.ready} == {"login-0", "login-1", "login-2"}


def test_one_plan_rolls_a_stateful_set_back_and_replaces_what_is_broken(shop):
    shop.create("StatefulSet")
    shop.rolled_out("StatefulSet")
    good = shop.read("StatefulSet")
    shop.set_image("StatefulSet", "v1.2.6-missing")
    waiting(shop, "StatefulSet").until_said("ImagePullBackOff")
    back = shop.back_to("StatefulSet", good)
    replace = shop.step("kubernetes.replace_broken_pods", "StatefulSet", digest=good.digest, version="v1.2.3")
    wait = shop.step("kubernetes.wait", "StatefulSet", digest=good.digest, version="v1.2.3")
    assert replace.plan.title == "Replace 1 broken pod of statefulset/login: login-2"
    with pytest.raises(Drifted, match=r"does not have the template of v1\.2\.3, so none of its pods was replaced"):
        replace.apply()
    back.apply()
    back.until(Standing.DONE)
    assert replace.apply() == {"deleted": ["login-2"]}
    replace.until(Standing.DONE)
    wait.until(Standing.DONE)


def test_pods_that_are_ready_or_new_are_never_deleted(shop):
    shop.create("StatefulSet")
    shop.rolled_out("StatefulSet")
    replace = shop.step("kubernetes.replace_broken_pods", "StatefulSet")
    assert replace.plan.already
    assert replace.codes() == ["nothing-broken"]
    assert replace.apply() == {"deleted": []}
    assert replace.observe().standing is Standing.DONE


def test_restarts_and_earlier_releases_in_the_history(shop):
    shop.create("Deployment")
    shop.rolled_out("Deployment")
    shop.step("kubernetes.restart", "Deployment").apply()
    shop.rolled_out("Deployment")
    shop.rolled_out("Deployment", "v1.2.4-bad")
    seen = shop.read("Deployment")
    assert [release.version for release in seen.history] == ["v1.2.4-bad", "v1.2.3"]
    assert seen.history[0].digest == seen.digest
    assert seen.history[1].made_at < seen.history[0].made_at or seen.history[1].revision < seen.history[0].revision
