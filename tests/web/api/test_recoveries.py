"""Services, plans, runs and verifications: the main job, as a script does it."""

import pytest
from sqlalchemy import insert, select

from app.catalog.models import CheckReading, Contact
from app.core.clock import now
from app.core.database import transaction
from app.runs.models import Approval, OutputChunk, Plan, Run
from app.verification.models import Sample
from tests import factories
from tests.web import gallery, stages
from tests.web.api.conftest import problem


@pytest.fixture
def by(script, world):
    return script(world.me)


@pytest.fixture
def target(world):
    return f"/targets/{world.stage.target.id}"


def test_services_are_listed_and_one_says_what_runs_and_what_a_rollback_leads_to(by, world):
    with transaction() as session:
        check = factories.make_check(session, world.service, name="Health")
        session.add(CheckReading(check_id=check.id, at=now(), outcome="fail", value=None, sentence="answers 503"))
        session.add(Contact(service_id=world.service.id, position=0, role="On-call", name="Ana", phone="110"))
    assert [service["slug"] for service in by.get("/services").json()["items"]] == ["login-api"]
    service = by.get("/services/login-api").json()
    (target,) = service["targets"]
    assert (target["running"]["version"], target["last_good"]["version"], target["last_good_proven"]) == ("v1.2.4", "v1.2.3", True)
    assert next(check for check in service["checks"] if check["name"] == "Health")["newest"]["sentence"] == "answers 503"
    assert service["contacts"] == [{"role": "On-call", "name": "Ana", "phone": "110", "email": "", "chat": ""}]


def test_releases_are_listed_and_marked_with_a_reason(by, world, target):
    newest = by.get(f"{target}/releases").json()["items"]
    assert [release["version"] for release in newest] == ["v1.2.4", "v1.2.3"]
    where = f"/releases/{world.stage.good.id}/mark"
    marked = by.post(where, {"standing": "suspect", "reason": "leaks memory"}).json()
    assert (marked["standing"], marked["standing_reason"], marked["standing_by"]) == ("suspect", "leaks memory", world.me.name)
    assert "say in a few words why" in problem(by.post(where, {"standing": "good", "reason": " "}), 422)
    problem(by.post(where, {"standing": "great", "reason": "x"}), 422)


def test_nothing_that_is_sealed_is_ever_told(by, world):
    told = by.get("/services/login-api").text + by.get(f"/plans/{world.plan.id}").text + by.get(f"/runs/{world.run.id}").text
    for word in ("sealed", "secret_id", '"body"', '"pin"', '"lease_until"', '"fence"'):
        assert word not in told


def test_the_main_job_from_the_preview_to_the_undo(by, world, target):
    asked = by.post(f"{target}/plans", {"incident_id": world.incident.id})
    assert asked.status_code == 202
    plan = asked.json()
    assert (plan["state"], plan["digest"], plan["release_id"]) == ("resolving", None, world.stage.good.id)
    early = by.post(f"/plans/{plan['id']}/run", {"digest": "x"}, key="early")
    assert "not resolved yet" in problem(early, 422)
    with transaction() as session:
        stages.finish_plan(session, session.get_one(Plan, plan["id"]))
    plan = by.get(f"/plans/{plan['id']}").json()
    assert [step["action"] for step in plan["steps"]] == ["kubernetes.rollback", "kubernetes.wait"]
    assert "another one than the page showed" in problem(by.post(f"/plans/{plan['id']}/run", {"digest": "stale"}), 409)
    started = by.post(f"/plans/{plan['id']}/run", {"digest": plan["digest"]}, key="start")
    again = by.post(f"/plans/{plan['id']}/run", {"digest": plan["digest"]}, key="start")
    assert started.status_code == again.status_code == 202
    assert started.json() == again.json()
    run = started.json()
    twice = by.post(f"/plans/{plan['id']}/run", {"digest": plan["digest"]}, key="other")
    assert "has already started this plan" in problem(twice, 409)
    assert twice.json()["link"] == f"/runs/{run['id']}"
    assert by.get(f"/incidents/{world.incident.id}").json()["state"] == "recovering"
    assert by.get(f"/incidents/{world.incident.id}/runs").json()["items"][0]["id"] == run["id"]
    detail = by.get(f"/runs/{run['id']}").json()
    assert (detail["state"], detail["plan"]["title"], len(detail["steps"]), detail["verification"]) == (
        "queued",
        plan["title"],
        2,
        None,
    )
    cancelled = by.post(f"/runs/{run['id']}/cancel").json()
    assert cancelled["state"] == "canceled"
    assert "already canceled" in problem(by.post(f"/runs/{run['id']}/cancel"), 422)
    assert by.post(f"/runs/{run['id']}/retry").json()["state"] == "resolving"
    assert "nothing to take back" in problem(by.post(f"/runs/{run['id']}/undo"), 422)
    assert by.post(f"/runs/{world.run.id}/undo").json()["kind"] == "undo"


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"kind": "scale"}, "replicas"),
        ({"kind": "restart", "replicas": 3}, "replicas"),
        ({"kind": "restart", "mode": "commit"}, "mode"),
        ({"kind": "restart", "release_id": 1}, "release_id"),
        ({"kind": "undo"}, "kind"),
        ({"kind": "scale", "replicas": -1}, "replicas"),
        ({"release_id": 999999}, "release_id"),
        ({"incident_id": 999999}, "incident_id"),
        ({"release": 7}, "release"),
    ],
)
def test_a_wish_that_makes_no_sense_plans_nothing(by, target, wish, field):
    answer = by.post(f"{target}/plans", wish)
    problem(answer, 422)
    assert field in answer.json()["fields"]


def test_a_release_of_another_target_is_refused(by, target):
    with transaction() as session:
        other = stages.stage(session, "mail").good.id
    assert problem(by.post(f"{target}/plans", {"release_id": other}), 422).startswith("Choose the release that")


def test_scaling_carries_its_number(by, target):
    plan = by.post(f"{target}/plans", {"kind": "scale", "replicas": 3}).json()
    with transaction() as session:
        assert session.get_one(Plan, plan["id"]).request == {"replicas": 3}


def test_what_counts_as_recovered_is_agreed_before_the_start(by, world):
    where = f"/plans/{world.plan.id}/contract"
    agreed = by.post(where, {"soak": "2 min", "required": [0], "limits": {"2": 0.5}}).json()["contract"]
    assert agreed["soak_s"] == 120
    assert [check["required"] for check in agreed["checks"]] == [True, False, False]
    assert agreed["checks"][2]["config"]["limit"] == 0.5
    refused = by.post(where, {"soak": "soon"})
    assert problem(refused, 422).startswith("Write a time like")
    assert set(refused.json()["fields"]) == {"soak"}
    assert "At least one check must count" in problem(by.post(where, {"required": []}), 422)


def test_a_busy_target_names_its_run_and_can_be_taken_over(by, world, target):
    def started(**more):
        plan = by.post(f"{target}/plans", {}).json()
        with transaction() as session:
            stages.finish_plan(session, session.get_one(Plan, plan["id"]))
        return by.post(f"/plans/{plan['id']}/run", {"digest": stages.DIGEST, **more})

    first = started().json()
    refused = started()
    assert f"Run {first['id']} " in problem(refused, 409)
    assert refused.json()["link"] == f"/runs/{first['id']}"
    taken = started(cancel_holder=True).json()
    assert taken["state"] == "queued"
    assert by.get(f"/runs/{first['id']}").json()["state"] == "canceled"


def test_a_destructive_plan_waits_for_a_second_person_and_is_confirmed_by_who_asked(by, world):
    with transaction() as session:
        stage = stages.stage(session, "mail")
        plan = stages.make_plan(session, stage, is_destructive=True)
    run = by.post(f"/plans/{plan.id}/run", {"digest": plan.digest}).json()
    assert (run["state"], run["needs_approval"]) == ("awaiting_approval", True)
    assert "Nobody has approved" in problem(by.post(f"/runs/{run['id']}/confirm"), 422)
    with transaction() as session:
        session.get_one(Run, run["id"]).approved_at = now()
    assert by.post(f"/runs/{run['id']}/confirm").json()["state"] == "queued"


def test_every_state_of_a_plan_and_a_run_can_be_read(script, app):
    with transaction() as session:
        scenes = gallery.scenes(session)
    assert len(scenes) > 10
    for scene in scenes:
        kind, _, number = scene.address.strip("/").partition("/")
        if kind in {"plans", "runs"} and number.isdigit():
            answer = script(scene.viewer).get(f"/{kind}/{number}")
            assert answer.status_code == 200, (scene.address, answer.text)


def test_output_is_read_chunk_by_chunk_and_events_in_order(by, world):
    with transaction() as session:
        rows = [{"run_id": world.run.id, "position": 1, "seq": number, "text": f"line {number}\n", "lines": 1} for number in range(250)]
        session.execute(insert(OutputChunk), rows)
    items, pages = by.every(f"/runs/{world.run.id}/steps/1/output")
    assert (pages, [item["text"] for item in items]) == (3, [f"line {number}\n" for number in range(250)])
    problem(by.get(f"/runs/{world.run.id}/steps/9/output"), 404)
    assert [event["kind"] for event in by.get(f"/runs/{world.run.id}/events").json()["items"]] == ["claimed", "intent"]


def test_runs_are_listed_newest_first(by, world):
    assert [run["id"] for run in by.get("/runs").json()["items"]] == [world.run.id]


def test_a_verification_is_begun_by_hand_read_and_stopped(by, world):
    by.post(f"/verifications/{world.verification.id}/cancel")
    begun = by.post("/services/login-api/verifications", {"incident_id": world.incident.id}).json()
    assert (begun["state"], begun["verdict"], begun["incident_id"]) == ("watching", None, world.incident.id)
    detail = by.get(f"/verifications/{begun['id']}").json()
    assert {check["outcome"] for check in detail["checks"]} == {"pending"}
    assert [one["id"] for one in by.get(f"/incidents/{world.incident.id}/verifications").json()["items"]] == [begun["id"]]
    stopped = by.post(f"/verifications/{begun['id']}/cancel").json()
    assert (stopped["state"], stopped["verdict"]) == ("canceled", None)
    unknown = by.post("/services/login-api/verifications", {"incident_id": 999999})
    assert problem(unknown, 422).startswith("There is no incident 999999")


def test_the_same_question_is_asked_anew_and_the_contract_is_agreed_on_with_its_windows(by, world):
    again = by.post(f"/plans/{world.plan.id}/again")
    assert again.status_code == 202
    assert (again.json()["kind"], again.json()["state"]) == (world.plan.kind, "resolving")
    assert again.json()["id"] != world.plan.id
    agreed = by.post(f"/plans/{world.plan.id}/contract", {"windows": {"2": "30 s"}, "limits": {"2": 0.5}}).json()["contract"]
    assert (agreed["checks"][2]["config"]["window_s"], agreed["checks"][2]["config"]["limit"]) == (30, 0.5)
    assert set(by.post(f"/plans/{world.plan.id}/contract", {"windows": {"2": "soon"}}).json()["fields"]) == {"windows.2"}


def test_broken_pods_are_replaced_with_a_rollback_where_that_is_asked_for(by, world, target):
    assert by.post(f"{target}/plans", {"replace_broken_pods": True}).status_code == 202
    with transaction() as session:
        assert session.scalars(select(Plan.request).order_by(Plan.id.desc()).limit(1)).one() == {"replace_broken_pods": True}
    answer = by.post(f"{target}/plans", {"kind": "restart", "replace_broken_pods": True})
    problem(answer, 422)
    assert set(answer.json()["fields"]) == {"replace_broken_pods"}


def test_a_run_tells_who_approved_it(by, world):
    with transaction() as session:
        said = {"verdict": "approved", "reason": "agreed"}
        session.add(Approval(run_id=world.run.id, plan_digest=world.run.plan_digest, approver_id=world.stage.approver.id, **said))
    (approval,) = by.get(f"/runs/{world.run.id}").json()["approvals"]
    assert (approval["approver"]["name"], approval["verdict"], approval["reason"]) == (world.stage.approver.name, "approved", "agreed")


def test_the_numbers_of_a_verification_are_read_check_by_check(by, world):
    by.post(f"/verifications/{world.verification.id}/cancel")
    number = by.post("/services/login-api/verifications", {}).json()["id"]
    with transaction() as session:
        session.add(Sample(verification_id=number, position=0, at=now(), outcome="pass", value=4.0, sentence="answers 200"))
    told = by.get(f"/verifications/{number}/samples").json()["items"]
    assert told[0]["position"] == 0
    assert [(one["outcome"], one["value"], one["sentence"]) for one in told[0]["samples"]] == [("pass", 4.0, "answers 200")]
    assert "checks" in by.get(f"/verifications/{number}").json()["contract"]
