"""A script with a bearer token, as a pipeline would be one."""

import uuid
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient

from app.accounts import api_tokens
from app.accounts.policy import Role
from app.core.database import transaction
from tests import factories
from tests.web import examples
from tests.web.catalog.conftest import runner as runner

V1 = "/api/v1"


class Script:
    """Asks the API as the owner of a token. Every POST carries a key of its own unless one is given."""

    def __init__(self, app, person, scopes):
        with transaction() as session:
            self.token = api_tokens.create(session, name="pipeline", scopes=tuple(scopes), days=1, by=person)
        self.person = person
        self.client = TestClient(app, base_url="https://testserver", headers={"Authorization": f"Bearer {self.token}"})

    def get(self, path, **query):
        return self.client.get(V1 + path, params=query)

    def post(self, path, body=None, *, key=None):
        key = key or uuid.uuid4().hex
        return self.client.post(V1 + path, json=body, headers={"Idempotency-Key": key})

    def every(self, path, **query):
        """All items of a list, page after page, and how many pages there were."""
        items, pages, cursor = [], 0, None
        while pages == 0 or cursor:
            page = self.get(path, **query, **({"cursor": cursor} if cursor else {})).json()
            items, pages, cursor = items + page["items"], pages + 1, page["next"]
        return items, pages


@pytest.fixture
def script(app):
    """`script(person, scopes=...)`: a script of somebody who is committed."""

    def run(person, scopes=api_tokens.SCOPES):
        return Script(app, person, scopes)

    return run


@pytest.fixture
def world(app):
    """A service on a cluster with a plan, a run, a verification and an incident; `world.me` commands it."""
    with transaction() as session:
        made = examples.World(session, "login-api")
        return SimpleNamespace(
            me=made.stage.commander,
            stage=made.stage,
            service=made.service,
            incident=made.incident,
            plan=made.plan,
            run=made.run,
            verification=made.verification,
            entry=made.entry,
            check=made.check,
            admin=factories.make_person(session, "Ada Byron", Role.ADMIN),
        )


@pytest.fixture
def admin(script, world):
    """A script of an administrator: it registers."""
    return script(world.admin)


def problem(answer, status):
    """The sentence of a refusal, after a look at its shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert {"type", "title", "status", "detail"} <= set(body)
    assert body["status"] == status
    return body["detail"]
