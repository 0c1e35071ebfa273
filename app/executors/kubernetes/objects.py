"""Where a workload is, and how to read the object that the API server returns for it."""

from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field

from app.executors.base import Body, Params
from app.executors.kubernetes import digests
from app.executors.kubernetes.digests import OURS

OPERATION = OURS + "operation"  # which run and step wrote last: survives the worker that did it
REMEMBERED = OURS + "restore-replicas"  # how many there were before we scaled to zero: survives our database
LANDS_AS = OURS + "lands-as"  # "wanted:landed" digests, where defaults or webhooks make a template land as another than was sent
CHANGE_CAUSE = "kubernetes.io/change-cause"

_NAME = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"
_PLURALS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}


class Address(Params):
    """One workload in one cluster. `cluster` is what people call the cluster; the kubeconfig's own name where it is empty."""

    namespace: str = Field(pattern=_NAME)
    kind: Literal["Deployment", "StatefulSet", "DaemonSet"]
    name: str = Field(pattern=_NAME)
    cluster: str = ""

    @property
    def plural(self) -> str:
        return _PLURALS[self.kind]

    @property
    def path(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/{self.plural}/{self.name}"

    @property
    def label(self) -> str:
        """ "deployment/login in shop": how people name it."""
        return f"{self.short} in {self.namespace}"

    @property
    def short(self) -> str:
        return f"{self.kind.lower()}/{self.name}"

    def fields(self) -> Body:
        """Only what says where it is, for a body or for another action's parameters."""
        return {name: getattr(self, name) for name in Address.model_fields}


def address_of(body: Body) -> Address:
    """The address within a step's body."""
    return Address(**{name: body[name] for name in Address.model_fields if name in body})


def uid(live: Body) -> str:
    return str(live["metadata"]["uid"])


def resource_version(live: Body) -> str:
    return str(live["metadata"]["resourceVersion"])


def annotations(live: Body) -> dict[str, str]:
    return live["metadata"].get("annotations") or {}


def template(live: Body) -> Body:
    found: Body = live["spec"]["template"]
    return found


def is_template(live: Body, digest: str) -> bool:
    """Whether the workload has the template with this digest, be it as the cluster made it when we wrote it."""
    here = digests.digest(template(live))
    return here == digest or annotations(live).get(LANDS_AS) == f"{digest}:{here}"


def wanted(live: Body) -> int:
    """How many pods there are to be. A missing integer means 0."""
    if live.get("kind") == "DaemonSet":
        return status(live, "desiredNumberScheduled")
    return int(live["spec"].get("replicas") or 0)


def status(live: Body, name: str) -> int:
    return int((live.get("status") or {}).get(name) or 0)


def is_observed(live: Body) -> bool:
    """Whether the controller has seen the newest spec. Before that, every condition and count is about the one before."""
    return status(live, "observedGeneration") >= int(live["metadata"].get("generation") or 0)


def is_paused(live: Body) -> bool:
    return bool(live["spec"].get("paused"))


def is_on_delete(live: Body) -> bool:
    return bool((live["spec"].get("updateStrategy") or {}).get("type") == "OnDelete")


def condition(live: Body, kind: str) -> Body:
    """The condition of that type, or an empty one."""
    for found in (live.get("status") or {}).get("conditions") or []:
        if found.get("type") == kind:
            result: Body = found
            return result
    return {}


def written_at(live: Body) -> datetime | None:
    """When somebody last wrote the pod template, by the API server's clock. None where managedFields does not say."""
    times = [
        datetime.fromisoformat(entry["time"])
        for entry in live["metadata"].get("managedFields") or []
        if entry.get("time") and "f:template" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
    ]
    return max(times, default=None)


def selector(live: Body) -> str:
    """The workload's label selector as a query."""
    given = live["spec"].get("selector") or {}
    parts = [f"{name}={value}" for name, value in (given.get("matchLabels") or {}).items()]
    for rule in given.get("matchExpressions") or []:
        parts.append(_expression(rule))
    return ",".join(parts)


def _expression(rule: Body) -> str:
    key, values = rule["key"], ",".join(rule.get("values") or [])
    return {
        "In": f"{key} in ({values})",
        "NotIn": f"{key} notin ({values})",
        "Exists": str(key),
        "DoesNotExist": f"!{key}",
    }[rule["operator"]]


def selects(given: Any, labels: dict[str, str]) -> bool:
    """Whether a label selector (of a disruption budget, for one) matches these labels. An empty one matches everything."""
    if given is None:
        return False
    for name, value in (given.get("matchLabels") or {}).items():
        if labels.get(name) != value:
            return False
    return all(_matches(rule, labels) for rule in given.get("matchExpressions") or [])


def _matches(rule: Body, labels: dict[str, str]) -> bool:
    key, values = rule["key"], rule.get("values") or []
    return {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }[rule["operator"]]


def controlled_by(items: list[Body], owner: str) -> list[Body]:
    """Those that the object with this uid controls."""
    return [
        item
        for item in items
        if any(ref.get("controller") and ref.get("uid") == owner for ref in item["metadata"].get("ownerReferences") or [])
    ]


def namespaced(namespace: str, resource: str, name: str = "", *, group: str = "api/v1") -> str:
    """ "/api/v1/namespaces/shop/pods" or "/apis/apps/v1/…" (group "apis/apps/v1")."""
    path = f"/{group}/namespaces/{quote(namespace, safe='')}/{resource}"
    return f"{path}/{quote(name, safe='')}" if name else path
