"""Accounts by the pages: set-up, invitations, roles, one's own page."""

import re

import pytest
from sqlalchemy import select

from app.accounts import queries, setup, sign_ins
from app.accounts.models import SignIn, User
from app.accounts.policy import Role
from app.core.database import transaction
from tests import factories

PASSWORD = "four words in a row"


@pytest.fixture
def admin(client, sign_in):
    with transaction() as session:
        person = factories.make_person(session, "Ida Berg", Role.ADMIN)
    return sign_in(client, person)


def person(email):
    with transaction() as session:
        return queries.get_user(session, session.scalars(select(User.id).where(User.email == email)).one())


def test_the_first_administrator_is_made_by_a_link_that_works_once(client):
    with transaction() as session:
        path = setup.new_link(session).removeprefix("https://testserver")
    typed = {"name": "Ida Berg", "email": "Ida@Example.org", "password": PASSWORD, "repeated": PASSWORD}
    assert "first administrator" in client.get(path).text
    done = client.post(path, data=typed)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert {grant.role for grant in person("ida@example.org").grants} >= {"admin"}
    assert "Ida Berg" in client.get("/people").text
    assert client.post(path, data=typed).status_code == 404
    with transaction() as session:
        assert not setup.is_needed(session)


def test_a_refused_set_up_keeps_what_was_typed_and_makes_nobody(client):
    with transaction() as session:
        path = setup.new_link(session).removeprefix("https://testserver")
    answer = client.post(path, data={"name": "Ida Berg", "email": "ida@example.org", "password": "short", "repeated": "short"})
    assert answer.status_code == 422
    assert 'value="ida@example.org"' in answer.text
    assert "A password has 12 to 200 characters" in answer.text
    assert "short" not in answer.text
    assert client.get(path).status_code == 200


def test_an_invitation_leads_to_a_person_who_is_signed_in(client, admin):
    made = client.post("/people", data={"name": "Leo Brandt", "email": "leo@example.org", "role": "responder", "service_id": ""})
    assert made.status_code == 200
    path = re.search(r"https://testserver(/invitations/[\w-]+)", made.text).group(1)
    client.cookies.clear()
    assert "Leo Brandt, set your password" in client.get(path).text
    assert client.post(path, data={"password": PASSWORD, "repeated": PASSWORD}).status_code == 303
    assert "Leo Brandt" in client.get("/me").text
    assert client.get(path).status_code == 404
    assert client.get("/people").status_code == 403


def test_an_address_is_invited_once(client, admin):
    typed = {"name": "Leo Brandt", "email": "leo@example.org", "role": "responder"}
    assert client.post("/people", data=typed).status_code == 200
    again = client.post("/people", data=typed)
    assert again.status_code == 422
    assert "leo@example.org has an account" in again.text


def test_a_role_is_given_for_one_service_and_taken_away_again(client, admin):
    with transaction() as session:
        leo = factories.make_person(session, "Leo Brandt", Role.VIEWER)
        login = factories.make_service(session, "login")
    assert client.post(f"/people/{leo.id}/grants", data={"role": "responder", "service_id": login.id}).status_code == 303
    page = client.get(f"/people/{leo.id}").text
    assert "responder of Login" in page
    grant = next(grant for grant in person(leo.email).grants if grant.role == "responder")
    assert client.post(f"/people/{leo.id}/grants/{grant.id}/take").status_code == 303
    assert [grant.role for grant in person(leo.email).grants] == ["viewer"]


def test_administration_is_not_granted_for_one_service(client, admin):
    with transaction() as session:
        leo = factories.make_person(session, "Leo Brandt", Role.VIEWER)
        login = factories.make_service(session)
    answer = client.post(f"/people/{leo.id}/grants", data={"role": "admin", "service_id": login.id})
    assert answer.status_code == 422
    assert "holds for everything, not for one service" in answer.text


def test_the_last_administrator_keeps_the_role(client, admin):
    grant = person(admin.email).grants[0]
    answer = client.post(f"/people/{admin.id}/grants/{grant.id}/take")
    assert answer.status_code == 422
    assert "is the only administrator" in answer.text
    assert person(admin.email).grants


def test_disabling_ends_sign_ins_at_once(client, admin, sign_in):
    with transaction() as session:
        leo = factories.make_person(session, "Leo Brandt", Role.VIEWER)
        token = sign_ins.begin(session, session.get_one(User, leo.id), address="")
    assert client.post(f"/people/{leo.id}/disable").status_code == 303
    with transaction() as session:
        assert sign_ins.visitor(session, token) is None
    assert client.post(f"/people/{leo.id}/enable").status_code == 303
    with transaction() as session:
        assert sign_ins.visitor(session, token) is None


def test_ones_own_sign_ins_are_listed_and_ended(client, admin):
    with transaction() as session:
        other = sign_ins.begin(session, session.get_one(User, admin.id), address="10.0.0.9", agent="Firefox/140 Linux")
    assert "Firefox on Linux" in client.get("/me").text
    with transaction() as session:
        row = session.scalars(select(SignIn).where(SignIn.address == "10.0.0.9")).one()
    assert client.post(f"/me/sign-ins/{row.id}/end").status_code == 303
    with transaction() as session:
        assert sign_ins.visitor(session, other) is None
    assert client.post(f"/me/sign-ins/{row.id}/end").status_code == 404


def test_a_token_is_shown_once_and_revoked(client, admin):
    made = client.post("/me/tokens", data={"label": "pipeline", "days": "30", "scopes": ["read", "incident.declare"]})
    token = re.search(r"lastgood_\w+_[\w-]+", made.text).group(0)
    page = client.get("/me").text
    assert "pipeline" in page
    assert token not in page
    number = re.search(r"/me/tokens/(\d+)/revoke", page).group(1)
    assert client.post(f"/me/tokens/{number}/revoke").status_code == 303
    assert "No tokens" in client.get("/me").text


def test_a_token_without_a_scope_is_not_made(client, admin):
    answer = client.post("/me/tokens", data={"label": "pipeline", "days": "30"})
    assert answer.status_code == 422
    assert "Choose at least one scope" in answer.text


def test_a_name_is_changed(client, admin):
    assert client.post("/me/name", data={"name": "Ida Lund"}).status_code == 303
    assert "Your name is changed" in client.get("/me").text
    assert "Your name is changed" not in client.get("/me").text
    assert "Ida Lund" in client.get("/me").text


def test_auditors_read_the_log_page_by_page(client, admin, sign_in):
    with transaction() as session:
        vera = factories.make_person(session, "Vera Holm", Role.AUDITOR)
    for number in range(60):
        client.post("/me/name", data={"name": f"Ida {number}"})
    assert client.get("/audit").status_code == 403
    sign_in(client, vera)
    newest = client.get("/audit")
    assert "person.rename" in newest.text
    assert "Ida 59" in newest.text
    assert f"user-{admin.id}" in client.get(f"/audit?about=user-{admin.id}").text
    assert "Nothing is recorded about this" in client.get("/audit?about=run-99").text
