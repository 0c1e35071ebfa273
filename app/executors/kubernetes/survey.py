"""Everything that one preview asks of the cluster, at once: what could not be found out is named, and never holds the page up."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from app.executors.base import Body
from app.executors.kubernetes import owners, parallel, reading, references, rights
from app.executors.kubernetes.client import Api
from app.executors.kubernetes.objects import Address, namespaced
from app.executors.kubernetes.pods import Pod
from app.executors.kubernetes.problems import Answered
from app.executors.kubernetes.rights import Right

WITHIN_S = 1.6  # of the two seconds in which a preview appears
_LISTS = {
    "disruption budgets": ("apis/policy/v1", "poddisruptionbudgets"),
    "autoscalers": ("apis/autoscaling/v2", "horizontalpodautoscalers"),
    "quotas": ("api/v1", "resourcequotas"),
}
# custom resources are asked for only where the cluster has their group: without rights a missing kind answers 403 as well
_CUSTOM = {
    "canaries": ("flagger.app", "v1beta1", "canaries"),
    "rollouts": ("argoproj.io", "v1alpha1", "rollouts"),
    "scaled objects": ("keda.sh", "v1alpha1", "scaledobjects"),
}


class Survey:
    """One look for one preview. The object itself must be read; everything else is an answer or a named gap."""

    def __init__(self, api: Api, address: Address, needs: list[Right]) -> None:
        self.api = api
        self.address = address
        self.unknown: dict[str, str] = {}  # what could not be found out -> why
        self._until = time.monotonic() + WITHIN_S
        self._needs = needs
        lists = {
            name: partial(api.get, namespaced(address.namespace, resource, group=group), timeout_s=WITHIN_S)
            for name, (group, resource) in _LISTS.items()
        }
        reviews = {f"right {place}": rights.question(api, right) for place, right in enumerate(needs)}
        groups = {"groups": partial(api.get, "/apis", timeout_s=WITHIN_S)}
        started = {name: parallel.start(question) for name, question in (reviews | groups | lists).items()}
        self.live = api.get(address.path)
        self._answers = parallel.collect(started, until=self._until)

    def ask(self, template: Body, dry_run: Callable[[], Body] | None = None) -> None:
        """The second round: what needs the object, or the template that would run."""
        listings: dict[str, Callable[[], Any]] = {
            "pods": partial(reading.list_pods, self.api, self.address, self.live),
            "revisions": partial(reading.list_revisions, self.api, self.address, self.live),
        }
        if dry_run:
            listings["dry run"] = dry_run
        self._answers |= parallel.gather(listings | self._custom() | self._referred(template), within_s=self._until - time.monotonic())
        self.references = references.of(template)

    def items(self, name: str) -> list[Body]:
        """What the list holds; none, and a named gap, where it could not be read."""
        answer = self._answers.get(name)
        if isinstance(answer, dict):
            return list(answer.get("items") or [])
        # 404: the cluster has no such kind, so there are none
        if answer is not None and not (isinstance(answer, Answered) and answer.status == 404):
            self.unknown[name] = _gap(answer)
        return []

    def answer(self, name: str) -> Any:
        return self._answers.get(name)

    @property
    def pods(self) -> list[Pod]:
        return self._listed("pods")

    @property
    def revisions(self) -> list[Body]:
        return self._listed("revisions")

    def missing(self) -> list[references.Reference]:
        """What the template refers to and the cluster does not have. What may not be read is a gap."""
        gone = []
        for reference in self.references:
            answer = self._answers.get(f"{reference.kind} {reference.name}")
            if isinstance(answer, Answered) and answer.status == 404:
                gone.append(reference)
            elif not isinstance(answer, dict):
                self.unknown[f"whether {reference.kind} {reference.name} exists"] = _gap(answer)
        return gone

    def rights(self) -> list[Right]:
        """The rights that this step needs, judged."""
        return [rights.judge(right, self._answers.get(f"right {place}")) for place, right in enumerate(self._needs)]

    def owners(self) -> list[owners.Owner]:
        groups = self._answers.get("groups")
        if not isinstance(groups, dict):
            self.unknown["canaries and rollouts"] = _gap(groups)
        others = {name: self.items(name) for name in ("canaries", "rollouts")}
        return owners.detect(self.address, self.live, others | {"application": self.answer("application")})

    def _listed(self, name: str) -> list[Any]:
        answer = self._answers.get(name)
        if isinstance(answer, list):
            return answer
        self.unknown[name] = _gap(answer)
        return []

    def _custom(self) -> dict[str, Callable[[], Any]]:
        answer = self._answers.get("groups")
        groups = {group["name"] for group in answer.get("groups") or []} if isinstance(answer, dict) else set()
        asked: dict[str, Callable[[], Any]] = {}
        for name, (group, version, resource) in _CUSTOM.items():
            if group in groups:
                path = namespaced(self.address.namespace, resource, group=f"apis/{group}/{version}")
                asked[name] = partial(self.api.get, path, timeout_s=WITHIN_S)
        application = owners.application_of(self.address, self.live)
        if application and "argoproj.io" in groups:
            path = namespaced("argocd", "applications", application, group="apis/argoproj.io/v1alpha1")
            asked["application"] = partial(self.api.get, path, timeout_s=WITHIN_S)
        return asked

    def _referred(self, template: Body) -> dict[str, Callable[[], Any]]:
        return {
            f"{reference.kind} {reference.name}": partial(
                self.api.get,
                namespaced(self.address.namespace, reference.resource, reference.name),
                metadata_of="one",
                timeout_s=WITHIN_S,
            )
            for reference in references.of(template)
        }


def needs_of(address: Address, *verbs: tuple[str, str]) -> list[Right]:
    """Those of the workload's rights that a step needs, by (verb, resource without its group)."""
    return [right for right in rights.needed(address) if (right.verb, right.resource.partition(".")[0]) in verbs]


def to_patch(address: Address) -> list[Right]:
    """What every step needs that patches the workload and follows its pods."""
    return needs_of(address, ("patch", address.plural), ("list", "pods"))


def _gap(answer: Any) -> str:
    if isinstance(answer, Answered):
        return "the console may not read it" if answer.status == 403 else f"the API server answered {answer.status}"
    return "no answer in time"
