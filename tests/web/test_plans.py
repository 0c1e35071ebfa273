from datetime import timedelta
from urllib.parse import unquote

import pytest
from sqlalchemy import select, update

from app.accounts.policy import Role
from app.catalog.models import CheckReading
from app.core.clock import now
from app.core.database import transaction
from app.runs.models import Plan, Run
from app.verification import contracts
from app.web import cookies
from app.web.words import spoken
from tests import factories
from tests.web import gallery, seeds, stages
from tests.web.stages import DIGEST, make_plan, make_run, taken, under_way


@pytest.fixture
def on(client):
    with transaction() as session:
        return stages.stage(session, "login")


@pytest.fixture
def browser(client, sign_in, on):
    """A browser of the commander."""
    sign_in(client, on.commander)
    return client


def planned(on, **facts):
    with transaction() as session:
        return make_plan(session, on, **facts).id


def row(model, row_id):
    with transaction() as session:
        return session.get(model, row_id)


def confirmation(**fields):
    return {"digest": DIGEST, "nonce": "one", **fields}


def said(answer):
    """The sentence that the next page shows."""
    return unquote(answer.cookies.get(cookies.FLASH, "").strip('"'))


def test_asking_for_a_preview_makes_a_plan_that_changes_nothing_yet(browser, on):
    answer = browser.post(f"/targets/{on.target.id}/plans", data={"kind": "rollback", "incident_id": on.incident.id})
    assert answer.status_code == 303
    plan = row(Plan, int(answer.headers["location"].removeprefix("/plans/")))
    assert (plan.state, plan.release_id, plan.incident_id) == ("resolving", on.good.id, on.incident.id)
    page = browser.get(f"/plans/{plan.id}").text
    assert "Reading deployment/login in shop" in page
    assert f'hx-get="/plans/{plan.id}/piece"' in page


def test_scaling_without_a_number_lands_where_it_was_asked_with_the_sentence(browser, on):
    answer = browser.post(f"/targets/{on.target.id}/plans", data={"kind": "scale", "incident_id": on.incident.id})
    assert answer.headers["location"] == f"/incidents/{on.incident.id}"
    assert "how many replicas" in said(answer)


def test_the_preview_says_what_changes_and_that_secrets_differ_without_showing_them(browser, on):
    page = browser.get(f"/plans/{planned(on)}").text
    for words in ("env TOKEN_FORMAT", "11 other settings stay the same", "secret, another value", "last good", "1 min 48 s"):
        assert words.replace(" min", "\u00a0min").replace("48 s", "48\u00a0s") in page or words in page


def test_the_button_starts_the_run_with_the_checks_as_they_were_edited(browser, on):
    plan_id = planned(on)
    edited = confirmation(checks="3", **{"required-0": "yes", "required-2": "yes", "limit-2": "2", "soak": "90 s"})
    answer = browser.post(f"/plans/{plan_id}/run", data=edited)
    run = row(Run, int(answer.headers["location"].removeprefix("/runs/")))
    contract = row(Plan, plan_id).contract
    assert (run.state, run.plan_digest) == ("queued", DIGEST)
    assert contract["soak_s"] == 90
    assert [check["required"] for check in contract["checks"]] == [True, False, True]
    assert contract["checks"][2]["config"]["limit"] == 2.0


def test_a_wrong_limit_is_refused_beside_its_field_and_nothing_starts(browser, on):
    plan_id = planned(on)
    answer = browser.post(f"/plans/{plan_id}/run", data=confirmation(checks="3", **{"required-0": "yes", "limit-2": "many"}))
    assert answer.status_code == 422
    assert "must be a number" in answer.text
    assert 'value="many"' in answer.text
    with transaction() as session:
        assert session.scalar(select(Run)) is None


def test_the_same_form_sent_twice_makes_one_run(browser, on):
    plan_id = planned(on)
    first, second = (browser.post(f"/plans/{plan_id}/run", data=confirmation()) for _ in range(2))
    assert first.headers["location"] == second.headers["location"]


def test_of_two_people_who_confirm_the_second_lands_on_the_run_of_the_first(browser, on, sign_in):
    plan_id = planned(on)
    first = browser.post(f"/plans/{plan_id}/run", data=confirmation())
    with transaction() as session:
        ana = stages.person(session, "Ana Ruiz")
    sign_in(browser, ana)
    second = browser.post(f"/plans/{plan_id}/run", data=confirmation(nonce="two", soak="90 s"))
    assert second.headers["location"] == first.headers["location"]
    assert "Jonas Weber has already started this plan" in said(second)


def test_a_destructive_plan_starts_nothing_until_the_name_is_typed_and_then_asks_a_second_person(browser, on):
    plan_id = planned(on, **gallery.DESTRUCTIVE, steps=gallery.to_zero(), runs=())
    refused = browser.post(f"/plans/{plan_id}/run", data=confirmation(confirm="logn"))
    assert refused.status_code == 422
    assert "Type login to confirm" in refused.text
    asked = browser.post(f"/plans/{plan_id}/run", data=confirmation(confirm="login"))
    assert row(Run, int(asked.headers["location"].removeprefix("/runs/"))).state == "awaiting_approval"


def test_a_plan_that_cannot_work_keeps_its_button_shut_and_says_why(browser, on):
    plan_id = planned(on, is_blocked=True, steps=stages.rollback_steps(cautions=[gallery.RIGHTS]))
    page = browser.get(f"/plans/{plan_id}").text
    assert 'aria-disabled="true"' in page
    assert "It cannot work as things are. The console may not patch deployments in shop." in page
    answer = browser.post(f"/plans/{plan_id}/run", data=confirmation())
    assert answer.headers["location"] == f"/plans/{plan_id}"
    assert "cannot work" in said(answer)


def test_a_rollback_that_would_leave_broken_pods_offers_the_plan_that_replaces_them(browser, on):
    broken = {"code": "broken-pods", "sentence": "login-2 did not come up. It takes another step that replaces what is broken."}
    plan_id = planned(on, steps=stages.rollback_steps(cautions=[broken]))
    assert "Plan it with that step" in browser.get(f"/plans/{plan_id}").text
    asked = {"kind": "rollback", "release_id": on.good.id, "incident_id": on.incident.id, "replace_broken_pods": "1"}
    answer = browser.post(f"/targets/{on.target.id}/plans", data=asked)
    assert row(Plan, int(answer.headers["location"].removeprefix("/plans/"))).request == {"replace_broken_pods": True}
    steps = stages.rollback_steps(cautions=[broken])
    steps.insert(1, stages.step("Replace 1 broken pod of statefulset/login: login-2", action="kubernetes.replace_broken_pods"))
    page = browser.get(f"/plans/{planned(on, steps=steps)}").text
    assert "Replace 1 broken pod of statefulset/login: login-2" in page
    assert "did not come up" not in page


def test_the_preview_says_how_long_the_release_ran(browser, on):
    assert f"ran {spoken(9 * 86400 + 6000)}" in browser.get(f"/plans/{planned(on)}").text


def test_a_busy_target_names_its_run_and_can_be_taken_over(browser, on):
    with transaction() as session:
        holder = make_run(session, on, make_plan(session, on), state="running", steps=[taken(), under_way(stages.COMING)])
        plan_id = make_plan(session, on).id
    page = browser.get(f"/plans/{plan_id}").text
    assert f"Run {holder.id} by Jonas Weber holds deployment/login in shop" in page
    assert "Cancel that and start this" in page
    answer = browser.post(f"/plans/{plan_id}/run-instead", data=confirmation())
    follower = row(Run, int(answer.headers["location"].removeprefix("/runs/")))
    assert follower.starts_after_id == holder.id
    assert row(Run, holder.id).cancel_requested_at is not None


def test_a_target_that_became_busy_meanwhile_leads_back_to_the_preview(browser, on):
    plan_id = planned(on)
    with transaction() as session:
        make_run(session, on, make_plan(session, on), state="running", steps=[taken(), under_way(stages.COMING)])
    answer = browser.post(f"/plans/{plan_id}/run", data=confirmation())
    assert answer.headers["location"] == f"/plans/{plan_id}"
    assert "holds deployment/login" in said(answer)


def test_a_plan_that_could_not_be_made_says_why_and_is_asked_again(browser, on):
    plan_id = planned(
        on, state="failed", problem="The API server of lab-1 did not answer within 5 s.", request={"replicas": 3}, kind="scale"
    )
    assert "did not answer within 5 s" in browser.get(f"/plans/{plan_id}").text
    answer = browser.post(f"/plans/{plan_id}/again")
    fresh = row(Plan, int(answer.headers["location"].removeprefix("/plans/")))
    assert (fresh.state, fresh.kind, fresh.request) == ("resolving", "scale", {"replicas": 3})


def test_a_reader_sees_the_preview_and_cannot_start_it(browser, on, sign_in):
    plan_id = planned(on)
    with transaction() as session:
        reader = stages.person(session, "Sam Okafor", Role.VIEWER)
    sign_in(browser, reader)
    assert "needs the role responder or commander" in browser.get(f"/plans/{plan_id}").text
    assert browser.post(f"/plans/{plan_id}/run", data=confirmation()).status_code == 403


def test_commits_that_are_taken_back_are_listed_with_their_authors(browser, on):
    facts = [{"label": "Taken back: a41f9c2", "value": "Accept only v2 tokens, please, Mei Tan, 2026-03-01T10:00"}]
    steps = [stages.step("Return main to v1.2.3", "git.return_to", version_now="v1.2.4", version_after="v1.2.3", facts=facts)]
    page = browser.get(f"/plans/{planned(on, steps=steps)}").text
    assert "Accept only v2 tokens, please</span>" in page
    assert "Mei Tan" in page


def test_what_the_target_says_counts_where_our_record_of_it_is_older(browser, on):
    steps = [stages.step("Undo", version_now="v1.2.9", version_after="v1.2.4")]
    page = browser.get(f"/plans/{planned(on, steps=steps)}").text
    assert "v1.2.9" in page
    assert "under suspicion" not in page


def test_the_preview_says_which_checks_cannot_judge_at_the_moment(browser, on):
    says = "Prometheus cannot be asked: the connection was refused."
    with transaction() as session:
        checks = [factories.make_check(session, on.service, "metric", name, **seeds.ERROR_RATE) for name in ("Error rate", "Spikes")]
        checks.append(factories.make_check(session, on.service))
        session.add_all(CheckReading(check_id=check.id, at=now(), outcome="inconclusive", sentence=says) for check in checks[:2])
        session.add(CheckReading(check_id=checks[2].id, at=now(), outcome="fail", sentence="It answers 500."))
        agreed = contracts.default(session, on.service)
    page = browser.get(f"/plans/{planned(on, contract=agreed)}").text
    assert f"Error rate and Spikes cannot be judged at the moment: {says}" in page
    assert "It answers 500." not in page
    with transaction() as session:
        session.execute(update(CheckReading).values(at=now() - timedelta(minutes=3)))
    assert "cannot be judged" not in browser.get(f"/plans/{planned(on, contract=agreed)}").text
