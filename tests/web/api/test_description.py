"""The description of the API: what generators and people read."""

import re

import pytest

from app.accounts.api_tokens import SCOPES
from app.web import guard
from tests.web.api.conftest import V1

OURS = re.compile(r"/api/v1/(?!openapi\.json)")


@pytest.fixture
def text(client):
    answer = client.get(f"{V1}/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def operations(text):
    return [(f"{method.upper()} {path}", operation) for path, found in text["paths"].items() for method, operation in found.items()]


def references(part):
    """Every `$ref` below a part of the document."""
    if isinstance(part, dict):
        return ([part["$ref"]] if "$ref" in part else []) + [ref for value in part.values() for ref in references(value)]
    return [ref for value in part for ref in references(value)] if isinstance(part, list) else []


def test_it_has_every_route_and_no_other(app, text):
    routes = {f"{method} {route.path}" for route in guard.routes(app) for method in route.methods if OURS.match(route.path)}
    assert {name for name, _ in operations(text)} == routes


def test_the_document_holds_together(text):
    assert text["openapi"].startswith("3.1")
    assert set(text["info"]) >= {"title", "version", "description"}
    schemas = {f"#/components/schemas/{name}" for name in text["components"]["schemas"]}
    assert set(references(text)) == schemas, "what is referred to is there, and nothing is there that nobody refers to"


def test_every_operation_says_what_it_does_what_it_needs_and_how_it_refuses(text):
    names = [operation["operationId"] for _, operation in operations(text)]
    assert len(names) == len(set(names))
    for name, operation in operations(text):
        assert operation["summary"][0].isupper(), name
        assert len(operation["summary"]) < 130, name
        (security,) = operation["security"]
        assert set(security) == {"bearer"}, name
        assert set(security["bearer"]) <= {scope.value for scope in SCOPES}, name
        assert "application/problem+json" in operation["responses"]["4XX"]["content"], name
        assert "422" not in operation["responses"], name
        fine = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        assert all(answer["content"]["application/json"]["schema"] for answer in fine), name
        assert fine, name


def test_parameters_stand_in_the_path_and_posts_want_a_key(text):
    for name, operation in operations(text):
        parameters = {(parameter["in"], parameter["name"]): parameter for parameter in operation.get("parameters", ())}
        assert {key[1] for key in parameters if key[0] == "path"} == set(re.findall(r"{(\w+)}", name)), name
        key = parameters.get(("header", "Idempotency-Key"))
        assert bool(key and key["required"]) is name.startswith("POST"), name


def test_bodies_refuse_fields_that_nobody_knows(text):
    for name, operation in operations(text):
        for ref in references(operation.get("requestBody", {})):
            schema = text["components"]["schemas"][ref.rpartition("/")[2]]
            assert schema.get("additionalProperties") is False, f"{name}: {ref}"


def test_no_column_leaks_that_belongs_to_the_engine(text):
    leaks = {
        "fence",
        "lease_owner",
        "lease_until",
        "idempotency_key",
        "sealed",
        "body_sealed",
        "secret_id",
        "form_nonce",
        "takeovers",
        "pin",
    }
    for name, schema in text["components"]["schemas"].items():
        assert not leaks & set(schema.get("properties", ())), name
