"""The web door on a console of its own, and people signed in to it without the cost of a password."""

import pytest
from fastapi.testclient import TestClient

from app.accounts import sign_ins
from app.accounts.models import User
from app.core.database import transaction
from app.core.settings import settings
from app.web import cookies
from app.web.main import create_app

ORIGIN = "https://testserver"


@pytest.fixture
def app(console, monkeypatch):
    monkeypatch.setenv("LASTGOOD_PUBLIC_URL", ORIGIN)
    settings.cache_clear()
    return create_app()


@pytest.fixture
def client(app):
    """A browser without a sign-in. It sends the origin that browsers send, follows no redirect and does not hide errors in the server."""
    with TestClient(app, base_url=ORIGIN, headers={"Origin": ORIGIN}, follow_redirects=False) as client:
        yield client


@pytest.fixture
def sign_in():
    """`sign_in(client, person)`: the browser is theirs from here on, and its forms carry their token in the X-CSRF header.

    The person must be committed. Returns the person as a session knows them.
    """

    def run(client, person):
        with transaction() as session:
            token = sign_ins.begin(session, session.get_one(User, person.id), address="testclient")
            visitor = sign_ins.visitor(session, token)
        client.cookies.set(cookies.SESSION, token, domain="testserver.local", path="/")
        client.headers["X-CSRF"] = visitor.csrf_token
        return visitor.person

    return run
