"""Every plan that can be asked for is made of steps that the real actions understand."""

import pytest

from app.catalog.models import Cluster, Target
from app.core.errors import Refused
from app.executors import registry
from app.runs.recipes import Part, Wanted, parts, waited_for

CLUSTER = Target(kind="kubernetes", config={"cluster_id": 1, "namespace": "shop", "kind": "Deployment", "name": "login"})
GIT = {"repository": "https://git.example.org/shop.git", "branch": "main", "deploy": ["make", "deploy", "V={version}"], "deploy_folder": ""}
REPOSITORY = Target(
    kind="git", config={**GIT, "version_url": "https://shop.example.org/version", "version_path": "version", "local": False}
)
BLIND = Target(kind="git", config={**GIT, "version_url": "", "version_path": "", "local": True})
RELEASE = {"version": "v1.2.3", "digest": "a" * 40, "template": {"spec": {"containers": []}}}
RUNNING = {"version": "v1.2.4", "digest": "b" * 40}


def recipe(kind, target=CLUSTER, **request):
    made = parts(kind, Wanted(target=target, request=request, release=RELEASE, running=RUNNING))
    for part in made:
        registry.action(part.action).Params.model_validate(part.params)
    return [part.action.partition(".")[2] for part in made]


def test_a_rollback_writes_the_release_and_waits_for_the_pods():
    assert recipe("rollback") == ["rollback", "wait"]


def test_a_rollback_can_replace_what_is_broken_on_the_way():
    assert recipe("rollback", replace_broken_pods=True) == ["rollback", "replace_broken_pods", "wait"]


def test_where_no_release_is_put_there_the_wait_is_for_what_is_live_when_the_plan_is_made():
    made = parts("restart", Wanted(target=CLUSTER, request={}, running=RUNNING))
    assert made[1].params["digest"] == ""


def test_a_cluster_is_called_what_people_call_it():
    target = Target(kind="kubernetes", config=CLUSTER.config, cluster=Cluster(name="prod"))
    assert {part.params["cluster"] for part in parts("scale_back", Wanted(target=target, request={}))} == {"prod"}


@pytest.mark.parametrize("kind", ["restart", "scale_back", "replace_broken_pods"])
def test_what_changes_pods_waits_for_them(kind):
    assert recipe(kind) == [kind, "wait"]


def test_scaling_takes_a_number():
    assert recipe("scale", replicas=3) == ["scale", "wait"]
    with pytest.raises(Refused, match="how many replicas"):
        recipe("scale")


def test_scaling_to_zero_waits_by_itself():
    assert recipe("scale_to_zero") == ["scale_to_zero"]


@pytest.mark.parametrize(
    ("mode", "steps"), [("commit", ["return_to", "deploy"]), ("deploy_only", ["deploy"]), ("branch_only", ["push_branch"])]
)
def test_a_branch_goes_back_in_one_of_three_ways(mode, steps):
    assert recipe("rollback", REPOSITORY, mode=mode) == steps


def test_a_deploy_that_no_address_proves_is_an_opaque_one():
    assert recipe("rollback", BLIND) == ["return_to", "deploy_blind"]


def test_a_repository_cannot_be_restarted():
    with pytest.raises(Refused, match="cannot do this"):
        recipe("restart", REPOSITORY)


def test_what_is_taken_back_on_a_cluster_is_waited_for():
    back = Part("kubernetes.rollback", {"namespace": "shop", "kind": "Deployment", "name": "login", **RUNNING, "template": {}})
    made = waited_for([back], Wanted(target=CLUSTER, request={}, running=RELEASE))
    assert made[1].action == "kubernetes.wait"
    assert made[1].params["digest"] == RUNNING["digest"]
