"""POST once: the same key, the same answer."""

import re
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
from tests.web import examples
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


def fitting(schema, whole):
    """A value that a field of the description takes."""
    if "$ref" in schema:
        schema = whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return fitting(schema["anyOf"][0], whole)
    if "enum" in schema or "const" in schema:
        return schema.get("const") or schema["enum"][0]
    if schema.get("type") == "object":
        return {name: fitting(schema["properties"][name], whole) for name in schema.get("required", ())}
    at = {"string": "2030-01-01T00:00:00Z" if schema.get("format") == "date-time" else "x", "boolean": False, "array": []}
    return at.get(schema.get("type"), max(1, schema.get("minimum", 1)))


def test_every_post_wants_a_key(script, app):
    """The key is what makes a repeat harmless, so no operation may forget it."""
    posts = [route for route in guard.routes(app) if route.path.startswith(V1) and "POST" in route.methods]
    assert len(posts) > 30
    with transaction() as session:
        world = examples.World(session, "once")
        everything = factories.make_person(session, "Ida Berg", Role.COMMANDER, Role.ADMIN)
    client = script(everything).client
    whole = client.get(f"{V1}/openapi.json").json()
    forgetful = {}
    for route in posts:
        told = whole["paths"][route.path]["post"].get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        address = route.path
        with transaction() as session:
            world.session = session
            for name in re.findall(r"{(\w+)}", route.path):
                make = examples.EXAMPLES.get(f"{route.path} {name}") or examples.EXAMPLES[name]
                address = address.replace(f"{{{name}}}", str(make(world, everything)))
        answer = client.post(address, json=fitting(told, whole) if told else {})
        if "A POST needs the header" not in answer.text:
            forgetful[route.path] = answer.text[:300]
    assert forgetful == {}


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
