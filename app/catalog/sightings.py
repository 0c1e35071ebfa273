"""Look at a target and say what it shows, in the catalog's words. No session: the world may take its time."""

from dataclasses import dataclass, field
from typing import Any

from app.catalog.releases import Sighting
from app.catalog.targets import GitTarget, KubernetesTarget
from app.core.database import Json
from app.core.redact import redact
from app.executors.base import Body, Context
from app.executors.kubernetes import reading as cluster
from app.executors.kubernetes.reading import Known, Workload


@dataclass(frozen=True)
class Seen:
    """One look. `remembered` is oldest first, without what runs; `facts` may be shown.

    facts["settled"] says that what runs is all there is: every replica is up, and none is of another release.
    """

    running: Sighting
    remembered: list[Sighting] = field(default_factory=list)
    facts: Json = field(default_factory=dict)


def of_target(config: KubernetesTarget | GitTarget, ctx: Context) -> Seen:
    """Look at a target of any kind. Unreachable where it cannot be read, StepFailed where it is not there."""
    return of_workload(ctx.credentials, config) if isinstance(config, KubernetesTarget) else of_branch(config, ctx)


def of_workload(credentials: Body, target: KubernetesTarget) -> Seen:
    """Unreachable where the cluster cannot be read, StepFailed where there is no such workload."""
    workload = cluster.read_workload(credentials, target.namespace, target.kind, target.name)
    running = Sighting(workload.digest, workload.version, workload.template, _facts(workload), workload.made_at)
    remembered = [
        Sighting(known.digest, known.version, known.template, _facts(known), known.made_at)
        for known in reversed(workload.history)
        if known.digest != workload.digest
    ]
    return Seen(running, remembered, _state(workload))


def _facts(release: Workload | Known) -> Json:
    facts: dict[str, Any] = {"images": release.images, "change_cause": redact(release.change_cause)}
    if isinstance(release, Workload):
        facts["image_ids"] = release.image_ids
    return facts


def _state(workload: Workload) -> Json:
    pods = [pod for pod in workload.pods if not pod.stopping and not pod.finished]
    # image_ids are those of ready pods of the template of now: with one revision among the pods, it is that one
    one_release = len({pod.revision for pod in pods}) == 1 and bool(workload.image_ids)
    return {
        "uid": workload.uid,
        "replicas": workload.replicas,
        "ready": workload.ready,
        "paused": workload.paused,
        "strategy": workload.strategy,
        "settled": 0 < workload.replicas == len(pods) == sum(pod.ready for pod in pods) and one_release,
        "pods": [{"name": pod.name, "version": pod.version, "state": pod.state, "mood": pod.mood, "note": pod.note} for pod in pods[:50]],
    }


def of_branch(target: GitTarget, ctx: Context) -> Seen:
    raise NotImplementedError
