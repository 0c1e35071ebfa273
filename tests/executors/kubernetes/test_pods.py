"""Pods in words."""

import pytest

from app.executors.kubernetes import pods


def raw(phase="Running", *, state=None, ready=False, conditions=(), deleting=False, restarts=0, last=None, init=None, **status):
    container = {"name": "login", "image": "login:v1.2.3", "imageID": "sha256:aa", "restartCount": restarts, "state": state or {}}
    if last:
        container["lastState"] = {"terminated": last}
    return {
        "metadata": {
            "name": "login-2",
            "uid": "u",
            "labels": {"controller-revision-hash": "login-6f"},
            "creationTimestamp": "2026-11-24T08:00:00Z",
            **({"deletionTimestamp": "2026-11-24T08:10:00Z"} if deleting else {}),
        },
        "spec": {"containers": [{"name": "login", "image": "login:v1.2.3"}], "nodeName": "node-1"},
        "status": {
            "phase": phase,
            "containerStatuses": [container],
            "initContainerStatuses": init or [],
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}, *conditions],
            **status,
        },
    }


def test_a_ready_pod():
    pod = pods.read(raw(ready=True))
    assert (pod.state, pod.mood, pod.ready, pod.version, pod.revision, pod.ordinal) == ("Ready", "ok", True, "v1.2.3", "login-6f", 2)
    assert pod.image_ids == ["sha256:aa"]


@pytest.mark.parametrize(
    ("given", "state", "note"),
    [
        (
            raw(
                state={"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
                restarts=3,
                last={"reason": "OOMKilled", "exitCode": 137},
            ),
            "CrashLoopBackOff",
            "the container keeps exiting: back-off 10s (last exit: OOMKilled, code 137); 3 restarts",
        ),
        (raw("Pending", state={"waiting": {"reason": "ErrImagePull"}}), "ErrImagePull", "the image cannot be pulled"),
        (
            raw(
                "Pending",
                init=[{"name": "migrate", "state": {"waiting": {"reason": "CreateContainerConfigError", "message": "no secret"}}}],
            ),
            "Init: CreateContainerConfigError",
            "something that the container refers to is missing: no secret",
        ),
        (
            raw("Pending", conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes"}]),
            "Unschedulable",
            "0/2 nodes",
        ),
        (raw("Failed", reason="Evicted", message="The node was low on memory."), "Evicted", "The node was low on memory."),
    ],
)
def test_a_pod_that_does_not_come_up_says_why(given, state, note):
    pod = pods.read(given)
    assert (pod.state, pod.mood, pod.note) == (state, "bad", note)
    assert pod.is_stuck


def test_a_starting_pod_is_no_reason_to_worry():
    assert pods.read(raw("Pending", state={"waiting": {"reason": "ContainerCreating"}})).state == "Starting"
    unready = pods.read(raw("Running", state={"running": {}}))
    assert (unready.state, unready.is_stuck) == ("Not ready", False)


def test_a_stopping_pod_is_not_ready_whatever_its_condition_says():
    pod = pods.read(raw(ready=True, deleting=True))
    assert (pod.state, pod.ready, pod.stopping) == ("Stopping", False, True)


def test_secrets_in_a_message_are_blotted_out():
    waiting = {"reason": "RunContainerError", "message": "exec failed: password=hunter22 refused"}
    assert "hunter22" not in pods.read(raw(state={"waiting": waiting})).note


def test_pods_by_state_with_the_most_frequent_first():
    listed = [pods.read(raw(ready=True)), pods.read(raw(ready=True)), pods.read(raw("Pending"))]
    assert pods.by_state(listed) == "2 Ready, 1 Starting"
    assert pods.by_state([]) == "no pods"
