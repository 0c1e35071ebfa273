import pytest
from sqlalchemy import func, select, update

from app.core.database import transaction
from app.notifications.models import Delivery
from tests import factories


@pytest.fixture
def told(world):
    """Somebody listens, so that notices have a receiver."""
    with transaction() as session:
        factories.make_recipient(session, factories.make_channel(session, url="https://x", secret="s"), name="Ops room")
    return world


def prepared(script, world, **asked):
    return script.post(f"/incidents/{world.incident.id}/notices", asked).json()


def test_a_script_prepares_edits_and_sends_a_notice(script, told):
    pipeline = script(told.me)
    notice = prepared(pipeline, told)
    assert (notice["kind"], notice["state"], notice["version"]) == ("update", "draft", 1)
    words = {"subject": "{{ title }}", "body": "Action: {{ action }}", "told": {"action": "Rolling back"}, "version": 1}
    assert pipeline.post(f"/notices/{notice['id']}", words).json()["version"] == 2
    preview = pipeline.get(f"/notices/{notice['id']}/preview").json()
    assert (preview["text"], preview["missing"], preview["problems"]) == ("Action: Rolling back", [], {})
    sent = pipeline.post(f"/notices/{notice['id']}/send", {"version": 2, "next_minutes": 10}, key="once")
    assert (sent.json()["state"], sent.json()["sent_text"]) == ("sent", "Action: Rolling back")
    assert pipeline.post(f"/notices/{notice['id']}/send", {"version": 2, "next_minutes": 10}, key="once").json() == sent.json()
    [copy] = pipeline.get(f"/notices/{notice['id']}/copies").json()
    assert (copy["recipient"], copy["state"]) == ("Ops room", "queued")
    assert pipeline.get(f"/incidents/{told.incident.id}/cadence").json()["due_at"]


def test_what_is_wrong_is_a_problem_with_its_sentence(script, told):
    pipeline = script(told.me)
    notice = prepared(pipeline, told)
    words = {"subject": "x", "body": "{{ titel }}", "version": 1}
    refused = pipeline.post(f"/notices/{notice['id']}", words)
    assert (refused.status_code, "Did you mean title?" in refused.json()["detail"]) == (422, True)
    assert pipeline.post(f"/notices/{notice['id']}", words | {"body": "ok", "version": 9}).status_code == 409
    assert pipeline.post(f"/notices/{notice['id']}/discard", {"version": 1}).json()["state"] == "discarded"
    assert pipeline.post(f"/notices/{notice['id']}/send", {"version": 1}).status_code == 409


def test_a_failed_copy_is_sent_again(script, told):
    pipeline = script(told.me)
    notice = prepared(pipeline, told)
    pipeline.post(f"/notices/{notice['id']}/send", {"version": 1})
    with transaction() as session:
        number = session.scalars(select(Delivery.id).where(Delivery.notice_id == notice["id"])).one()
        session.execute(update(Delivery).where(Delivery.id == number).values(state="failed", reason="No.", ended_at=func.now()))
    assert pipeline.post(f"/notices/{notice['id']}/copies/{number}/retry").json()["state"] == "queued"
    assert pipeline.post(f"/notices/{notice['id']}/copies/{number}/retry").status_code == 422


def test_snoozing_needs_a_reason(script, told):
    pipeline = script(told.me)
    path = f"/incidents/{told.incident.id}/cadence"
    assert pipeline.post(path, {"at": None}).json()["due_at"] is None
    prepared(pipeline, told)
    assert pipeline.post(path, {"at": "2020-01-01T00:00:00Z"}).status_code == 422


def test_the_list_goes_on_page_after_page(script, told):
    pipeline = script(told.me)
    for _ in range(2):
        prepared(pipeline, told)
    items, _ = pipeline.every(f"/incidents/{told.incident.id}/notices")
    assert [one["id"] for one in items] == sorted((one["id"] for one in items), reverse=True)
