"""Observation against a real control plane."""

import os
import time
import uuid

import pytest

from app.catalog import clusters, releases
from app.catalog.models import Cluster, Service, Target
from app.catalog.observing import observe
from app.catalog.validating import check_cluster, choices, validate_target
from app.core.database import transaction
from tests.factories import make_cluster, make_service, make_target

KUBECONFIG = os.environ.get("LASTGOOD_TEST_KUBECONFIG")
pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not KUBECONFIG, reason='needs a cluster: eval "$(../shared/lab/lab up)"'),
]


class Shop:
    """A namespace of our own with a Deployment in it, changed as a team would change it."""

    def __init__(self):
        from kubernetes import client, config

        api = config.new_client_from_config(KUBECONFIG)
        self.core, self.apps = client.CoreV1Api(api), client.AppsV1Api(api)
        self.namespace = f"observing-{uuid.uuid4().hex[:8]}"
        self.core.create_namespace({"metadata": {"name": self.namespace}})

    def deploy(self, tag, *, name="login", history=None):
        pod = {"containers": [{"name": "app", "image": f"shop/login:{tag}", "env": [{"name": "DB_PASSWORD", "value": "hunter22"}]}]}
        spec = {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
        } | ({} if history is None else {"revisionHistoryLimit": history})
        self.apps.create_namespaced_deployment(self.namespace, {"metadata": {"name": name}, "spec": spec})
        self.settle(name)

    def patch(self, template, *, name="login"):
        self.apps.patch_namespaced_deployment(name, self.namespace, {"spec": {"template": template}})
        self.settle(name)

    def ship(self, tag):
        self.patch({"spec": {"containers": [{"name": "app", "image": f"shop/login:{tag}"}]}})

    def restart(self):
        self.patch({"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": str(time.time())}}})

    def settle(self, name):
        def settled():
            live = self.apps.read_namespaced_deployment(name, self.namespace)
            status = live.status
            counts = {status.replicas, status.updated_replicas, status.ready_replicas}
            return status.observed_generation == live.metadata.generation and counts == {live.spec.replicas}

        wait_for(settled)

    def revisions(self):
        return len(self.apps.list_namespaced_replica_set(self.namespace).items)

    def remove(self, name="login"):
        self.apps.delete_namespaced_deployment(name, self.namespace, propagation_policy="Background")
        wait_for(lambda: not self.core.list_namespaced_pod(self.namespace).items and not self.revisions())


def wait_for(fact, within=60):
    deadline = time.monotonic() + within
    while not fact():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.1)


@pytest.fixture
def shop():
    shop = Shop()
    yield shop
    shop.core.delete_namespace(shop.namespace)


@pytest.fixture
def target(console, shop):
    with open(KUBECONFIG) as file, transaction() as session:
        cluster = make_cluster(session, clusters.read(file.read())[0])
        return make_target(session, make_service(session), cluster=cluster, namespace=shop.namespace)


def look(target):
    return observe(f"target-{target.id}", {})


def seen(target):
    """The versions on record, the one that ran last first; and what runs."""
    with transaction() as session:
        return [r.version for r in releases.releases_of(session, target)], releases.current(session, target)


def row(target):
    with transaction() as session:
        return session.get_one(Target, target.id)


def test_registering_imports_what_the_cluster_remembers(shop, target):
    for tag in ("v1.2.2", "v1.2.3", "v1.2.4"):
        shop.deploy(tag) if tag == "v1.2.2" else shop.ship(tag)
    look(target)
    versions, running = seen(target)

    assert versions == ["v1.2.4", "v1.2.3", "v1.2.2"]
    assert (running.release.version, running.replaced.version) == ("v1.2.4", "v1.2.3")
    assert running.release.made_at == running.began_at
    assert len(running.release.facts["image_ids"]) == 1
    assert row(target).seen["settled"] is True
    with transaction() as session:
        offer = releases.offer(session, target)
        assert (offer.release.version, offer.proven) == ("v1.2.3", False)


def test_a_restart_is_not_a_new_release(shop, target):
    shop.deploy("v1.2.3")
    look(target)
    shop.restart()
    look(target)
    versions, running = seen(target)

    assert shop.revisions() == 2
    assert versions == ["v1.2.3"]
    assert running.ended_at is None


def test_a_release_that_the_cluster_has_forgotten_is_still_offered_and_whole(shop, target):
    shop.deploy("v1.2.3", history=0)
    look(target)
    shop.ship("v1.2.4")
    wait_for(lambda: shop.revisions() == 1)
    look(target)

    with transaction() as session:
        offer = releases.offer(session, target)
        template = releases.template(offer.release)
    assert offer.release.version == "v1.2.3"
    assert template["spec"]["containers"][0]["env"] == [{"name": "DB_PASSWORD", "value": "hunter22"}]


def test_what_pages_may_show_holds_no_value_of_the_template(shop, target):
    shop.deploy("v1.2.3")
    look(target)

    with transaction() as session:
        shown = [str(r.facts) for r in releases.releases_of(session, target)] + [str(session.get_one(Target, target.id).seen)]
    assert "hunter22" not in "".join(shown)


def test_an_object_that_was_deleted_and_made_anew_keeps_its_history(shop, target):
    shop.deploy("v1.2.3")
    look(target)
    before = row(target).seen["uid"]
    shop.remove()
    look(target)
    assert "login" in row(target).observe_problem
    assert row(target).seen["settled"] is False

    shop.deploy("v1.2.4")
    look(target)
    versions, running = seen(target)

    assert versions == ["v1.2.4", "v1.2.3"]
    assert running.replaced.version == "v1.2.3"
    assert row(target).seen["uid"] != before
    assert row(target).observe_problem == ""


def test_a_workload_that_does_not_exist_is_answered_with_those_that_do(shop, target):
    shop.deploy("v1.2.3", name="web-api")
    shop.deploy("v1.2.3", name="web-front")
    with transaction() as session:
        cluster = session.get_one(Cluster, target.cluster_id)
    answer = validate_target("x", {"kind": "kubernetes", "config": target.config | {"name": "web"}})

    assert answer["problem"] == (
        f"deployment web does not exist in namespace {shop.namespace} on cluster {cluster.name}: found web-api, web-front."
    )
    assert (answer["field"], answer["found"]) == ("name", ["web-api", "web-front"])
    where = {"cluster_id": cluster.id, "namespace": shop.namespace, "kind": "Deployment"}
    assert choices("x", where) == {"found": ["web-api", "web-front"]}


def test_a_workload_that_exists_is_answered_with_what_runs(shop, target):
    shop.deploy("v1.2.3")

    assert validate_target("x", {"kind": "kubernetes", "config": target.config}) == {
        "problem": "",
        "running": "v1.2.3",
        "remembered": 0,
        "replicas": 2,
        "ready": 2,
    }


def test_a_cluster_is_asked_for_the_exact_rights_that_its_targets_take(shop, target):
    assert check_cluster(f"cluster-{target.cluster_id}", {}) == {"problem": ""}

    with transaction() as session:
        cluster = session.get_one(Cluster, target.cluster_id)
        assert session.query(Service).count() == 1
    asked = {(right["verb"], right["resource"], right["namespace"], right["name"]) for right in cluster.rights}
    assert ("patch", "deployments.apps", shop.namespace, "login") in asked
    assert all(right["allowed"] for right in cluster.rights)
    assert cluster.checked_at
