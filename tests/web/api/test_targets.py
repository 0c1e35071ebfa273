"""Targets, as a script registers them: nothing is saved that the runner has not seen, unless that is asked for."""

import subprocess

import pytest
from sqlalchemy import select

from app.catalog import looks
from app.catalog.models import Secret, Target
from app.core.database import transaction
from app.core.errors import Refused
from app.core.sealing import unseal
from tests import factories
from tests.web import stages
from tests.web.api.conftest import problem

GIT = {"repository": "https://git.example.org/shop.git", "branch": "main", "deploy": ["./deploy", "{version}"]}
MISSING = "deployment web does not exist in namespace shop on cluster prod: found web-api, web-front."


@pytest.fixture
def cluster_id(world):
    with transaction() as session:
        return factories.make_cluster(session).id


@pytest.fixture
def saw(monkeypatch):
    """`saw(answer)`: what the runner answers from here on. It remembers what it was asked."""
    asked = []

    def tell(answer):
        def ask(kind, subject, params, **_):
            asked.append(params)
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(looks, "ask_and_wait", ask)
        return asked

    return tell


def workload(cluster_id):
    return {"kind": "kubernetes", "config": {"cluster_id": cluster_id, "namespace": "shop", "kind": "Deployment", "name": "web"}}


def count():
    with transaction() as session:
        return len(session.scalars(select(Target.id)).all())


def test_a_workload_that_the_runner_sees_is_registered_and_watched(admin, world, cluster_id, saw):
    saw({"problem": "", "running": "v1.2.4"})
    made = admin.post("/services/login-api/targets", workload(cluster_id))
    assert made.status_code == 201
    told = made.json()
    assert (told["service"], told["label"], told["environment"], told["observe_problem"]) == (
        "login-api",
        "deployment/web in shop",
        "production",
        "",
    )
    assert told == admin.get(f"/targets/{told['id']}/settings").json()
    assert told["id"] in {one["id"] for one in admin.get("/services/login-api").json()["targets"]}


def test_what_is_not_there_is_refused_beside_its_field_with_what_was_found(admin, world, cluster_id, saw):
    saw({"problem": MISSING, "field": "name", "found": ["web-api", "web-front"]})
    before = count()
    answer = admin.post("/services/login-api/targets", workload(cluster_id), key="a")
    assert problem(answer, 422) == MISSING
    assert answer.json()["fields"] == {"config.name": MISSING}
    assert count() == before
    saw({"problem": ""})
    assert admin.post("/services/login-api/targets", workload(cluster_id), key="a").status_code == 201, "a refusal is not remembered"


def test_where_no_runner_answers_it_may_be_saved_unseen_and_says_so(admin, world, cluster_id, saw):
    saw(Refused(looks.UNANSWERED))
    answer = admin.post("/services/login-api/targets", workload(cluster_id))
    assert problem(answer, 422) == looks.UNANSWERED
    assert set(answer.json()["fields"]) == {"unchecked"}
    told = admin.post("/services/login-api/targets", workload(cluster_id) | {"unchecked": True}).json()
    assert told["observe_problem"] == "It was saved without a look, so nobody has seen it yet."


WRONG = [
    ({"namespace": "Shop!"}, "config.namespace"),
    ({"kind": "Job"}, "config.kind"),
    ({"cluster_id": 999999}, "config.cluster_id"),
    ({"cluster_id": 10**30}, "config.cluster_id"),
    ({"cluster_id": "x"}, "config.cluster_id"),
    ({"labels": {}}, "config.labels"),
    ({"name": 7}, "config.name"),
]


def test_a_wrong_setting_is_named_before_the_world_is_asked(admin, world, cluster_id, saw):
    asked = saw({"problem": ""})
    for config, field in WRONG:
        body = workload(cluster_id)
        answer = admin.post("/services/login-api/targets", body | {"config": body["config"] | config})
        problem(answer, 422)
        assert set(answer.json()["fields"]) == {field}
    assert asked == []


def test_hostile_targets_are_refused(admin, world, saw):
    saw({"problem": ""})
    before = count()
    for body in (
        {"kind": "kubernetes", "config": "x"},
        {"kind": "pm2", "config": {}},
        {"config": {}},
        {"kind": "git", "config": GIT | {"repository": "file:///etc"}},
        {"kind": "git", "config": GIT | {"repository": "/etc", "local": True}},
        {"kind": "git", "config": GIT | {"branch": "a\0b"}},
        {"kind": "git", "config": GIT | {"deploy": []}},
        {"kind": "git", "config": GIT, "environment": "!"},
        {"kind": "git", "config": GIT, "credential": {}},
    ):
        problem(admin.post("/services/login-api/targets", body), 422)
    assert count() == before


def test_a_credential_is_stored_sealed_and_nobody_can_read_it_back(admin, world, saw):
    asked = saw({"problem": ""})
    body = {"kind": "git", "config": GIT, "credential": {"token": "hunter2", "username": "bot"}}
    made = admin.post("/services/login-api/targets", body, key="a")
    assert made.json()["has_credential"] is True
    assert "hunter2" not in made.text + admin.get(f"/targets/{made.json()['id']}/settings").text + str(asked)
    assert unseal(bytes.fromhex(asked[0]["sealed"])) == {"token": "hunter2", "username": "bot"}
    with transaction() as session:
        secret = session.scalars(select(Secret).where(Secret.purpose == "git")).one()
        assert unseal(secret.sealed) == {"token": "hunter2", "username": "bot"}
    refused = admin.post("/services/login-api/targets", workload(1) | {"credential": {"token": "x"}})
    assert set(refused.json()["fields"]) == {"credential"}


def test_what_is_not_sent_stays_and_another_place_begins_anew(admin, world, saw):
    saw({"problem": ""})
    made = admin.post("/services/login-api/targets", {"kind": "git", "config": GIT, "credential": {"token": "t"}}).json()
    here = f"/targets/{made['id']}/settings"
    same = admin.post(here, {"config": {"version_url": "https://shop.example.org/version"}}).json()
    assert (same["id"], same["has_credential"]) == (made["id"], True)
    assert same["config"] == made["config"] | {"version_url": "https://shop.example.org/version"}
    assert admin.post(here, {"config": same["config"], "environment": "Staging"}).json()["environment"] == "staging"
    moved = admin.post(here, {"config": {"branch": "release"}}, key="move")
    assert moved.json()["id"] != made["id"]
    assert admin.post(here, {"config": {"branch": "release"}}, key="move").json() == moved.json()
    problem(admin.get(here), 404)
    problem(admin.post(here, {"environment": "production"}), 404)
    problem(admin.post(f"/targets/{moved.json()['id']}/settings", {"config": {"local": True}}), 422)


def test_a_repository_of_this_machine_stays_one_and_no_script_can_name_another(admin, world, tmp_path, runner):
    subprocess.run(["git", "init", "-qb", "main", tmp_path], check=True)
    commit = ["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"]
    subprocess.run(commit, check=True)
    config = {"repository": str(tmp_path), "branch": "main", "deploy": ["true"], "local": True}
    with transaction() as session:
        target = factories.make_target(session, session.merge(world.service), config=config)
    here = f"/targets/{target.id}/settings"
    assert "local" not in admin.get(here).json()["config"]
    kept = admin.post(here, {"config": {"deploy": ["make", "deploy"]}})
    assert (kept.status_code, kept.json()["id"]) == (200, target.id)
    answer = admin.post(here, {"config": {"repository": "/etc"}})
    problem(answer, 422)
    assert set(answer.json()["fields"]) == {"config.repository"}


def test_a_target_that_a_run_holds_is_neither_changed_nor_archived(admin, world, saw):
    saw({"problem": ""})
    with transaction() as session:
        stage = stages.stage(session, "mail")
        run = stages.make_run(session, stage, stages.make_plan(session, stage), state="running")
    for verb, body in (("settings", {"environment": "staging"}), ("archive", None)):
        sentence = problem(admin.post(f"/targets/{stage.target.id}/{verb}", body), 422)
        assert sentence.startswith(f"Run {run.id} works on {stage.target.label}. Wait until it has ended")


def test_an_archived_target_is_gone_and_sending_that_again_gets_the_first_answer(admin, world):
    with transaction() as session:
        target = factories.make_target(session, session.merge(world.service))
    first, again = (admin.post(f"/targets/{target.id}/archive", key="a") for _ in range(2))
    assert first.json() == again.json()
    assert first.json()["archived_at"]
    problem(admin.get(f"/targets/{target.id}/settings"), 404)
    assert target.id not in {one["id"] for one in admin.get("/services/login-api").json()["targets"]}


def test_the_runner_is_sent_to_look_now(admin, world, script):
    told = script(world.me).post(f"/targets/{world.stage.target.id}/look")
    assert (told.status_code, told.json()["id"]) == (202, world.stage.target.id)


def test_clusters_are_named_to_who_registers_and_never_told_in_full(admin, world, cluster_id, script):
    told = admin.get("/clusters").json()["items"]
    assert cluster_id in {one["id"] for one in told}
    assert all(set(one) == {"id", "name"} for one in told)
    problem(script(world.me).get("/clusters"), 403)
