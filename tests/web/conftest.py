"""The web door on a console of its own, and people signed in to it without the cost of a password."""

import threading

import pytest
import uvicorn
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


@pytest.fixture
def served(app):
    """The console behind a real server on loopback, for browsers: its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server ended before it had started"
        thread.join(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    app.state.hub.close()
    thread.join(10)


@pytest.fixture
def open_page(chromium, served):
    """`open_page(path, person=None, width=1440, theme="light")`: a browser page, signed in as the person. Console errors fail the test."""
    contexts, complaints = [], []

    def run(path, person=None, *, width=1440, theme="light", javascript=True):
        context = chromium.new_context(
            viewport={"width": width, "height": 900 if width > 700 else 844},
            java_script_enabled=javascript,
            color_scheme="dark" if theme == "dark" else "light",
        )
        contexts.append(context)
        jar = [{"name": cookies.THEME, "value": theme, "url": served}]
        if person:
            with transaction() as session:
                token = sign_ins.begin(session, session.get_one(User, person.id), address="127.0.0.1")
            jar.append({"name": cookies.SESSION, "value": token, "domain": "127.0.0.1", "path": "/", "secure": True, "httpOnly": True})
        context.add_cookies(jar)
        page = context.new_page()
        page.on(
            "console",
            lambda message: complaints.append(f"{message.text} {message.location.get('url', '')}") if message.type == "error" else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(served + path)
        return page

    run.complaints = complaints
    yield run
    for context in contexts:
        context.close()
    assert not complaints
