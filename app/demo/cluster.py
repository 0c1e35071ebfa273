"""The demo's story on a cluster of the user's: a Deployment that runs well, and an update of it that does not.

    lastgood demo --kubeconfig FILE --image registry/shop [--good v1.2.3 --bad v1.2.4] [--url …] [--prometheus …]

Everything lives in the namespace `lastgood-demo`, which stays when the demo ends: it is the user's to look at and to delete.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.catalog import actions, addresses, checks, clusters, releases, sightings, targets
from app.catalog.actions import ServiceFacts
from app.catalog.models import Cluster, Service
from app.catalog.targets import KubernetesTarget
from app.core.errors import Refused
from app.demo import people
from app.demo.people import SignIn
from app.demo.wish import Wish
from app.executors.base import StepFailed
from app.executors.kubernetes import client, problems

NAMESPACE, NAME = "lastgood-demo", "shop"
_NAMESPACES = "/api/v1/namespaces"
_DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
_REPLICAS = 3
_WINDOW = "20s"


class ClusterProduction:
    """The shop on a cluster, with the same turns as `production.Production`."""

    def __init__(self, folder: Path, wish: Wish) -> None:
        self.folder, self.wish = folder.absolute(), wish
        try:
            self._kubeconfig = wish.kubeconfig.read_text()
        except OSError as error:
            raise Refused(f"{wish.kubeconfig} cannot be read: {error.strerror}. Nothing was started.") from error
        self._credentials = {"kubeconfig": clusters.read(self._kubeconfig)[0]}

    @property
    def url(self) -> str:
        """Where people look at it."""
        return self.wish.url or f"deployment/{NAME} in {NAMESPACE}"

    @property
    def is_broken(self) -> bool:
        """Whether the story's turn has come before."""
        return (self.folder / "broken").exists()

    def prepare(self) -> None:
        """A folder for what the demo remembers."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refused(f"The demo's folder {self.folder} cannot be used: {error.strerror}.") from error

    def start(self) -> None:
        """Make the namespace and the Deployment with the good version, where they are missing. Refused with the cluster's own words."""
        self._made(_NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        self._made(_DEPLOYMENTS, self._deployment(self.wish.good))

    def stop(self) -> None:
        """Nothing: the cluster goes on without us."""

    def break_it(self) -> bool:
        """The bad version goes out, once in the life of the demo's folder. False where it went out before."""
        if self.is_broken:
            return False
        cause = {"metadata": {"annotations": {"kubernetes.io/change-cause": f"Release {self.wish.bad}"}}}
        self._asked("PATCH", f"{_DEPLOYMENTS}/{NAME}", {**self._deployment(self.wish.bad), **cause})
        (self.folder / "broken").touch()
        return True

    def seed(self, session: Session) -> list[SignIn]:
        """People, cluster, service, target and checks, where they are missing; and that the good version was good, said by a person."""
        ways = people.invite_all(session, self.folder)
        if session.scalar(select(Service).where(Service.slug == NAME)):
            return ways
        by = people.person(session, people.ADMINISTRATOR)
        for address in filter(None, (self.wish.url, self.wish.prometheus)):
            parts = urlsplit(address)
            port = parts.port or (443 if parts.scheme == "https" else 80)
            addresses.allow(session, host=parts.hostname or "", port=port, reason="Named for the demo on the command line", by=by)
        cluster = session.scalar(select(Cluster).where(Cluster.name == "demo"))
        cluster = cluster or clusters.add(session, name="demo", kind="kubeconfig", text=self._kubeconfig, by=by)
        facts = ServiceFacts(
            name="Shop", slug=NAME, owner="Shop team", tier=1, description="The demo's shop on your cluster.", good_after_s=30
        )
        service = actions.create(session, facts, by=by)
        where = {"cluster_id": cluster.id, "namespace": NAMESPACE, "kind": "Deployment", "name": NAME}
        target = targets.add(session, service, kind="kubernetes", environment="production", config=where, by=by)
        for check in self._checks():
            checks.add(session, service, **check, by=by)
        seen = sightings.of_workload(self._credentials, KubernetesTarget(**where))
        running = releases.record(session, target, running=seen.running).release
        if running.version == self.wish.good:
            reason = "chosen as the demo's good version on the command line"
            releases.mark(session, running, "good", reason=reason, by=people.person(session, people.RESPONDER))
        return ways

    def _checks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = [{"kind": "version", "name": "Version", "config": {"source": "pods"}}]
        if self.wish.url:
            health = {"url": f"{self.wish.url.rstrip('/')}/health"}
            found.append({"kind": "health", "name": "Health", "config": health})
        if self.wish.prometheus:
            series = f'namespace="{NAMESPACE}",app="{NAME}"'
            queries = {
                "requests": f"sum(rate(http_requests_total{{{series}}}[{_WINDOW}]))",
                "errors": f'sum(rate(http_requests_total{{{series},code=~"5.."}}[{_WINDOW}]))',
            }
            numbers = {"source": "prometheus", "url": self.wish.prometheus, "measure": "error_ratio", "limit": 1.0, "window_s": 20.0}
            found.append({"kind": "metric", "name": "Failed requests", "config": {**numbers, **queries}})
        return found

    def _deployment(self, version: str) -> dict[str, Any]:
        labels = {"app": NAME}
        container = {"name": NAME, "image": f"{self.wish.image}:{version}"}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": NAME},
            "spec": {
                "replicas": _REPLICAS,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        }

    def _made(self, path: str, body: dict[str, Any]) -> None:
        try:
            self._api().post(path, body)
        except problems.Answered as error:
            if not error.is_conflict:  # it is there already: the demo goes on where it was
                raise Refused(problems.sentence(error, f"{body['kind']} {body['metadata']['name']}")) from error
        except problems.Silent as error:
            raise Refused(problems.sentence(error, f"{body['kind']} {body['metadata']['name']}")) from error

    def _asked(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            return self._api().patch(path, body) if method == "PATCH" and body else self._api().get(path)
        except (problems.Answered, problems.Silent) as error:
            raise Refused(problems.sentence(error, f"deployment/{NAME}")) from error

    def _api(self) -> client.Api:
        try:
            return client.connect(self._credentials)
        except StepFailed as error:
            raise Refused(f"{error.sentence} Nothing was started.") from error
