"""POST once: the same key, the same answer."""

import threading
from datetime import timedelta

from sqlalchemy import func, select, update

from app.accounts.policy import Role
from app.core import idempotency
from app.core.database import transaction
from app.core.idempotency import RememberedAnswer
from app.incidents.models import Incident
from app.response.sweep import sweep
from app.web import guard
from tests import factories
from tests.web.api.conftest import V1, problem

BODY = {"title": "Payments are declined"}


def declared():
    with transaction() as session:
        return session.scalar(select(func.count()).where(Incident.title == BODY["title"]))


def remembered():
    with transaction() as session:
        return session.scalar(select(func.count()).select_from(RememberedAnswer))


def test_a_post_without_a_key_is_refused_in_words(script, world):
    for headers in ({}, {"Idempotency-Key": ""}):
        answer = script(world.me).client.post(f"{V1}/incidents", json=BODY, headers=headers)
        assert problem(answer, 422).startswith("A POST needs the header Idempotency-Key")
        assert set(answer.json()["fields"]) == {"Idempotency-Key"}
    problem(script(world.me).post("/incidents", BODY, key="k" * 201), 422)
    assert (declared(), remembered()) == (0, 0)


def test_every_post_wants_a_key(script, world, app):
    """The key is what makes a repeat harmless, so no operation may forget it."""
    made = {"service": world.service.slug, "state": "assessed", "digest": "d", "body": "text", "role": "scribe", "restricted": False}
    made |= {"name": "n", "config": {}, "contacts": [], "links": [], "url": "https://prometheus.example.org"}
    posts = [route.path for route in guard.routes(app) if route.path.startswith(V1) and "POST" in route.methods]
    assert len(posts) > 30
    ids = {
        "target_id": world.stage.target.id,
        "release_id": world.stage.good.id,
        "incident_id": world.incident.id,
        "entry_id": world.entry.id,
        "plan_id": world.plan.id,
        "run_id": world.run.id,
        "verification_id": world.verification.id,
        "check_id": world.check.id,
        "slug": world.service.slug,
    }
    with transaction() as session:
        everything = factories.make_person(session, "Ida Berg", Role.COMMANDER, Role.ADMIN)
    client = script(everything).client
    for path in posts:
        body = {"title": "x", "standing": "good", "reason": "r", "to": 1, "briefing": "b", "release_id": None} | made
        body["kind"] = "git" if path.endswith("/targets") else "health"
        answer = client.post(path.format(**ids), json={})
        named = answer.json().get("fields", {}) or {}
        # operations with required fields name those first; with them the key is asked for
        body = {name: body[name] for name in named if name in body}
        answer = client.post(path.format(**ids), json=body)
        assert problem(answer, 422).startswith("A POST needs the header"), path


def test_the_same_request_again_gets_the_first_answer(script, world):
    by = script(world.me)
    first, again = by.post("/incidents", BODY, key="a"), by.post("/incidents", BODY, key="a")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
    assert declared() == 1


def test_the_first_answer_is_given_even_where_the_thing_has_moved_since(script, world):
    by, where = script(world.me), f"/incidents/{world.incident.id}/state"
    first = by.post(where, {"state": "assessed"}, key="a").json()
    by.post(where, {"state": "decided"}, key="b")
    assert by.post(where, {"state": "assessed"}, key="a").json() == first
    assert by.get(f"/incidents/{world.incident.id}").json()["state"] == "decided"


def test_the_key_of_another_request_is_a_conflict(script, world):
    by = script(world.me)
    by.post("/incidents", BODY, key="a")
    other = problem(by.post("/incidents", BODY | {"severity": "low"}, key="a"), 409)
    assert other.startswith("This Idempotency-Key was used for another request. Nothing was done")
    problem(by.post(f"/incidents/{world.incident.id}/timeline", {"body": "x"}, key="a"), 409)
    assert declared() == 1


def test_what_was_not_sent_is_another_request_than_what_was(script, world):
    by, where = script(world.me), f"/incidents/{world.incident.id}/facts"
    assert by.post(where, {"impact": ""}, key="a").status_code == 200
    problem(by.post(where, {}, key="a"), 409)


def test_the_key_of_another_token_is_another_key(script, world):
    one, other = script(world.me), script(world.me)
    assert one.post("/incidents", BODY, key="a").json()["id"] != other.post("/incidents", BODY, key="a").json()["id"]
    assert declared() == 2


def test_a_refused_request_is_not_remembered(script, world):
    by = script(world.me)
    problem(by.post("/incidents", BODY | {"services": ["nowhere"]}, key="a"), 422)
    assert remembered() == 0
    assert by.post("/incidents", BODY, key="a").status_code == 201


def test_two_at_once_do_it_once_and_get_the_same_answer(script, world):
    by, answers, gate = script(world.me), [], threading.Barrier(4)

    def ask():
        gate.wait()
        answers.append(by.post("/incidents", BODY, key="a"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert declared() == 1


def test_the_sweep_forgets_answers_after_a_week(script, world):
    by = script(world.me)
    by.post("/incidents", BODY, key="old")
    by.post("/incidents", BODY, key="new")
    with transaction() as session:
        aged = func.now() - idempotency.KEPT - timedelta(hours=1)
        session.execute(update(RememberedAnswer).where(RememberedAnswer.key == "old").values(at=aged))
    sweep()
    with transaction() as session:
        assert list(session.scalars(select(RememberedAnswer.key))) == ["new"]
