"""The live stream, over a real server: names in time, to those who may hear them, until the sign-in ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from queue import Empty, Queue

import httpx
import pytest

from app.accounts import people, sign_ins
from app.accounts.models import User
from app.accounts.policy import Role
from app.core import live
from app.core.database import transaction
from app.web import cookies, stream
from tests import factories
from tests.running import free_port, until


@pytest.fixture
def ana(app):
    with transaction() as session:
        return factories.make_person(session, "Ana Ruiz", Role.COMMANDER)


@contextmanager
def listening(served, person):
    """A page that listens: a queue of (event, data)."""
    with transaction() as session:
        token = sign_ins.begin(session, session.get_one(User, person.id), address="127.0.0.1")
    heard, opened = Queue(), threading.Event()

    def listen(answer):
        event = "message"
        try:
            for line in answer.iter_lines():
                opened.set()
                if line.startswith("event:"):
                    event = line.removeprefix("event:").strip()
                elif line.startswith("data:"):
                    heard.put((event, line.removeprefix("data:").strip()))
                    event = "message"
        except (httpx.ReadError, httpx.StreamClosed):
            pass
        heard.put(("closed", ""))

    address, headers = f"{served}/live", {"Cookie": f"{cookies.SESSION}={token}"}
    with httpx.Client(timeout=30, trust_env=False) as browser, browser.stream("GET", address, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        threading.Thread(target=listen, args=(answer,), daemon=True).start()
        assert opened.wait(10)
        yield heard


def names(heard, wanted, seconds=10):
    """Everything that was heard until the wanted name came."""
    seen, deadline = [], time.monotonic() + seconds
    while wanted not in seen:
        assert time.monotonic() < deadline, f"{wanted} was not heard, only {seen}"
        try:
            event, data = heard.get(timeout=0.2)
        except Empty:
            continue
        seen += data.split() if event == "message" else [f"({event})"]
    return seen


def tell(*told):
    with transaction() as session:
        live.tell(session, *told)


def tell_and_fail(*told):
    with transaction() as session:
        live.tell(session, *told)
        raise ZeroDivisionError


def hears(app):
    """PostgreSQL is listened to: a name that was told before that nobody hears."""
    deadline = time.monotonic() + 10
    while not app.state.hub.is_listening:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_name_arrives_within_half_a_second_of_the_commit(app, served, ana):
    hears(app)
    with listening(served, ana) as heard:
        began = time.monotonic()
        tell("run-12", "board")
        assert {"run-12", "board"} <= set(names(heard, "board"))
        assert time.monotonic() - began < 2  # 0.5 on a machine of its own


def test_what_is_rolled_back_is_not_told(app, served, ana):
    hears(app)
    with listening(served, ana) as heard:
        with pytest.raises(ZeroDivisionError):
            tell_and_fail("run-1")
        tell("run-2")
        assert "run-1" not in names(heard, "run-2")


def test_names_of_what_one_may_not_read_are_not_heard(app, served):
    with transaction() as session:
        ida = factories.make_person(session, "Ida Berg", Role.COMMANDER)
        own, foreign = factories.make_service(session, "own"), factories.make_service(session, "foreign")
        leo = factories.make_person(session, "Leo Brandt", Role.RESPONDER, service=own)
        mine, other = factories.make_incident(session, own, by=ida), factories.make_incident(session, foreign, by=ida)
        for_all, restricted = factories.make_incident(session, by=ida), factories.make_incident(session, by=ida)
        restricted.is_restricted = True
    hears(app)
    with listening(served, leo) as heard, listening(served, ida) as everything:
        tell("services")  # whatever the rows' own commit still announces comes before this name
        names(heard, "services"), names(everything, "services")
        told = [f"incident-{one.id}" for one in (other, restricted, for_all, mine)]
        tell(f"service-{foreign.id}", *told, "board")
        assert set(names(heard, "board")) - {"all"} == {f"incident-{for_all.id}", f"incident-{mine.id}", "board"}
        assert {f"service-{foreign.id}", *told} <= set(names(everything, "board"))


def test_a_stream_ends_as_soon_as_its_person_is_disabled(app, served, ana):
    with transaction() as session:
        ida = factories.make_person(session, "Ida Berg", Role.ADMIN)
    hears(app)
    with listening(served, ana) as heard:
        with transaction() as session:
            people.disable(session, session.get_one(User, ana.id), by=ida)
        assert names(heard, "(closed)")[-2:] == ["(signed-out)", "(closed)"]


def test_a_page_that_lags_is_told_to_fetch_everything(ana):
    listener = stream.Listener(ana)
    for number in range(stream.LAG + 1):
        listener.tell(f"run-{number}")
    assert list(listener.waiting) == ["all"]


def test_one_person_cannot_hold_every_stream(app, served, ana):
    hub = app.state.hub
    hub.listeners |= {stream.Listener(ana) for _ in range(stream.MOST_OF_ONE)}
    with transaction() as session:
        token = sign_ins.begin(session, session.get_one(User, ana.id), address="127.0.0.1")
    answer = httpx.get(f"{served}/live", headers={"Cookie": f"{cookies.SESSION}={token}"}, trust_env=False)
    assert answer.status_code == 422
    assert "Too many pages are open" in answer.text


def test_after_postgresql_was_away_the_pages_fetch_everything(app, served, ana, postgres, database):
    hears(app)
    with listening(served, ana) as heard:
        with postgres.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND application_name = 'lastgood live'",
                [database],
            )
        assert "stale" in names(heard, "stale")
        assert "all" in names(heard, "all")
        tell("run-3")
        names(heard, "run-3")


def test_open_streams_do_not_hold_up_the_end(app, served, ana):
    hears(app)
    with listening(served, ana) as heard:
        app.state.hub.close()
        names(heard, "(closed)", seconds=3)


def test_a_server_with_an_open_stream_stops_at_once_when_it_is_told_to(app, ana):
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "app.web.main:create_app", "--factory", "--port", str(port), "--log-level", "warning"]
    server = subprocess.Popen(command, env=os.environ | {"LASTGOOD_PUBLIC_URL": f"http://127.0.0.1:{port}"})
    try:
        address = f"http://127.0.0.1:{port}"
        until(lambda: answers(f"{address}/livez"), what="the server")
        with listening(address, ana) as heard:
            began = time.monotonic()
            server.send_signal(signal.SIGTERM)
            names(heard, "(closed)")
            server.wait(10)
            assert time.monotonic() - began < 5  # below 1 on a machine of its own; a stream alone would last for ever
    finally:
        server.kill()
        server.wait()


def answers(address):
    try:
        return httpx.get(address, timeout=1, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.browser
def test_a_piece_fetches_itself_when_its_name_is_told(app, served, open_page, ana):
    from playwright.sync_api import expect

    page = open_page("/me", ana)
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    page.evaluate(
        """() => {
            const piece = document.createElement('div');
            piece.id = 'sign-ins-live';
            piece.dataset.live = 'people';
            piece.setAttribute('hx-get', '/me');
            piece.setAttribute('hx-trigger', 'live');
            piece.setAttribute('hx-select', '#sign-ins');
            piece.setAttribute('hx-swap', 'innerHTML');
            document.querySelector('main').append(piece);
            htmx.process(piece);
        }"""
    )
    tell("people")
    expect(page.locator("#sign-ins-live #sign-ins")).to_be_visible()


@pytest.mark.browser
def test_a_piece_that_gets_no_answer_says_so_and_is_fetched_again_though_nothing_more_is_told(app, served, open_page, ana):
    from playwright.sync_api import expect

    page = open_page("/services", ana)
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    with transaction() as session:
        factories.make_service(session, "harbour")
    page.route("**/services/list", lambda route: route.abort("connectionreset"))
    tell("services")
    expect(page.locator("[data-banner=lost]")).to_be_visible()
    assert [text for text in open_page.complaints if "ERR_CONNECTION_RESET" not in text] == []  # that one is Chromium's own
    open_page.complaints.clear()
    page.unroute("**/services/list")
    expect(page.locator("#services")).to_contain_text("Harbour", timeout=15_000)
    expect(page.locator("[data-banner=lost]")).to_be_hidden()


@pytest.mark.browser
def test_a_lost_connection_is_shown_and_found_again(app, served, open_page, ana):
    from playwright.sync_api import expect

    page = open_page("/me", ana)
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    page.context.set_offline(True)
    expect(page.locator("[data-banner=lost]")).to_be_visible()
    page.context.set_offline(False)
    expect(page.locator("#live")).to_have_attribute("data-state", "live", timeout=15_000)
    expect(page.locator("[data-banner=lost]")).to_be_hidden()
    open_page.complaints.clear()  # Chromium complains about the outage itself
