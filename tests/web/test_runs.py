import pytest
from sqlalchemy import select

from app.accounts import passwords
from app.accounts.models import User
from app.accounts.policy import Role
from app.core.database import transaction
from app.runs.models import OutputChunk, Plan, Run, Step
from app.verification.models import Verification
from tests.web import gallery, stages

PASSWORD = "correct horse battery staple"


@pytest.fixture
def open_scene(client, sign_in):
    """`open_scene(name)`: seed a state of the gallery, sign its viewer in, and return the run's address and row."""

    def run(name, *, viewer=None):
        with transaction() as session:
            scene = gallery.make(session, name)
            viewer = viewer(session) if viewer else scene.viewer
            session.get_one(User, viewer.id).password_hash = passwords.hashed(PASSWORD)
        sign_in(client, viewer)
        return scene.address, int(scene.address.split("/")[-1])

    return run


def row(model, key):
    with transaction() as session:
        return session.get(model, key)


def test_the_first_sentence_says_what_happens_and_the_pods_are_listed(client, open_scene):
    address, _ = open_scene("run_running")
    page = client.get(address).text
    assert "The rollback is running. Two of three pods serve v1.2.3." in page
    assert "1 of 2 probes pass" in page
    assert "Cancel rollback" in page


def test_a_pod_that_does_not_come_up_is_named_with_its_reason(client, open_scene):
    page = client.get(open_scene("run_stuck")[0]).text
    assert "The rollback is running, but 1 pod does not come up." in page
    assert "cannot be pulled: not found" in page


def test_page_piece_and_card_draw_the_same_progress(client, open_scene):
    address, run_id = open_scene("run_waits_for_a_runner")
    start = f'<section id="run-{run_id}-progress"'
    drawn = [client.get(address + more).text for more in ("", "/piece", "/card")]
    pieces = {text[text.index(start) : text.index("</section>", text.index(start))].split("</ol>")[0].split("<ol")[1] for text in drawn}
    assert len(pieces) == 1


def test_cancelling_a_queued_run_ends_it_and_says_that_nothing_changed(client, open_scene):
    address, run_id = open_scene("run_queued")
    assert client.post(f"{address}/cancel").headers["location"] == address
    assert row(Run, run_id).state == "canceled"
    assert "Nothing was changed" in client.get(address).text


def test_cancelling_by_htmx_answers_with_the_progress_alone(client, open_scene):
    address, run_id = open_scene("run_running")
    answer = client.post(f"{address}/cancel", headers={"HX-Request": "true"})
    assert answer.text.lstrip().startswith(f'<section id="run-{run_id}-progress"')
    assert "is being cancelled" in answer.text


def test_an_approver_gives_the_password_again_and_opens_the_button_of_the_requester(client, open_scene):
    address, run_id = open_scene("run_to_approve")
    digest = row(Run, run_id).plan_digest
    refused = client.post(f"{address}/approve", data={"digest": digest, "password": "wrong"})
    assert refused.status_code == 422
    assert "This is not your password" in refused.text
    assert client.post(f"{address}/approve", data={"digest": digest, "password": PASSWORD}).status_code == 303
    assert row(Run, run_id).approved_at is not None


def test_without_a_password_an_approval_is_refused(client, open_scene):
    address, run_id = open_scene("run_to_approve")
    refused = client.post(f"{address}/approve", data={"digest": row(Run, run_id).plan_digest, "password": ""})
    assert (refused.status_code, row(Run, run_id).approved_at) == (422, None)
    assert "Give your password again" in refused.text


def test_a_rejection_needs_a_reason_and_keeps_what_was_typed(client, open_scene):
    address, run_id = open_scene("run_to_approve")
    digest = row(Run, run_id).plan_digest
    refused = client.post(f"{address}/reject", data={"digest": digest, "password": PASSWORD, "reason": ""})
    assert "Say why, for the person who asked" in refused.text
    client.post(f"{address}/reject", data={"digest": digest, "password": PASSWORD, "reason": "Customers still sign in."})
    assert row(Run, run_id).state == "rejected"


def test_the_requester_sees_whom_it_waits_for_and_no_approve_button(client, open_scene):
    page = client.get(open_scene("run_waits_for_approval")[0]).text
    assert "other than Jonas Weber" in page
    assert "/approve" not in page
    assert "Nobody can approve in time" in page


def test_breaking_the_glass_needs_a_reason_and_shows_for_ever(client, open_scene):
    address, run_id = open_scene("run_waits_for_approval")
    refused = client.post(f"{address}/break-glass", data={"reason": "now", "password": PASSWORD})
    assert "why it cannot wait" in refused.text
    client.post(f"{address}/break-glass", data={"reason": "Nobody answers, and every sign-in fails.", "password": PASSWORD})
    assert row(Run, run_id).state == "queued"
    assert "Started without a second person." in client.get(address).text


def test_an_approved_run_is_started_by_the_person_who_asked(client, open_scene):
    address, run_id = open_scene("run_approved")
    client.post(f"{address}/confirm")
    assert row(Run, run_id).state == "queued"


def test_what_is_known_is_shown_and_an_answer_lets_the_run_go_on(client, open_scene):
    address, run_id = open_scene("run_needs_attention")
    page = client.get(address).text
    for words in ("happen?", "deployment/login has the template of v1.2.4", "It did not happen", "End the run here"):
        assert words in page
    answer = {"position": "1", "answer": "did_not_happen", "reason": "kubectl shows v1.2.4", "password": PASSWORD}
    assert client.post(f"{address}/settle", data=answer).headers["location"] == address
    assert (row(Run, run_id).state, row(Step, (run_id, 1)).state) == ("queued", "pending")


def test_an_answer_without_a_reason_is_refused_and_the_choice_is_kept(client, open_scene):
    address, run_id = open_scene("run_needs_attention")
    refused = client.post(f"{address}/settle", data={"position": "1", "answer": "skip", "reason": "", "password": PASSWORD})
    assert refused.status_code == 422
    assert "Say what you saw on the target" in refused.text
    assert 'value="skip" checked' in refused.text
    assert row(Run, run_id).state == "needs_attention"


def test_a_finished_run_is_taken_back_by_one_click_to_a_new_plan(client, open_scene):
    address, run_id = open_scene("run_succeeded")
    assert "Undo: plan the way back to v1.2.4" in client.get(address).text
    plan = row(Plan, int(client.post(f"{address}/undo").headers["location"].removeprefix("/plans/")))
    assert (plan.kind, plan.undoes_run_id) == ("undo", run_id)


def test_a_drifted_run_says_what_moved_and_leads_to_a_new_plan(client, open_scene):
    address, run_id = open_scene("run_drifted")
    page = client.get(address).text
    assert "stopped before it changed anything" in page
    assert "deployment/login runs v1.2.5 by now" in page
    plan = row(Plan, int(client.post(f"{address}/retry").headers["location"].removeprefix("/plans/")))
    assert (plan.kind, plan.retry_of_id) == ("rollback", run_id)


def test_undoing_a_run_that_did_nothing_lands_on_it_with_the_sentence(client, open_scene):
    address, _ = open_scene("run_rejected")
    assert client.post(f"{address}/undo").headers["location"] == address
    assert "nothing to take back" in client.get(address).text


def test_all_output_is_downloaded_in_order_and_the_page_shows_its_end(client, open_scene):
    address, run_id = open_scene("run_running")
    with transaction() as session:
        session.add(OutputChunk(run_id=run_id, position=2, seq=1, text="".join(f"line {n}\n" for n in range(60)), lines=60))
    whole = client.get(f"{address}/output")
    assert "attachment" in whole.headers["content-disposition"]
    assert whole.text.index("login-6c9f7d-q8w7d is ready") < whole.text.index("line 0") < whole.text.index("line 59")
    tail = client.get(f"{address}/output/tail").text
    assert "line 59" in tail
    assert "line 3\n" not in tail


def test_a_reader_sees_the_run_and_none_of_its_buttons(client, open_scene):
    address, run_id = open_scene("run_seen_by_a_reader")
    assert "<form" not in client.get(f"{address}/piece").text
    assert client.post(f"{address}/cancel").status_code == 403
    assert row(Run, run_id).cancel_requested_at is None


def test_somebody_of_another_service_does_not_learn_that_the_run_exists(client, open_scene):
    def stranger(session):
        other = stages.stage(session, "search").service
        return stages.factories.make_person(session, "Eve Moss", Role.RESPONDER, service=other)

    address, _ = open_scene("run_running", viewer=stranger)
    assert client.get(address).status_code == 404
    assert client.get(f"{address}/output").status_code == 404


def test_the_verdict_of_a_succeeded_run_is_one_click_away(client, open_scene):
    address, run_id = open_scene("run_succeeded")
    with transaction() as session:
        verification = session.scalars(select(Verification).where(Verification.run_id == run_id)).one()
    page = client.get(address).text
    assert f'href="/verifications/{verification.id}"' in page
    assert "Watching" in page


def test_the_list_shows_what_goes_on_before_what_has_ended(client, open_scene):
    _, failed = open_scene("run_failed")
    _, running = open_scene("run_running")
    page = client.get("/runs").text
    assert page.index(f'href="/runs/{running}"') < page.index(f'href="/runs/{failed}"')
    assert page.index("Going on") < page.index("Ended")


def test_the_list_shows_nothing_out_of_reach(client, open_scene):
    def stranger(session):
        other = stages.stage(session, "search").service
        return stages.factories.make_person(session, "Eve Moss", Role.RESPONDER, service=other)

    open_scene("run_running", viewer=stranger)
    assert "Nothing was run yet." in client.get("/runs").text
    assert "Going on" not in client.get("/runs").text
