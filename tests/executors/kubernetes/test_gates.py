"""When a rollout is done, from the controllers' own counts."""

from datetime import UTC, datetime, timedelta

from app.executors.kubernetes import gates, objects
from app.executors.kubernetes.objects import Address
from app.executors.kubernetes.pods import Pod


def at(kind):
    return Address(namespace="shop", kind=kind, name="login")


def deployment(replicas=3, *, conditions=(), **status):
    return {"metadata": {"name": "login"}, "spec": {"replicas": replicas}, "status": {"conditions": list(conditions), **status}}


def progress(live, *pods):
    return gates.progress(at("Deployment"), live, "new", list(pods))


def test_a_deployment_waits_for_new_pods_then_old_ones_then_readiness():
    assert progress(deployment()).waits_for == "3 new pods are not there yet"
    assert progress(deployment(replicas=3, updatedReplicas=2, availableReplicas=3)).waits_for == "1 new pod is not there yet"
    waiting = deployment() | {"status": {"replicas": 4, "updatedReplicas": 3, "availableReplicas": 4}}
    assert progress(waiting).waits_for == "1 old pod is still there"
    unready = deployment() | {"status": {"replicas": 3, "updatedReplicas": 3, "availableReplicas": 2}}
    assert progress(unready).waits_for == "1 new pod is not ready"
    done = deployment() | {"status": {"replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}}
    assert progress(done).is_done


def test_a_new_pod_counts_once_it_is_ready_however_many_old_ones_are():
    old = [Pod(name=f"old-{number}", revision="old", ready=True) for number in range(3)]
    new = Pod(name="new-1", revision="new", ready=False, mood="bad", state="ImagePullBackOff")
    live = deployment(replicas=4, updatedReplicas=1, availableReplicas=3) | {"spec": {"replicas": 3}}
    assert (progress(live, *old, new).done, progress(live, *old, new).total) == (0, 3)
    assert progress(live, *old, new.model_copy(update={"ready": True})).done == 1


def test_a_deployment_says_itself_that_it_gave_up():
    live = deployment(conditions=[{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}])
    live["spec"]["progressDeadlineSeconds"] = 8
    assert progress(live).gave_up == "no progress within the Deployment's own limit of 8 s"


def test_a_verdict_on_the_rollout_before_does_not_count_until_the_limit_is_over_again():
    now = datetime.now(UTC)
    gave_up = {"type": "Progressing", "reason": "ProgressDeadlineExceeded", "lastUpdateTime": (now - timedelta(minutes=5)).isoformat()}
    live = deployment(conditions=[gave_up])
    live["spec"]["progressDeadlineSeconds"] = 60

    def written(ago):
        fields = {"f:spec": {"f:template": {}}}
        live["metadata"]["managedFields"] = [{"manager": "lastgood", "time": (now - ago).isoformat(), "fieldsV1": fields}]
        return progress(live).gave_up

    assert written(timedelta(minutes=6))
    assert not written(timedelta(seconds=10))
    assert written(timedelta(minutes=2))


def test_conditions_count_only_once_the_controller_has_seen_the_spec():
    stale = {"metadata": {"generation": 15}, "status": {"observedGeneration": 14}}
    assert not objects.is_observed(stale)
    assert objects.is_observed({"metadata": {"generation": 15}, "status": {"observedGeneration": 15}})


def test_a_daemon_set_counts_nodes():
    live = {
        "kind": "DaemonSet",
        "metadata": {"name": "login"},
        "spec": {},
        "status": {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2},
    }
    assert gates.progress(at("DaemonSet"), live, "new", []).waits_for == "2 nodes are without an available pod"
    live["status"]["numberAvailable"] = 2
    assert gates.progress(at("DaemonSet"), live, "new", []).is_done


def stateful_set(*pods, replicas=3, partition=0, policy="OrderedReady"):
    spec = {"replicas": replicas, "podManagementPolicy": policy, "updateStrategy": {"rollingUpdate": {"partition": partition}}}
    return gates.progress(at("StatefulSet"), {"metadata": {"name": "login"}, "spec": spec, "status": {}}, "new", list(pods))


def pod(number, revision, *, ready=True, mood="ok", stopping=False):
    return Pod(name=f"login-{number}", revision=revision, ready=ready, mood=mood, stopping=stopping)


def test_a_stateful_set_is_done_when_every_pod_carries_the_new_revision_and_is_ready():
    assert stateful_set(pod(0, "new"), pod(1, "new"), pod(2, "new")).is_done
    half = stateful_set(pod(0, "old"), pod(1, "new", ready=False, mood="run"), pod(2, "new"))
    assert (half.done, half.waits_for) == (1, "login-0, login-1 not yet there and ready")


def test_pods_below_the_partition_stay_as_they_are():
    assert stateful_set(pod(0, "old"), pod(1, "old"), pod(2, "new"), partition=2).is_done


def test_a_broken_old_pod_holds_a_stateful_set_for_ever_and_that_is_said():
    stuck = stateful_set(pod(0, "new"), pod(1, "old", ready=False, mood="bad"), pod(2, "new"))
    assert "login-1" in stuck.gave_up
    assert "replace broken pods" in stuck.gave_up


def test_no_verdict_while_a_pod_is_stopping_or_where_pods_are_replaced_in_parallel():
    broken = pod(1, "old", ready=False, mood="bad")
    assert not stateful_set(pod(0, "new"), broken, pod(2, "old", stopping=True)).gave_up
    assert not stateful_set(pod(0, "new"), broken, pod(2, "new"), policy="Parallel").gave_up
