import pytest

from app.executors.base import StepFailed, Unreachable
from app.executors.checks.reading import read
from app.executors.kubernetes import reading as cluster
from app.executors.kubernetes.pods import Pod
from app.executors.kubernetes.reading import Workload

TARGET = {"namespace": "shop", "kind": "Deployment", "name": "login"}
GOOD, BAD = "docker.io/login@sha256:good", "docker.io/login@sha256:bad"
EXPECTED = {"version": "v1.2.3", "image_ids": ["docker-pullable://login@sha256:good"], "target": TARGET}


def pod(number, version="v1.2.3", image=GOOD, ready=True, **facts):
    return Pod(name=f"login-{number}", version=version, image_ids=[image], ready=ready, state="Ready" if ready else "Starting", **facts)


@pytest.fixture
def pods(monkeypatch):
    """What the cluster says: the reading itself is tried in the lab."""
    there = []

    def read_workload(credentials, namespace, kind, name):
        if isinstance(there[0], Exception):
            raise there[0]
        facts = {
            "uid": "u",
            "generation": 1,
            "digest": "d",
            "template": {},
            "version": "v1.2.3",
            "images": [],
            "image_ids": [],
            "history": [],
        }
        return Workload(**facts, replicas=3, ready=len(there), pods=list(there))

    monkeypatch.setattr(cluster, "read_workload", read_workload)
    return there


def test_every_pod_runs_the_intended_image(pods, ctx):
    pods[:] = [pod(1), pod(2), pod(3), pod(4, "v1.2.4", BAD, stopping=True)]
    reading = read("version", {}, ctx, expected=EXPECTED)
    assert (reading.outcome, reading.sentence) == ("pass", "v1.2.3 on 3 of 3 pods.")
    assert [one["name"] for one in reading.parts["pods"]] == ["login-1", "login-2", "login-3"]


@pytest.mark.parametrize(
    ("third", "rest"),
    [
        ([pod(3, "v1.2.4", BAD)], "1 on v1.2.4"),
        ([pod(3, "v1.2.3", BAD)], "1 on v1.2.3 (another image under the same tag)"),
        ([pod(3, ready=False)], "1 on v1.2.3 (not ready)"),
        ([], "1 not there"),
    ],
)
def test_one_pod_that_is_not_as_intended_fails_the_check(pods, ctx, third, rest):
    pods[:] = [pod(1), pod(2), *third]
    reading = read("version", {}, ctx, expected=EXPECTED)
    assert (reading.outcome, reading.sentence) == ("fail", f"v1.2.3 on 2 of 3 pods; {rest}.")


@pytest.mark.parametrize("problem", [Unreachable("The cluster does not answer."), StepFailed("There is no deployment login.")])
def test_a_cluster_that_cannot_be_read_is_inconclusive(pods, ctx, problem):
    pods[:] = [problem]
    reading = read("version", {}, ctx, expected=EXPECTED)
    assert (reading.outcome, reading.reason, reading.sentence) == ("inconclusive", "unreachable", problem.sentence)


def test_a_service_without_pods_reads_its_version_from_an_address(site, ctx):
    assert read("version", {}, ctx, expected={"version": "v1"}).reason == "config"
    site.answers["/version"] = (200, '{"build": {"version": "1.2.3"}}', {"X-Version": "v1.2.3"})
    for place in ({"json_path": "build.version"}, {"header": "X-Version"}, {"pattern": '"version": "(.*?)"'}):
        reading = read("version", {"source": "url", "url": f"{site.url}/version", **place}, ctx, expected={"version": "v1.2.3"})
        assert (reading.outcome, reading.sentence) == ("pass", "v1.2.3 in 3 of 3 answers.")


def test_mixed_answers_behind_a_load_balancer_fail(site, ctx):
    site.answers["/version"] = lambda _: (200, "v1.2.4" if len(site.requests) == 2 else "v1.2.3")
    reading = read("version", {"source": "url", "url": f"{site.url}/version"}, ctx, expected={"version": "v1.2.3"})
    assert (reading.outcome, reading.sentence) == ("fail", "v1.2.3 should run; the service says v1.2.3 (2 of 3), v1.2.4 (1 of 3).")


def test_a_commit_may_be_said_in_short(site, ctx):
    site.answers["/version"] = (200, "3c9f541")
    config = {"source": "url", "url": f"{site.url}/version"}
    assert read("version", config, ctx, expected={"version": "3c9f541aa00bb"}).outcome == "pass"
    assert read("version", config, ctx, expected={"version": "4c9f541aa00bb"}).outcome == "fail"


def test_an_endpoint_that_lies_is_told_apart_by_the_pods(pods, site):
    ctx = site.context(kubeconfig="…")
    config = {"source": "url", "url": f"{site.url}/version"}
    pods[:] = [pod(number, "v1.2.4", BAD) for number in range(3)]
    site.answers["/version"] = (200, "v1.2.3")
    reading = read("version", config, ctx, expected=EXPECTED)
    assert reading.outcome == "fail"
    assert reading.sentence.endswith("v1.2.3 on 0 of 3 pods; 3 on v1.2.4. The endpoint does not tell the truth.")
    pods[:] = [pod(number) for number in range(3)]
    site.answers["/version"] = (200, "v1.2.4")
    assert "a cache, or another service" in read("version", config, ctx, expected=EXPECTED).sentence


def test_what_says_no_version_is_inconclusive(site, ctx):
    config = {"source": "url", "url": f"{site.url}/version", "json_path": "version"}
    site.answers["/version"] = (502, "")
    assert "answers 502" in read("version", config, ctx, expected={"version": "v1"}).sentence
    site.answers["/version"] = (200, "{}")
    assert "has no field version" in read("version", config, ctx, expected={"version": "v1"}).sentence
    site.answers["/version"] = (200, '{"version": "v7"}')
    assert "nothing says which version should run" in read("version", config, ctx).sentence


def test_signs_that_no_database_can_keep_are_taken_out(site, ctx):
    site.answers["/version"] = (200, '{"version": "v1\\u0000\\ud800"}')
    reading = read("version", {"source": "url", "url": f"{site.url}/version", "json_path": "version"}, ctx, expected={"version": "v1"})
    assert reading.sentence == "v1 should run; the service says v1\ufffd\ufffd (3 of 3)."
    assert reading.parts == {"answers": {"v1\ufffd\ufffd": 3}}
