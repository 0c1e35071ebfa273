"""Every crash point of the real actions on a real cluster: nothing is lost, nothing happens twice, and the run ends in a stated outcome.

The API server is the witness: it raises a Deployment's generation with each write that changes its spec, and its controller makes
a ReplicaSet for each template.
"""

import pytest

from app.core.settings import settings
from app.executors.kubernetes.digests import digest
from app.executors.kubernetes.objects import REMEMBERED
from app.runs import leases
from app.runs.recipes import Part
from app.runs.states import RunState
from tests.runs.arrange import Stage
from tests.runs.crash import Zygote
from tests.runs.crashing import Scene, complaints

AT_ONCE = 12  # a case mostly waits: for a lease to run out, and for the server's own time limit to pass


@pytest.fixture
def zygote(console, monkeypatch):
    # twelve carriers share two cores: with a shorter lease some would lose theirs before they come to their point
    monkeypatch.setenv("LASTGOOD_LEASE_S", "4")
    settings.cache_clear()
    zygote = Zygote()
    yield zygote
    zygote.close()
    leases.reset()


class Workload:
    """A Deployment for one case, settled, so that whatever changes from now on is the case's doing."""

    def __init__(self, shop, *, replicas=1):
        self.shop = shop
        self.stage = Stage(kubeconfig=shop.credentials["kubeconfig"], namespace=shop.namespace)
        self.name = self.stage.thing
        shop.create("Deployment", "v1.2.4-bad", name=self.name, replicas=replicas)
        if not replicas:
            shop.edit("Deployment", {"metadata": {"annotations": {REMEMBERED: "1"}}}, name=self.name)
        shop.until(lambda: self._is_settled(replicas), within_s=60)
        self.before = self.generation()

    def _is_settled(self, replicas):
        live = self.live()
        status = live.get("status") or {}
        return status.get("observedGeneration") == live["metadata"]["generation"] and status.get("availableReplicas", 0) == replicas

    def live(self):
        return self.shop.get("Deployment", self.name)

    def generation(self):
        return self.live()["metadata"]["generation"]

    def rollouts(self):
        """How many templates it has had."""
        sets = self.shop.api.get(self.shop.path("ReplicaSet"), {"labelSelector": f"app={self.name}"})
        return len(sets["items"])

    def scene(self, action, **params):
        """`effects` counts writes that changed the spec, and rollouts beyond the first where there are more of them."""
        where = {"namespace": self.shop.namespace, "kind": "Deployment", "name": self.name}
        count = lambda: max(self.generation() - self.before, self.rollouts() - 1)  # noqa: E731
        return Scene(self.stage, Part(action, where | params), count, {RunState.SUCCEEDED})


def good(workload):
    """The release before: the same template with another image."""
    now = workload.shop.read("Deployment", workload.name)
    container = now.template["spec"]["containers"][0] | {"image": f"shop/{workload.name}:v1.2.3"}
    template = now.template | {"spec": now.template["spec"] | {"containers": [container]}}
    return {"version": "v1.2.3", "digest": digest(template), "template": template}


def test_no_crash_point_loses_or_repeats_a_rollback(shop, zygote):
    def scene():
        workload = Workload(shop)
        return workload.scene("kubernetes.rollback", **good(workload))

    assert complaints(scene, zygote, at_once=AT_ONCE) == []


@pytest.mark.parametrize(
    ("action", "replicas", "params"),
    [
        ("kubernetes.restart", 1, {}),
        ("kubernetes.scale", 1, {"replicas": 2}),
        ("kubernetes.scale_to_zero", 1, {}),
        ("kubernetes.scale_back", 0, {}),
    ],
)
def test_no_crash_point_loses_or_repeats_a_restart_or_a_number(shop, zygote, action, replicas, params):
    assert complaints(lambda: Workload(shop, replicas=replicas).scene(action, **params), zygote, at_once=AT_ONCE) == []
