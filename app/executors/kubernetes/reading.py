"""A workload as it is now, with every release of it that the cluster still remembers."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from pydantic import BaseModel

from app.executors.base import Body
from app.executors.kubernetes import digests, objects, parallel, pods
from app.executors.kubernetes.client import Api, connect
from app.executors.kubernetes.objects import CHANGE_CAUSE, Address, namespaced
from app.executors.kubernetes.pods import Pod
from app.executors.kubernetes.problems import reads

_REVISION = "deployment.kubernetes.io/revision"
APPS = "apis/apps/v1"


class Known(BaseModel):
    """One release that the cluster remembers. Restarts are not releases: revisions with the same digest are one."""

    digest: str
    template: Body  # may hold secrets
    version: str
    images: list[str]
    change_cause: str = ""
    made_at: datetime | None = None  # when the release first appeared there
    revision: int = 0  # of its newest revision; for ordering and display only, these numbers move


class Workload(BaseModel):
    """One look at a workload. `template` may hold secrets; everything else may be shown."""

    uid: str
    generation: int
    digest: str
    template: Body
    version: str
    images: list[str]
    image_ids: list[str]  # digests that run in the ready pods of this template, sorted
    replicas: int  # wanted
    ready: int
    paused: bool = False
    strategy: str = ""
    change_cause: str = ""
    made_at: datetime | None = None
    history: list[Known]  # newest first, with the one that runs
    pods: list[Pod]


def read_workload(credentials: Body, namespace: str, kind: Any, name: str) -> Workload:
    """Read it. Unreachable where the cluster cannot be read, StepFailed where there is no such workload."""
    address = Address(namespace=namespace, kind=kind, name=name)
    api = connect(credentials)
    with reads(address.label):
        live = api.get(address.path)
        revisions, listed = parallel.together(partial(list_revisions, api, address, live), partial(list_pods, api, address, live))
    return describe(address, live, revisions, listed)


def workloads(credentials: Body, namespace: str, kind: Any) -> list[str]:
    """The names of all workloads of a kind in a namespace, in order."""
    address = Address(namespace=namespace, kind=kind, name="any")
    with reads(f"namespace {namespace}"):
        found = connect(credentials).get(namespaced(namespace, address.plural, group=APPS), metadata_of="all")
    return sorted(item["metadata"]["name"] for item in found.get("items") or [])


def list_revisions(api: Api, address: Address, live: Body) -> list[Body]:
    """The ReplicaSets or ControllerRevisions that belong to this very object."""
    resource = "replicasets" if address.kind == "Deployment" else "controllerrevisions"
    found = api.get(namespaced(address.namespace, resource, group=APPS), {"labelSelector": objects.selector(live)})
    return objects.controlled_by(found.get("items") or [], objects.uid(live))


def list_pods(api: Api, address: Address, live: Body) -> list[Pod]:
    """Every pod that the selector matches, those that are stopping too."""
    found = api.get(namespaced(address.namespace, "pods"), {"labelSelector": objects.selector(live)})
    return sorted((pods.read(item) for item in found.get("items") or []), key=lambda pod: (pod.ordinal, pod.name))


def current_revision(address: Address, live: Body, revisions: list[Body]) -> str:
    """The hash that pods of the template of now carry; empty while the controller has not made that revision."""
    if address.kind == "StatefulSet":
        return str((live.get("status") or {}).get("updateRevision") or "") if objects.is_observed(live) else ""
    wanted = digests.bare(objects.template(live))
    return _oldest(revisions, lambda template: digests.bare(template) == wanted)


def revision_of(digest: str, revisions: list[Body]) -> str:
    """The hash that pods of the release with this digest carry; empty where the cluster does not remember it."""
    return _oldest(revisions, lambda template: digests.digest(template) == digest)


def _oldest(revisions: list[Body], wanted: Callable[[Body], bool]) -> str:
    # where two revisions are the same, a controller goes on with the oldest
    for revision in sorted(revisions, key=lambda item: str(item["metadata"].get("creationTimestamp"))):
        if wanted(_template_of(revision)):
            labels = revision["metadata"].get("labels") or {}
            return str(labels.get("pod-template-hash") or labels.get("controller-revision-hash") or "")
    return ""


def describe(address: Address, live: Body, revisions: list[Body], listed: list[Pod]) -> Workload:
    """Put one look together."""
    template = digests.bare(objects.template(live))
    digest = digests.digest(template)
    history = known(revisions)
    here = next((release for release in history if release.digest == digest), None)
    revision = current_revision(address, live, revisions)
    current = [pod for pod in listed if pod.ready and pod.revision == revision]
    return Workload(
        uid=objects.uid(live),
        generation=int(live["metadata"].get("generation") or 0),
        digest=digest,
        template=template,
        version=digests.version_of(template),
        images=digests.images_of(template),
        image_ids=sorted({image_id for pod in current for image_id in pod.image_ids if image_id}),
        replicas=objects.wanted(live),
        ready=objects.status(live, "numberReady" if address.kind == "DaemonSet" else "readyReplicas"),
        paused=objects.is_paused(live),
        strategy=str((live["spec"].get("strategy") or live["spec"].get("updateStrategy") or {}).get("type") or ""),
        change_cause=objects.annotations(live).get(CHANGE_CAUSE, ""),
        made_at=here.made_at if here else None,
        history=history,
        pods=listed,
    )


def known(revisions: list[Body]) -> list[Known]:
    """The releases behind a controller's revisions, newest first."""
    releases: dict[str, Known] = {}
    for item in sorted(revisions, key=_number):
        template = digests.bare(_template_of(item))
        digest = digests.digest(template)
        made = _moment(item["metadata"].get("creationTimestamp"))
        before = releases.pop(digest, None)
        if before and before.made_at and made:
            made = min(made, before.made_at)
        releases[digest] = Known(
            digest=digest,
            template=template,
            version=digests.version_of(template),
            images=digests.images_of(template),
            change_cause=objects.annotations(item).get(CHANGE_CAUSE, ""),
            made_at=made,
            revision=_number(item),
        )
    return list(reversed(releases.values()))


def _template_of(revision: Body) -> Body:
    spec = revision["spec"] if revision.get("kind") == "ReplicaSet" or "data" not in revision else revision["data"]["spec"]
    found: Body = spec["template"]
    return found


def _number(revision: Body) -> int:
    if "revision" in revision:
        return int(revision["revision"])
    number = objects.annotations(revision).get(_REVISION, "0")
    return int(number) if number.isdigit() else 0


def _moment(stamp: str | None) -> datetime | None:
    return datetime.fromisoformat(stamp) if stamp else None
