"""Who gets in, and how a refusal reads."""

import pytest

from app.accounts import api_tokens, people
from app.accounts.models import User
from app.accounts.policy import NEVER_BY_TOKEN, P, Role
from app.core.database import transaction
from app.runs import approvals, settling
from app.runs.models import Run
from app.web import guard
from tests import factories
from tests.web import stages
from tests.web.api.conftest import V1, problem

NO_TOKEN = "This needs a bearer token that works: make one on your own page of the console."


def test_without_a_token_that_works_nothing_is_told(client, world):
    for header in ({}, {"Authorization": "Bearer lastgood_x_y"}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer"}):
        answer = client.get(f"{V1}/services", headers=header)
        assert problem(answer, 401) == NO_TOKEN
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_revoked_token_and_one_of_somebody_disabled_are_refused(script, world):
    by, other = script(world.me), script(world.me)
    with transaction() as session:
        token_id = api_tokens.of_person(session, by=world.me)[-1].id
        api_tokens.revoke(session, token_id, by=world.me)
    assert problem(by.get("/services"), 401) == NO_TOKEN
    assert other.get("/services").status_code == 200
    with transaction() as session:
        people.disable(session, session.get_one(User, world.me.id), by=factories.make_person(session, "Ida Berg", Role.ADMIN))
    assert problem(other.get("/services"), 401) == NO_TOKEN


def test_a_scope_that_is_missing_is_named(script, world):
    by = script(world.me, [P.READ])
    sentence = problem(by.post("/incidents", {"title": "Log-in fails"}), 403)
    assert sentence == "This token may not do that: it lacks the scope incident.declare, or its owner may not do it either."
    assert by.get("/incidents").status_code == 200


def test_a_token_without_the_scope_to_read_reads_nothing(script, world):
    by = script(world.me, [P.DECLARE])
    problem(by.get("/incidents"), 403)
    problem(by.get("/services/login-api"), 404)


def test_a_token_cannot_do_what_its_owner_cannot(script, app):
    with transaction() as session:
        viewer = factories.make_person(session, "Nadia Haddad", Role.VIEWER)
    problem(script(viewer).post("/incidents", {"title": "Log-in fails"}), 403)


def test_a_token_ends_no_incident_without_the_scope_to_command(script, world):
    by = script(world.me, [P.READ, P.RESPOND])
    where = f"/incidents/{world.incident.id}/state"
    assert "stays detected: a commander" in problem(by.post(where, {"state": "resolved", "reason": "fixed"}), 403)
    ended = {"state": "resolved", "reason": "fixed", "overrule_reason": "the checklists are kept on paper"}
    assert script(world.me).post(where, ended).json()["state"] == "resolved"


def test_no_operation_takes_a_permission_that_tokens_never_have(app):
    scopes = {route.guards[0].permission for route in guard.routes(app) if route.path.startswith(V1)}
    assert not scopes & NEVER_BY_TOKEN


@pytest.mark.parametrize("verb", ["approve", "reject", "settle", "break-glass"])
def test_what_asks_for_a_person_is_not_there(script, world, verb):
    problem(script(world.me).post(f"/runs/{world.run.id}/{verb}", {}), 404)


def test_the_domain_refuses_a_token_as_the_second_person_too(script, world, app):
    with transaction() as session:
        stage = stages.stage(session, "mail")
        run = stages.make_run(
            session, stage, stages.make_plan(session, stage, is_destructive=True), state="awaiting_approval", needs_approval=True
        )
        text = api_tokens.create(session, name="all", scopes=api_tokens.SCOPES, days=1, by=stage.approver)
    with transaction() as session:
        by = api_tokens.person_for_bearer(session, text)
    verbs = {
        "approve": lambda session, run: approvals.approve(session, run, digest=run.plan_digest, by=by),
        "break_glass": lambda session, run: approvals.break_glass(session, run, reason="night", by=by),
        "settle": lambda session, run: settling.settle(session, run, position=1, answer="happened", reason="seen", by=by),
    }
    for name, verb in verbs.items():
        with pytest.raises(Exception) as refusal, transaction() as session:  # noqa: PT011 - each has its own sentence
            verb(session, session.get_one(Run, run.id))
        assert refusal.value.sentence, name


def test_unknown_addresses_methods_and_sizes_are_told_as_problems(script, world):
    by = script(world.me)
    assert problem(by.get("/nothing"), 404) == "There is nothing at this address, or you may not see it."
    assert problem(by.get("/incidents/999999"), 404) == problem(by.get("/incidents/abc"), 404) == problem(by.get("/nothing"), 404)
    assert problem(by.client.delete(f"{V1}/services"), 405) == "This address does not take that kind of request. Nothing was changed."
    large = by.post("/incidents", {"title": "x" * 1_100_000})
    assert problem(large, 413) == "What you sent is larger than this console takes (1 MB). Nothing was saved."


def test_a_body_that_cannot_be_used_is_told_field_by_field(script, world):
    by = script(world.me)
    answer = by.post("/incidents", {"titel": "Log-in fails", "severity": "bad"})
    assert problem(answer, 422).startswith("What was sent cannot be used (title: Field required;")
    assert set(answer.json()["fields"]) == {"title", "titel", "severity"}
    broken = by.client.post(f"{V1}/incidents", content=b"{", headers={"Idempotency-Key": "k", "Content-Type": "application/json"})
    assert "Nothing was changed." in problem(broken, 422)


@pytest.mark.parametrize(
    "body",
    [
        {"title": "Log-in\0fails"},
        {"title": "Log-in fails", "began_at": "2026-11-24T14:02:00"},
        {"title": "Log-in fails", "began_at": "0001-01-01T00:00:00+14:00"},
        {"title": "Log-in fails", "began_at": "2999-01-01T00:00:00Z"},
        {"title": "Log-in fails", "services": ["no\0where"]},
        {"title": "Log-in fails", "services": ["nowhere"]},
        {"title": "Log-in fails", "affected_percent": 101},
        {"title": " "},
        {"title": "x" * 201},
        [],
        "text",
        None,
    ],
)
def test_hostile_values_are_refused_and_nothing_is_declared(script, world, body):
    by = script(world.me)
    problem(by.post("/incidents", body), 422)
    assert len(by.get("/incidents").json()["items"]) == 2


def test_numbers_that_are_no_numbers_are_refused(script, world):
    body = b'{"title": "Log-in fails", "affected_percent": NaN}'
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    problem(script(world.me).client.post(f"{V1}/incidents", content=body, headers=headers), 422)


@pytest.mark.parametrize(
    "path", ["/services/%00", "/incidents/%00", "/runs/99999999999999999999", "/plans/-1", "/runs/1/steps/%00/output", "/incidents/1%00"]
)
def test_addresses_that_nobody_made_lead_nowhere(script, world, path):
    problem(script(world.me).get(path), 404)


def test_a_cookie_and_a_csrf_token_change_nothing_here(client, sign_in, world):
    sign_in(client, world.me)
    problem(client.post(f"{V1}/incidents", json={"title": "x"}, headers={"Idempotency-Key": "k"}), 401)
