"""Default deny: a route that does not declare its permission does not start."""

import ast
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import FastAPI

from app.accounts.policy import P
from app.core.paths import APP
from app.web import guard
from app.web.guard import may

ASYNC = {"asgi.py", "fields.py", "stream.py"}


def test_a_route_without_a_permission_does_not_start():
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.get("/open")(lambda: None)
    with pytest.raises(TypeError, match=r"GET /open has 0 of may\(...\) and needs exactly one"):
        guard.check(app)


def test_a_route_with_two_permissions_does_not_start():
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    def twice(a: Annotated[None, may(P.PUBLIC)], b: Annotated[None, may(P.READ)]):
        return None

    app.get("/twice")(twice)
    with pytest.raises(TypeError, match="has 2 of"):
        guard.check(app)


def test_what_cannot_declare_a_permission_does_not_start():
    app = FastAPI()  # with the documentation pages of FastAPI itself
    with pytest.raises(TypeError, match="cannot declare a permission"):
        guard.check(app)


def test_every_route_of_the_application_declares_one(app):
    assert guard.routes(app)
    assert all(len(route.guards) == 1 for route in guard.routes(app))


def test_what_is_public_is_named_here(app):
    public = {route.path for route in guard.routes(app) if route.guards[0].permission is P.PUBLIC}
    assert public <= {
        "/answer/{token}",  # a signed link: one contact, one day
        "/api/v1/openapi.json",
        "/intake/{hook}",  # alerts; each carries a token or a signature
        "/invitations/{token}",
        "/livez",
        "/readyz",
        "/setup/{token}",
        "/sign-in",
        "/static/{name:path}",
        "/status/{page_slug}",  # what was published on purpose, and subscribing to it
        "/status/{page_slug}/",
        "/status/{page_slug}/confirm/{token}",
        "/status/{page_slug}/leave/{token}",
        "/status/{page_slug}/subscribe",
        "/status/{page_slug}/{name:path}",
        "/theme",
    }


def test_handlers_are_short_and_synchronous():
    for path in sorted((APP / "web" / "routes").glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            assert not isinstance(node, ast.AsyncFunctionDef), f"{path.name}: {node.name} is async"
            if isinstance(node, ast.FunctionDef) and any("router" in ast.unparse(one) for one in node.decorator_list):
                lines = node.end_lineno - node.body[0].lineno + 1
                assert lines <= 12, f"{path.name}: {node.name} has {lines} lines"


def test_only_the_stream_and_what_reads_a_request_are_asynchronous():
    found = {Path(path).name for path in (APP / "web").rglob("*.py") if "async def" in path.read_text()}
    assert found <= ASYNC
