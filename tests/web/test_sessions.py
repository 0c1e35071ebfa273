"""Signing in and out by the pages."""

from datetime import timedelta

import pytest

from app.accounts import passwords, sign_ins
from app.accounts.models import SignIn, User
from app.accounts.policy import Role
from app.core.clock import now
from app.core.database import transaction
from app.core.settings import settings
from app.web import cookies
from tests import factories

PASSWORD = "four words in a row"


@pytest.fixture
def ana(console):
    with transaction() as session:
        person = factories.make_person(session, "Ana Ruiz", Role.VIEWER)
        session.get_one(User, person.id).password_hash = passwords.hashed(PASSWORD)
    return person


def enter(client, ana, password=PASSWORD, **more):
    return client.post("/sign-in", data={"email": ana.email.upper(), "password": password, **more})


def test_signing_in_leads_to_where_one_wanted_to_go(client, ana):
    answer = enter(client, ana, next="/me?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/me?x=1")
    assert "Ana Ruiz" in client.get("/me").text


@pytest.mark.parametrize("elsewhere", ["https://elsewhere.example/", "//elsewhere.example", "\\\\elsewhere.example", "javascript:alert(1)"])
def test_signing_in_never_leads_to_another_site(client, ana, elsewhere):
    location = enter(client, ana, next=elsewhere).headers["location"]
    assert location.startswith("/")
    assert not location.startswith("//")


def test_a_wrong_password_an_unknown_account_and_a_disabled_one_read_the_same(client, ana):
    with transaction() as session:
        leo = factories.make_person(session, "Leo Brandt", Role.VIEWER, state="disabled")
        session.get_one(User, leo.id).password_hash = passwords.hashed(PASSWORD)
    answers = [
        enter(client, ana, password="wrong and long"),
        enter(client, leo),
        client.post("/sign-in", data={"email": "nobody@example.org", "password": PASSWORD}),
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 422]
    assert all(sign_ins.WRONG in answer.text for answer in answers)
    assert PASSWORD not in answers[1].text


def test_signing_in_replaces_the_token_and_ends_the_one_before(client, ana):
    enter(client, ana)
    first = client.cookies[cookies.SESSION]
    enter(client, ana)
    assert client.cookies[cookies.SESSION] != first
    with transaction() as session:
        assert sign_ins.visitor(session, first) is None


def test_signing_out_ends_the_sign_in_on_the_server_too(client, ana, sign_in):
    sign_in(client, ana)
    token = client.cookies[cookies.SESSION]
    assert client.post("/sign-out").headers["location"] == "/sign-in"
    assert "You are signed out." in client.get("/sign-in").text
    client.cookies.set(cookies.SESSION, token, domain="testserver.local", path="/")
    assert client.get("/me").status_code == 303


@pytest.mark.parametrize("moment", ["expires_at", "last_seen_at"])
def test_a_sign_in_ends_by_itself(client, ana, sign_in, moment):
    sign_in(client, ana)
    past = {"expires_at": now(), "last_seen_at": now() - timedelta(seconds=settings().session_idle_s + 1)}
    with transaction() as session:
        setattr(session.query(SignIn).one(), moment, past[moment])
    assert client.get("/me").headers["location"] == "/sign-in?next=/me"


def test_use_is_noted_at_most_once_a_minute(client, ana, sign_in):
    sign_in(client, ana)

    def last_seen(at=None):
        with transaction() as session:
            row = session.query(SignIn).one()
            row.last_seen_at = at or row.last_seen_at
            return row.last_seen_at

    before = last_seen()
    client.get("/me")
    assert last_seen() == before
    long_ago = last_seen(now() - timedelta(minutes=2))
    client.get("/me")
    assert last_seen() > long_ago


def test_a_post_after_the_sign_in_ended_says_that_nothing_was_done(client, ana):
    assert client.post("/me/name", data={"name": "Ana"}).headers["location"] == "/sign-in"
    assert "Your sign-in has ended, so nothing was done" in client.get("/sign-in").text


def test_a_changed_password_keeps_this_browser_and_ends_the_others(client, ana, sign_in):
    with transaction() as session:
        other = sign_ins.begin(session, session.get_one(User, ana.id), address="10.0.0.9")
    sign_in(client, ana)
    fresh = {"present": PASSWORD, "password": "another row of words", "repeated": "another row of words"}
    assert client.post("/me/password", data=fresh | {"present": "wrong and long"}).status_code == 422
    assert client.post("/me/password", data=fresh).status_code == 303
    assert client.get("/me").status_code == 200
    with transaction() as session:
        assert sign_ins.visitor(session, other) is None


def test_the_theme_is_kept_without_javascript(client):
    assert 'data-bs-theme="auto"' in client.get("/sign-in").text
    assert client.post("/theme", headers={"Referer": "https://testserver/sign-in"}).headers["location"] == "/sign-in"
    assert 'data-bs-theme="light"' in client.get("/sign-in").text
