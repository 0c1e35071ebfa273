"""What the console may do in a cluster, asked of the API server itself, and the smallest Role that is enough."""

from collections.abc import Iterable, Sequence
from functools import partial

from pydantic import BaseModel

from app.executors.base import Body, Unreachable
from app.executors.kubernetes import parallel
from app.executors.kubernetes.client import Api, connect
from app.executors.kubernetes.objects import Address
from app.executors.kubernetes.problems import Answered, Silent, reads

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_WITHIN_S = 5.0


class Right(BaseModel):
    """One thing that the console may or may not do. Without an optional one it works, and knows less."""

    verb: str
    resource: str  # "deployments.apps"; core resources without a group
    namespace: str
    name: str = ""  # empty: all of them
    allowed: bool | None = None  # None: the API server did not say
    needed_for: str
    optional: bool = False

    @property
    def sentence(self) -> str:
        return f"{self.verb} {self.resource}{f' {self.name}' if self.name else ''} in {self.namespace}: {self.needed_for}"


def needed(address: Address) -> list[Right]:
    """Every right that following and changing this workload takes, the optional ones last."""

    def right(verb: str, resource: str, needed_for: str, name: str = "", *, optional: bool = False) -> Right:
        return Right(verb=verb, resource=resource, namespace=address.namespace, name=name, needed_for=needed_for, optional=optional)

    own = f"{address.plural}.apps"
    history = "replicasets.apps" if address.kind == "Deployment" else "controllerrevisions.apps"
    rights = [
        right("get", own, "see what runs", address.name),
        right("list", own, "offer the workloads by name", optional=True),
        right("watch", own, "see a rollout end at once instead of at the next look", address.name, optional=True),
        right("patch", own, "roll back, restart and scale", address.name),
        right("list", history, "know the earlier releases"),
        right("list", "pods", "show whether pods come up, and why not"),
        right("list", "events", "say why pods are not created", optional=True),
        right("list", "poddisruptionbudgets.policy", "show disruption budgets in a plan", optional=True),
        right("list", "horizontalpodautoscalers.autoscaling", "show autoscalers in a plan", optional=True),
        right("list", "resourcequotas", "warn of a quota that is used up", optional=True),
        right("get", "configmaps", "warn of a missing ConfigMap", optional=True),
        right("get", "serviceaccounts", "warn of a missing ServiceAccount", optional=True),
        right("get", "persistentvolumeclaims", "warn of a missing claim", optional=True),
    ]
    if address.kind != "Deployment":
        rights.append(right("delete", "pods", "replace broken pods that the controller leaves in place", optional=True))
    return rights


def check(credentials: Body, targets: Iterable[tuple[str, str, str]]) -> list[Right]:
    """Ask for every right that these (namespace, kind, name) take. Unreachable where the cluster cannot be asked at all."""
    api = connect(credentials)
    asked: dict[tuple[str, str, str, str], Right] = {}
    for namespace, kind, name in targets:
        for right in needed(Address.model_validate({"namespace": namespace, "kind": kind, "name": name})):
            asked.setdefault((right.verb, right.resource, right.namespace, right.name), right)
    if not asked:
        with reads("the cluster"):  # nothing to ask for yet: at least learn whether we are let in
            api.post(_REVIEWS, _review(Right(verb="list", resource="namespaces", namespace="", needed_for="")))
        return []
    return reviewed(api, list(asked.values()), within_s=_WITHIN_S)


def reviewed(api: Api, rights: Sequence[Right], *, within_s: float) -> list[Right]:
    """The rights with the API server's word on each. Unreachable where it gave none at all."""
    answers = parallel.gather({str(place): question(api, right) for place, right in enumerate(rights)}, within_s=within_s)
    judged = [judge(right, answers[str(place)]) for place, right in enumerate(rights)]
    if all(right.allowed is None for right in judged):
        error = answers["0"]
        if isinstance(error, (Answered, Silent)):
            with reads("the cluster"):
                raise error
        raise Unreachable(f"The API server {api.server} did not answer in time.")
    return judged


def question(api: Api, right: Right) -> "partial[Body]":
    """The call that asks for one right."""
    return partial(api.post, _REVIEWS, _review(right), timeout_s=_WITHIN_S)


def judge(right: Right, answer: object) -> Right:
    """The right with what the API server said of it; unknown where that was an error."""
    status = answer.get("status") if isinstance(answer, dict) else None
    return right.model_copy(update={"allowed": bool(status.get("allowed")) if isinstance(status, dict) else None})


def _review(right: Right) -> Body:
    resource, _, group = right.resource.partition(".")
    attributes = {"namespace": right.namespace, "verb": right.verb, "group": group, "resource": resource, "name": right.name}
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
    }


_ROLE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: lastgood, namespace: {namespace}}}
rules:
  # see what runs, what ran before, and how the pods are
  - {{apiGroups: [apps], resources: [deployments, statefulsets, daemonsets, replicasets, controllerrevisions], verbs: [get, list]}}
  - {{apiGroups: [""], resources: [pods, events], verbs: [get, list]}}
  # roll back, restart and scale these workloads and no others. Whoever may patch a workload may run any image
  # under any service account of its namespace.
{patches}
  # optional: warnings and facts of a plan
  - {{apiGroups: [""], resources: [configmaps, serviceaccounts, persistentvolumeclaims], verbs: [get]}}
  - {{apiGroups: [""], resources: [resourcequotas], verbs: [list]}}
  - {{apiGroups: [policy], resources: [poddisruptionbudgets], verbs: [list]}}
  - {{apiGroups: [autoscaling], resources: [horizontalpodautoscalers], verbs: [list]}}
{deletes}"""
_PATCH = "  - {{apiGroups: [apps], resources: [{plural}], resourceNames: [{names}], verbs: [patch, watch]}}"
_DELETE = """\
  # optional: replace broken pods, which a StatefulSet leaves in place
  - {apiGroups: [""], resources: [pods], verbs: [delete]}
"""


def minimal_role(targets: Iterable[tuple[str, str, str]]) -> str:
    """YAML to copy: one Role for each namespace of these (namespace, kind, name)."""
    addresses = [Address.model_validate({"namespace": namespace, "kind": kind, "name": name}) for namespace, kind, name in targets]
    roles = []
    for namespace in sorted({address.namespace for address in addresses}):
        here = [address for address in addresses if address.namespace == namespace]
        patches = [
            _PATCH.format(plural=plural, names=", ".join(sorted({a.name for a in here if a.plural == plural})))
            for plural in sorted({address.plural for address in here})
        ]
        deletes = _DELETE if any(address.kind != "Deployment" for address in here) else ""
        roles.append(_ROLE.format(namespace=namespace, patches="\n".join(patches), deletes=deletes))
    return "---\n".join(roles)
