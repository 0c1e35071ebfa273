"""Rollback of a three-replica Deployment in the lab: ours beside `kubectl rollout undo && kubectl rollout status`, turn by turn.

    eval "$(../shared/lab/lab up kubernetes)"; uv run python -m bench.rollback [ROUNDS]

Each round puts v1.2.4 out and takes it back, once with kubectl and once with Lastgood, in changing order. Measured: from the
command, or from the POST of the confirmation, to "rolled out" (for Lastgood: the step that waits for it is on record as done, and the
pages are told); to the end of the run, which keeps its books after that; and from the POST until the API server had taken the change.
"""

import os
import statistics
import subprocess
import sys
import threading
import time
import uuid
from datetime import UTC, datetime

import httpx
import urllib3
from kubernetes import client, config, watch

from app.catalog import actions as catalog
from app.catalog import clusters, targets
from bench import scene
from tests.running import until

urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # the lab's certificate is its own
KUBECONFIG = os.environ.get("LASTGOOD_TEST_KUBECONFIG", "")
NAME = "login"


def deployment(tag: str) -> dict:
    labels = {"app": NAME}
    container = {"name": "login", "image": f"login:{tag}", "readinessProbe": {"httpGet": {"path": "/health", "port": 8080}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


class Cluster:
    """The lab's cluster, seen from outside of both contestants."""

    def __init__(self) -> None:
        config.load_kube_config(KUBECONFIG)
        self.core, self.apps = client.CoreV1Api(), client.AppsV1Api()
        self.namespace = f"bench-{uuid.uuid4().hex[:6]}"
        self.core.create_namespace({"metadata": {"name": self.namespace}})
        self.apps.create_namespaced_deployment(self.namespace, deployment("v1.2.3"))
        self.wait("v1.2.3")

    def put_out(self, tag: str) -> None:
        self.apps.patch_namespaced_deployment(NAME, self.namespace, deployment(tag))
        self.wait(tag)

    def is_rolled_out(self, tag: str) -> bool:
        seen = self.apps.read_namespaced_deployment(NAME, self.namespace)
        status = seen.status
        whole = (status.updated_replicas, status.replicas, status.available_replicas) == (3, 3, 3)
        image = seen.spec.template.spec.containers[0].image
        return image.endswith(tag) and status.observed_generation == seen.metadata.generation and whole

    def wait(self, tag: str) -> None:
        until(lambda: self.is_rolled_out(tag), seconds=120, what=f"{tag} rolled out")

    def kubectl(self, *arguments: str) -> None:
        argv = ["kubectl", "--kubeconfig", KUBECONFIG, "-n", self.namespace, *arguments]
        subprocess.run(argv, check=True, capture_output=True)


class Acceptance(threading.Thread):
    """Stamps the moment in which the API server announces the template that leads back."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(daemon=True)
        self.cluster, self.at, self.listening = cluster, 0.0, threading.Event()

    def run(self) -> None:
        listing = self.cluster.apps.list_namespaced_deployment(self.cluster.namespace)
        stream = watch.Watch()
        self.listening.set()
        for event in stream.stream(
            self.cluster.apps.list_namespaced_deployment,
            self.cluster.namespace,
            resource_version=listing.metadata.resource_version,
            timeout_seconds=60,
        ):
            if event["object"].spec.template.spec.containers[0].image.endswith(":v1.2.3"):
                self.at = time.monotonic()
                stream.stop()


def by_kubectl(cluster: Cluster) -> float:
    began = time.monotonic()
    cluster.kubectl("rollout", "undo", f"deployment/{NAME}")
    cluster.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=120s")
    return time.monotonic() - began


def by_lastgood(api: httpx.Client, cluster: Cluster, target_id: int) -> tuple[float, float, float]:
    """Seconds to the acceptance, to "rolled out" and to the end of the run.

    The preview is made before, as a person looks at it before the button.
    """

    def observed() -> bool:
        shape = api.get("/services/login").json()["targets"][0]
        return bool(shape["running"]) and shape["running"]["version"] == "v1.2.4"

    until(observed, seconds=60, what="v1.2.4 observed")
    good = next(r for r in api.get(f"/targets/{target_id}/releases").json()["items"] if r["version"] == "v1.2.3")
    plan = api.post(f"/targets/{target_id}/plans", json={"release_id": good["id"]}, headers=key()).raise_for_status().json()
    ready = until(lambda: (p := api.get(f"/plans/{plan['id']}").json())["state"] != "resolving" and p, what="the plan")
    assert ready["state"] == "ready", ready["problem"]
    acceptance = Acceptance(cluster)
    acceptance.start()
    acceptance.listening.wait(10)
    began, began_at = time.monotonic(), datetime.now(UTC)
    run = api.post(f"/plans/{plan['id']}/run", json={"digest": ready["digest"]}, headers=key()).raise_for_status().json()
    acceptance.join(60)
    ended = until(lambda: (r := api.get(f"/runs/{run['id']}").json())["ended_at"] and r, seconds=120, every_s=0.5, what="the run")
    assert ended["state"] == "succeeded", ended["sentence"]
    waited = next(step for step in ended["steps"] if step["action"] == "kubernetes.wait")
    # by the database's clock, which is this machine's: asking for it more often would slow down what is measured
    rolled_out, over = ((datetime.fromisoformat(moment) - began_at).total_seconds() for moment in (waited["ended_at"], ended["ended_at"]))
    return acceptance.at - began, rolled_out, over


def key() -> dict[str, str]:
    return {"Idempotency-Key": uuid.uuid4().hex}


def register(cluster: Cluster) -> tuple[str, int]:
    """The service on the console, and a token."""
    with open(KUBECONFIG) as file, scene.transaction() as session:
        ana, token = scene.make_commander(session)
        lab = clusters.add(session, name="lab", kind="kubeconfig", text=file.read(), by=ana)
        service = catalog.create(session, catalog.ServiceFacts(name="Login", slug="login"), by=ana)
        where = {"cluster_id": lab.id, "namespace": cluster.namespace, "kind": "Deployment", "name": NAME}
        return token, targets.add(session, service, kind="kubernetes", environment="production", config=where, by=ana).id


def main(rounds: int) -> None:
    if not KUBECONFIG:
        sys.exit('Start the lab first: eval "$(../shared/lab/lab up kubernetes)"')
    cluster = Cluster()
    try:
        with scene.console(LASTGOOD_OBSERVE_EVERY_S="1") as console:
            token, target_id = register(cluster)
            api = httpx.Client(base_url=f"{console.url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=30)
            theirs, ours, accepted, ended = [], [], [], []
            for number in range(rounds + 1):
                for contestant in ("kubectl", "lastgood") if number % 2 else ("lastgood", "kubectl"):
                    cluster.put_out("v1.2.4")
                    if contestant == "kubectl":
                        theirs.append(by_kubectl(cluster))
                    else:
                        acceptance, took, over = by_lastgood(api, cluster, target_id)
                        ours.append(took)
                        accepted.append(acceptance)
                        ended.append(over)
            theirs, ours, accepted, ended = theirs[1:], ours[1:], accepted[1:], ended[1:]  # the first round warms both up
    finally:
        cluster.core.delete_namespace(cluster.namespace)
    print("| what | median | p95 | rounds |\n|---|---|---|---|")
    print(scene.row("kubectl rollout undo + status", [1000 * value for value in theirs]))
    print(scene.row("Lastgood, POST to rolled out", [1000 * value for value in ours]))
    print(scene.row("Lastgood, POST to the end of the run", [1000 * value for value in ended]))
    print(scene.row("Lastgood, POST to the API server's acceptance", [1000 * value for value in accepted]))
    print(f"\nRatio of the medians: {statistics.median(ours) / statistics.median(theirs):.2f} (at most 1.0)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
