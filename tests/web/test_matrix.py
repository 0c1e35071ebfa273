"""Every route of the application, asked by everybody: each role for everything and for one service, on its own and a foreign
service, nobody, somebody disabled, and every role's API token. What must come back is worked out from the table of roles alone.

Each request runs inside one transaction that is rolled back, so that what one of them changes no other sees.
"""

import re
import uuid
from copy import copy
from functools import lru_cache

import pytest
from sqlalchemy.orm import sessionmaker

from app.accounts import api_tokens, people, sign_ins
from app.accounts.models import User
from app.accounts.policy import EVERYBODY, GLOBAL_ONLY, NEVER_BY_TOKEN, TABLE, Granted, Permission, Person, Role
from app.catalog import looks
from app.core import database as console_database
from app.core.errors import Refused
from app.web import cookies, guard
from app.web.deps import API
from tests import factories
from tests.web import examples

REACHES = [*((role, True) for role in Role), *((role, False) for role in Role if not TABLE[role] & GLOBAL_ONLY)]


@pytest.fixture
def undone(client, monkeypatch):
    """A connection that every transaction of the console runs on, inside one that is rolled back in the end."""
    connection = console_database.engine().connect()
    outer = connection.begin()
    within = sessionmaker(connection, expire_on_commit=False, join_transaction_mode="create_savepoint")
    monkeypatch.setattr(console_database, "maker", lru_cache(lambda: within))
    yield connection
    outer.rollback()
    connection.close()


@pytest.fixture(autouse=True)
def no_runner(monkeypatch):
    def nobody(*_, **__):
        raise Refused("The runner does not answer.")

    monkeypatch.setattr(looks, "ask_and_wait", nobody)


class Asking:
    """Somebody with a browser or a token, before two services of which at most one is theirs."""

    def __init__(self, client, *, role=None, everywhere=True, by_token=False, is_disabled=False):
        self.client, self.headers = client, {}
        with console_database.transaction() as session:
            self.worlds = {"own": examples.World(session, "own"), "foreign": examples.World(session, "foreign")}
            self.person = Person(id=self.worlds["own"].stage.commander.id, name="", grants=(Granted(Role.ADMIN),))
            if role:
                own = None if everywhere else self.worlds["own"].service
                self.person = factories.make_person(session, "Ana Ruiz", role, service=own)
                self._use_token(session) if by_token else self._use_browser(session, is_disabled)

    def _use_token(self, session):
        text = api_tokens.create(session, name="all", scopes=api_tokens.SCOPES, days=1, by=self.person)
        self.headers["Authorization"] = f"Bearer {text}"

    def _use_browser(self, session, is_disabled):
        user = session.get_one(User, self.person.id)
        token = sign_ins.begin(session, user, address="testclient")
        self.client.cookies.set(cookies.SESSION, token, domain="testserver.local", path="/")
        visitor = sign_ins.visitor(session, token)
        self.person, self.client.headers["X-CSRF"] = visitor.person, visitor.csrf_token
        if is_disabled:
            people.disable(session, user, by=factories.make_person(session, "Ida Berg", Role.ADMIN))

    def ask(self, route, method, where):
        address = address_of(route)
        with console_database.transaction() as session:
            world = copy(self.worlds[where])
            world.session = session
            for name in re.findall(r"{(\w+)}", address):
                make = examples.EXAMPLES.get(f"{address_of(route)} {name}") or examples.EXAMPLES.get(name)
                assert make, f"{route.path}: add {name} to tests/web/examples.py"
                address = address.replace(f"{{{name}}}", str(make(world, self.person)))
        body = {} if method == "GET" else {"json": {}} if route.path.startswith(API) else {"data": examples.form(route.path, world)}
        return self.client.request(method, address, headers=self.headers | {"Idempotency-Key": uuid.uuid4().hex}, **body)


def address_of(route):
    return route.path.replace("{name:path}", "{name}")


def expected(role, permission, *, everywhere, mine, by_token=False):
    """Who may what, from the table alone: "in", "forbidden" or "hidden"."""
    if by_token and permission in NEVER_BY_TOKEN:
        return "forbidden" if everywhere or mine else "hidden"
    if permission in EVERYBODY:
        return "in"
    if not (everywhere or mine):
        return "hidden"
    return "in" if permission in TABLE[role] and (everywhere or permission not in GLOBAL_ONLY) else "forbidden"


def outcome(answer):
    if answer.status_code == 401 or (answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")):
        return "out"
    return {403: "forbidden", 404: "hidden"}.get(answer.status_code, "in" if answer.status_code < 500 else f"broken {answer.status_code}")


def is_bound(route):
    """Whether the address names something that belongs to a service."""
    return bool(set(re.findall(r"{(\w+)", route.path)) - examples.FREE)


def walk(app, client, connection, want, routes, **who):
    """Ask every route, and fail where the outcome is not the wanted one. What a request changes is undone before the next."""
    app.state.hub.closing = True  # the stream ends at once
    asking, wrong = Asking(client, **who), []
    jar, carried = dict(client.cookies), dict(client.headers)
    for route, method in [(one, method) for one in routes for method in one.methods]:
        for where in ("own", "foreign") if is_bound(route) else ("own",):
            saved = connection.begin_nested()
            seen, wanted = outcome(asking.ask(route, method, where)), want(route, where)
            saved.rollback()
            restore(client, jar, carried)
            if seen != wanted:
                wrong.append(f"{method} {route.path} ({route.guards[0].permission}, {where}): {seen}, wanted {wanted}")
    assert not wrong, "\n".join(wrong)


def restore(client, jar, carried):
    client.cookies.clear()
    for name, value in jar.items():
        client.cookies.set(name, value, domain="testserver.local", path="/")
    client.headers.update(carried)


def leaves(route):
    """What is the same for everybody: signing out is done by going to the sign-in page, and an unknown link is not there."""
    if route.path == "/sign-out":
        return "out"
    return "hidden" if address_of(route) in examples.UNKNOWN else None


def public(route, where):
    return leaves(route) or ("in" if route.guards[0].permission is Permission.PUBLIC else "out")


def api(app, want=True):
    return [route for route in guard.routes(app) if route.path.startswith(API) is want]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("role", "everywhere"), REACHES)
def test_on_the_pages_a_role_reaches_what_the_table_says(app, client, undone, role, everywhere):
    def want(route, where):
        mine = where == "own" or not is_bound(route)
        return leaves(route) or expected(role, route.guards[0].permission, everywhere=everywhere, mine=mine)

    walk(app, client, undone, want, api(app, False), role=role, everywhere=everywhere)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("role", "everywhere"), REACHES)
def test_in_the_api_a_token_reaches_what_its_owner_does_and_never_what_no_token_may(app, client, undone, role, everywhere):
    def want(route, where):
        mine = where == "own" or not is_bound(route)
        return expected(role, route.guards[0].permission, everywhere=everywhere, mine=mine, by_token=True)

    walk(app, client, undone, want, api(app), role=role, everywhere=everywhere, by_token=True)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("who", [{}, {"role": Role.COMMANDER, "is_disabled": True}], ids=["nobody", "disabled"])
def test_nobody_and_the_disabled_reach_what_is_public(app, client, undone, who):
    walk(app, client, undone, public, guard.routes(app), **who)


@pytest.mark.timeout(600)
def test_a_token_opens_no_page(app, client, undone):
    walk(app, client, undone, public, api(app, False), role=Role.COMMANDER, by_token=True)


@pytest.mark.timeout(600)
def test_a_cookie_opens_nothing_of_the_api(app, client, undone):
    walk(app, client, undone, public, api(app), role=Role.COMMANDER)
