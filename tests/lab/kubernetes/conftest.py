"""A namespace of its own for every test, on any cluster that LASTGOOD_TEST_KUBECONFIG leads to; its nodes must behave as the lab's do."""

import os
import secrets
import time
from pathlib import Path

import pytest

from app.executors.base import Context, Standing
from app.executors.kubernetes import reading
from app.executors.kubernetes.client import connect
from app.executors.kubernetes.problems import Answered
from app.executors.registry import action

KUBECONFIG = "LASTGOOD_TEST_KUBECONFIG"
HOW = 'needs the lab: eval "$(../shared/lab/lab up kubernetes)"'


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.lab)
            if KUBECONFIG not in os.environ:
                item.add_marker(pytest.mark.skip(reason=HOW))
            item.add_marker(pytest.mark.filterwarnings("ignore:Unverified HTTPS"))  # the lab signs its own certificate


@pytest.fixture(scope="session")
def kubeconfig():
    return Path(os.environ[KUBECONFIG]).read_text()


@pytest.fixture
def shop(kubeconfig):
    """A namespace of the test's own."""
    place = Shop({"kubeconfig": kubeconfig}, f"lgb-{secrets.token_hex(4)}")
    place.api.post("/api/v1/namespaces", {"metadata": {"name": place.namespace}})
    yield place
    place.api.delete(f"/api/v1/namespaces/{place.namespace}", {})


def until(fact, *, within_s=30.0, last=lambda: ""):
    """Poll until the fact is there and give it back. `last()` tells what was seen instead, where it never is."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        found = fact()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"it did not happen in time; last seen: {last() or 'nothing'}")


class Shop:
    """What somebody with a terminal could do in one namespace, and what the console does there."""

    until = staticmethod(until)

    def __init__(self, credentials, namespace):
        self.credentials = credentials
        self.namespace = namespace
        self.api = connect(credentials)
        self.output = []

    def path(self, kind, name=""):
        group = "api/v1" if kind in CORE else "apis/apps/v1"
        return f"/{group}/namespaces/{self.namespace}/{kind.lower()}s" + (f"/{name}" if name else "")

    def create(self, kind, image="v1.2.3", *, name="login", replicas=3, pod=None, **spec):
        body = workload(kind, name, image, replicas, pod or {})
        body["spec"] |= spec
        return self.api.post(self.path(kind), body)

    def add(self, kind, name, **body):
        return self.api.post(self.path(kind), {"metadata": {"name": name}} | body)

    def get(self, kind, name="login"):
        return self.api.get(self.path(kind, name))

    def edit(self, kind, change, *, name="login"):
        """Strategic merge patch, as kubectl would."""
        return self.api.patch(self.path(kind, name), change)

    def set_image(self, kind, tag, *, name="login"):
        return self.edit(kind, {"spec": {"template": {"spec": {"containers": [{"name": name, "image": f"shop/{name}:{tag}"}]}}}}, name=name)

    def delete(self, kind, name="login"):
        self.api.delete(self.path(kind, name), {})
        until(lambda: self._is_gone(kind, name))

    def _is_gone(self, kind, name):
        try:
            self.get(kind, name)
        except Answered as error:
            return error.status == 404
        return False

    def read(self, kind, name="login"):
        return reading.read_workload(self.credentials, self.namespace, kind, name)

    def step(self, what, kind, *, name="login", operation="run-1-step-1", credentials=None, **params):
        """One step of a plan, resolved."""
        return Step(
            self, what, {"namespace": self.namespace, "kind": kind, "name": name} | params, operation, credentials or self.credentials
        )

    def back_to(self, kind, release, **more):
        """The step that returns to a release that was read before."""
        known = {"version": release.version, "digest": release.digest, "template": release.template}
        return self.step("kubernetes.rollback", kind, **known, **more)

    def rolled_out(self, kind, tag=None, *, name="login"):
        """Put a version out, where one is given, and wait until it is there."""
        if tag:
            self.set_image(kind, tag, name=name)
        return self.step("kubernetes.wait", kind, name=name).until(Standing.DONE)


class Step:
    """An action with a resolved body, handled as the engine does."""

    def __init__(self, shop, what, params, operation, credentials):
        self.action = action(what)
        self.context = Context(operation=operation, credentials=credentials, output=shop.output.append)
        self.plan = self.action.resolve(self.action.Params(**params), self.context)
        self.seen = ""

    def observe(self):
        return self.action.observe(self.plan.body, self.context)

    def apply(self):
        return self.action.apply(self.plan.body, self.context)

    def undo(self):
        return self.action.undo(self.plan.body, self.context)

    def codes(self):
        return [warning.code for warning in self.plan.warnings]

    def until(self, standing):
        """Look until it stands so. A failure or a drift that was not asked for ends the waiting."""
        return until(lambda: self._is(standing), last=lambda: self.seen)

    def until_said(self, text):
        return until(lambda: seen if text in (seen := self.observe()).sentence else None)

    def _is(self, standing):
        seen = self.observe()
        self.seen = seen.sentence or seen.standing
        assert seen.standing in (standing, Standing.IN_PROGRESS, Standing.NOT_STARTED), seen.sentence
        return seen if seen.standing is standing else None


CORE = {"Pod", "ConfigMap", "Secret", "ServiceAccount", "ResourceQuota"}


def workload(kind, name, tag, replicas, pod):
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": name, "image": f"shop/{name}:{tag}"}]} | pod,
    }
    spec = {"selector": {"matchLabels": labels}, "template": template}
    if kind != "DaemonSet":
        spec["replicas"] = replicas
    if kind == "StatefulSet":
        spec["serviceName"] = name
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
