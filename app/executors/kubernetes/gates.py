"""When a rollout is done, kind by kind, from the counts that its controller keeps.

Every gate asks first whether the controller has seen the newest spec (`objects.is_observed`): before that, all counts and conditions
are about the rollout before. The rules for Deployments are kubectl's; for StatefulSets kubectl's rule also holds for a rollout that
never happened, so the pods themselves are asked.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from app.executors.base import Body
from app.executors.kubernetes import objects
from app.executors.kubernetes.objects import Address
from app.executors.kubernetes.pods import Pod


class Progress(NamedTuple):
    """How far a rollout is. `gave_up`: the cluster itself says that it will not get there, in words."""

    done: int
    total: int
    is_done: bool
    waits_for: str = ""
    gave_up: str = ""


def progress(address: Address, live: Body, revision: str, pods: list[Pod]) -> Progress:
    """Where the rollout of the template of now stands. Only for an object whose controller has seen its newest spec."""
    if address.kind == "Deployment":
        return _deployment(live, _serving(revision, pods))
    if address.kind == "DaemonSet":
        return _daemon_set(live, _serving(revision, pods))
    return _stateful_set(live, revision, pods)


def may_have_ended(address: Address, live: Body) -> bool:
    """Whether the object alone allows for an end, good or bad, so that a full look is worth its price. True where only pods can tell."""
    if address.kind == "StatefulSet" or "spec" not in live:
        return True
    if not objects.is_observed(live):
        return False
    how = progress(address, live, "", [])
    return how.is_done or bool(how.gave_up)


def is_about_to_end(address: Address, live: Body) -> bool:
    """Whether a Deployment has all its new pods and only an old one is left: a look now would be made again a moment later."""
    if address.kind != "Deployment" or "spec" not in live or not objects.is_observed(live):
        return False
    wanted = objects.wanted(live)
    return objects.status(live, "updatedReplicas") == wanted and objects.status(live, "availableReplicas") >= wanted


def _serving(revision: str, pods: list[Pod]) -> int:
    """The pods of this revision that are ready. The controller counts availability over old and new ones together."""
    return sum(pod.revision == revision and pod.ready and not pod.stopping for pod in pods)


def _deployment(live: Body, serving: int) -> Progress:
    wanted = objects.wanted(live)
    updated, available = objects.status(live, "updatedReplicas"), objects.status(live, "availableReplicas")
    all_pods = objects.status(live, "replicas")
    ready = min(wanted, serving)
    limit = int(live["spec"].get("progressDeadlineSeconds") or 600)
    if _is_out_of_time(live, limit):
        return Progress(ready, wanted, False, gave_up=f"no progress within the Deployment's own limit of {limit} s")
    if updated < wanted:
        return Progress(ready, wanted, False, f"{_count(wanted - updated, 'new pod')} not there yet")
    if all_pods > updated:
        return Progress(ready, wanted, False, f"{_count(all_pods - updated, 'old pod')} still there")
    if available < updated:
        return Progress(ready, wanted, False, f"{_count(updated - available, 'new pod')} not ready")
    return Progress(wanted, wanted, True)


def _count(number: int, noun: str) -> str:
    return f"1 {noun} is" if number == 1 else f"{number} {noun}s are"


def _is_out_of_time(live: Body, limit_s: int) -> bool:
    """Whether the controller gave up on this rollout, and not on the one before.

    The condition of a rollout that failed stays as it is until the next one makes progress, and is never renewed: one that is older
    than the template says nothing, so from there on the limit is counted by ourselves.
    """
    condition = objects.condition(live, "Progressing")
    if condition.get("reason") != "ProgressDeadlineExceeded":
        return False
    written, said = objects.written_at(live), condition.get("lastUpdateTime")
    if written is None or not said or datetime.fromisoformat(said) > written:
        return True
    return datetime.now(UTC) - written > timedelta(seconds=limit_s)


def _daemon_set(live: Body, serving: int) -> Progress:
    wanted = objects.wanted(live)
    updated, available = objects.status(live, "updatedNumberScheduled"), objects.status(live, "numberAvailable")
    ready = min(wanted, serving)
    if updated < wanted:
        return Progress(ready, wanted, False, f"{_count(wanted - updated, 'node')} without the new pod yet")
    if available < wanted:
        return Progress(ready, wanted, False, f"{_count(wanted - available, 'node')} without an available pod")
    return Progress(wanted, wanted, True)


def _stateful_set(live: Body, revision: str, pods: list[Pod]) -> Progress:
    """Every pod from the partition on carries the update revision and is ready."""
    spec = live["spec"]
    first = int((spec.get("ordinals") or {}).get("start") or 0)
    partition = int(((spec.get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition") or 0)
    ordinals = [number for number in range(first, first + objects.wanted(live)) if number >= partition]
    here = {pod.ordinal: pod for pod in pods if not pod.stopping}
    good = [number for number in ordinals if number in here and here[number].revision == revision and here[number].ready]
    if len(good) == len(ordinals):
        steady = int(spec.get("minReadySeconds") or 0)
        if steady and objects.status(live, "availableReplicas") < objects.wanted(live):
            return Progress(len(good), len(ordinals), False, f"every pod is ready and must stay so for {steady} s")
        return Progress(len(good), len(ordinals), True)
    left = [f"{live['metadata']['name']}-{number}" for number in ordinals if number not in good]
    stuck = [pod for pod in here.values() if pod.is_stuck and pod.revision != revision and pod.ordinal in ordinals]
    # with OrderedReady the controller waits for a broken pod for ever, even where its template is long gone
    if stuck and spec.get("podManagementPolicy") != "Parallel" and not any(pod.stopping for pod in pods):
        names = ", ".join(pod.name for pod in sorted(stuck, key=lambda pod: -pod.ordinal))
        why = f"{names} did not come up before and a StatefulSet does not replace a broken pod by itself: replace broken pods"
        return Progress(len(good), len(ordinals), False, gave_up=why)
    return Progress(len(good), len(ordinals), False, f"{', '.join(left)} not yet there and ready")
