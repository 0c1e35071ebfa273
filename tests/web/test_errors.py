"""Refusals and failures: as a page, as a piece for htmx, as a problem document for scripts."""

import re
from typing import Annotated

import pytest
from fastapi import Request
from psycopg import errors as pg
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import sessionmaker

from app.accounts.policy import P, Person, Role
from app.core import database as console_database
from app.core.database import transaction
from app.core.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from app.core.settings import settings
from app.web.deps import Db, Sent
from app.web.forms import redrawn
from app.web.guard import may
from app.web.main import create_app
from tests import factories
from tests.web.conftest import ORIGIN

HTMX = {"HX-Request": "true"}
RAISED = {
    "refused": Refused("Run 12 holds shop. Wait for it."),
    "conflict": Conflict("Run 12 holds shop.", link="/runs/12"),
    "invalid": Invalid({"title": "A title is missing.", "kind": "Choose a kind."}),
    "forbidden": Forbidden("This needs the role approver."),
    "missing": NotFound(),
    "full": OperationalError("INSERT", {}, pg.DiskFull("could not extend file")),
    "crash": ZeroDivisionError("a secret: hunter2"),
}
STATUS = {"refused": 422, "conflict": 409, "invalid": 422, "forbidden": 403, "missing": 404, "crash": 500, "full": 503}


def raising(kind: str, _: Annotated[None, may(P.PUBLIC)]):
    raise RAISED[kind]


def saving(_: Annotated[Person, may(P.SELF)], db: Db, sent: Sent, request: Request):
    with redrawn(request, "sessions/new.html", sent, next="/"):
        factories.make_service(db, "half-way")
        raise Refused("The port is taken.", field="email")


@pytest.fixture
def app(console, monkeypatch):
    monkeypatch.setenv("LASTGOOD_PUBLIC_URL", ORIGIN)
    settings.cache_clear()
    app = create_app()
    app.get("/raise/{kind}")(raising)
    app.get("/api/v1/raise/{kind}")(raising)
    app.post("/half-way")(saving)
    return app


def test_a_page_needs_a_sign_in_and_comes_back_to_itself(client):
    answer = client.get("/me?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/me%3Fx%3D1")


@pytest.mark.parametrize("kind", RAISED)
def test_a_failure_is_a_page_with_the_sentence_and_a_way_on(client, kind):
    answer = client.get(f"/raise/{kind}")
    assert answer.status_code == STATUS[kind]
    if kind != "crash":
        assert (getattr(RAISED[kind], "sentence", "")) in answer.text
    assert 'href="/"' in answer.text
    assert ('href="/runs/12"' in answer.text) == (kind == "conflict")


@pytest.mark.parametrize("kind", RAISED)
def test_for_htmx_it_is_a_piece_that_leaves_the_page_alone(client, kind):
    answer = client.get(f"/raise/{kind}", headers=HTMX)
    assert answer.status_code == STATUS[kind]
    assert answer.headers["hx-retarget"] == "#flash"
    assert "<html" not in answer.text
    assert 'role="alert"' in answer.text


@pytest.mark.parametrize("kind", RAISED)
def test_for_scripts_it_is_a_problem_document_with_the_same_sentence(client, kind):
    answer = client.get(f"/api/v1/raise/{kind}")
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], answer.status_code) == (STATUS[kind], STATUS[kind])
    if kind == "invalid":
        assert body["fields"] == {"title": "A title is missing.", "kind": "Choose a kind."}
    if kind == "conflict":
        assert body["link"] == "/runs/12"


def test_a_mistake_of_ours_shows_a_number_that_leads_to_the_log_and_nothing_else(client, caplog):
    text = client.get("/raise/crash").text
    number = re.search(r">([0-9a-f]{8})<", text).group(1)
    assert "hunter2" not in text
    assert f"error {number}: GET /raise/crash" in caplog.text


def test_what_a_refused_verb_had_begun_is_not_saved(client, sign_in):
    with transaction() as session:
        ana = factories.make_person(session)
    sign_in(client, ana)
    answer = client.post("/half-way", data={"email": "typed@example.org"})
    assert answer.status_code == 422
    assert "The port is taken." in answer.text
    assert 'value="typed@example.org"' in answer.text
    with transaction() as session:
        assert not session.query(factories.Service).all()


def test_a_redirect_is_one_that_htmx_follows_as_a_page(client, sign_in):
    with transaction() as session:
        ana = factories.make_person(session)
    sign_in(client, ana)
    answer = client.post("/me/name", data={"name": "Ana R"}, headers=HTMX)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (200, "/me")
    assert "location" not in answer.headers


def test_somebody_signed_out_is_told_so_without_losing_the_page(client):
    answer = client.get("/me", headers=HTMX)
    assert answer.status_code == 401
    assert answer.headers["hx-retarget"] == "#flash"
    assert 'href="/sign-in"' in answer.text


def test_unknown_addresses_and_methods_are_answered_in_our_words(client):
    assert "There is nothing at this address" in client.get("/nothing").text
    assert client.get("/api/v1/nothing").json()["detail"].startswith("There is nothing at this address")
    assert "does not take that kind of request" in client.put("/sign-in").text


@pytest.fixture
def no_database(monkeypatch):
    """PostgreSQL at an address where nobody listens."""
    away = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing", connect_args={"connect_timeout": 2})
    monkeypatch.setattr(console_database, "maker", lambda: sessionmaker(away))
    yield
    monkeypatch.undo()


def test_while_the_database_is_away_every_page_says_so_at_once(client, sign_in, no_database):
    client.cookies.set("__Host-lastgood", "token", domain="testserver.local", path="/")
    for address, headers in (("/me", {}), ("/me", HTMX), ("/api/v1/raise/refused", {})):
        answer = client.get(address, headers=headers | {"Authorization": "Bearer lastgood_a_b"})
        if "raise" in address:
            continue
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "3"
        assert "Nothing was changed and nothing is lost" in answer.text
    assert client.get("/livez").status_code == 200
    assert client.get("/readyz").status_code == 503


def test_a_full_disk_of_the_database_is_called_that(client):
    answer = client.get("/raise/full")
    assert answer.status_code == 503
    assert "The disk of the console&#39;s database is full, so what you sent was not saved." in answer.text


def test_a_lost_connection_is_not_a_mistake_of_ours(client, sign_in, postgres, database):
    with transaction() as session:
        ana = factories.make_person(session, "Ana Ruiz", Role.VIEWER)
    sign_in(client, ana)
    assert client.get("/me").status_code == 200
    with postgres.connect() as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])
    assert client.get("/me").status_code == 200  # a dead connection of the pool is noticed and replaced
