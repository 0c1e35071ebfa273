"""Checks, as a script sets them up: tried before they are saved, read when they are."""

import pytest
from sqlalchemy import select

from app.catalog import addresses, looks
from app.catalog.models import Check, Secret
from app.core.database import transaction
from app.core.sealing import unseal
from tests.site import Site
from tests.web.api.conftest import problem

HEALTH = {"kind": "health", "name": "Health", "config": {"url": "https://login.example.org/health"}}
METRIC = {"kind": "metric", "name": "Errors", "config": {"url": "https://prometheus.example.org", "query": "up", "limit": 1}}
SAYS = {"outcome": "fail", "sentence": "It answers 503.", "value": None, "unit": "", "limit": None, "blocked": None}


@pytest.fixture
def site():
    site = Site()
    yield site
    site.close()


@pytest.fixture
def says(monkeypatch):
    """What the runner reads: it fails, and that is no reason not to save it."""
    asked = []

    def ask(kind, subject, params, **_):
        asked.append(params)
        return SAYS

    monkeypatch.setattr(looks, "ask_and_wait", ask)
    return asked


def names():
    with transaction() as session:
        return sorted(session.scalars(select(Check.name).where(Check.archived_at.is_(None))))


def test_a_check_is_read_and_saved_whatever_it_says(admin, world, says):
    made = admin.post("/services/login-api/checks", HEALTH | {"required": False})
    assert made.status_code == 201
    told = made.json()
    assert (told["service"], told["name"], told["required"], told["config"]) == ("login-api", "Health", False, HEALTH["config"])
    assert told["said"] == SAYS
    assert admin.get(f"/checks/{told['id']}/settings").json() == told | {"said": None}
    twice = admin.post("/services/login-api/checks", HEALTH)
    assert "has a check named Health already" in problem(twice, 422)
    assert set(twice.json()["fields"]) == {"name"}


def test_a_check_is_tried_and_nothing_is_saved(admin, world, says):
    before = names()
    body = {name: HEALTH[name] for name in ("kind", "config")}
    assert admin.post("/services/login-api/checks/try", body | {"credential": {"token": "t"}}).json() == SAYS
    other = {"config": {"expect_status": 204}}
    assert admin.post(f"/checks/{world.check.id}/try", other).json() == SAYS
    assert says[1]["config"] == world.check.config | {"expect_status": 204}
    assert says[1]["check_id"] == world.check.id
    assert names() == before


def test_a_private_address_is_named_with_who_can_allow_it(admin, world, site, runner):
    site.answers["/health"] = (200, "ok")
    body = HEALTH | {"config": {"url": f"{site.url}/health"}}
    said = admin.post("/services/login-api/checks/try", {name: body[name] for name in ("kind", "config")}).json()
    assert said["blocked"] == {"host": "127.0.0.1", "port": site.port}
    answer = admin.post("/services/login-api/checks", body, key="a")
    assert f"an administrator can allow 127.0.0.1:{site.port} on the pages" in problem(answer, 422)
    assert set(answer.json()["fields"]) == {"config.url"}
    with transaction() as session:
        addresses.allow(session, host="127.0.0.1", port=site.port, reason="checks", by=world.admin)
    saved = admin.post("/services/login-api/checks", body, key="a")
    assert (saved.status_code, saved.json()["said"]["outcome"]) == (201, "pass")


WRONG = [
    (HEALTH | {"config": {}}, "config.url", "This is needed."),
    (HEALTH | {"config": {"url": "https://x.example.org", "expect_status": 99}}, "config.expect_status", "at least 100"),
    (HEALTH | {"config": {"url": "https://x.example.org", "odd": 1}}, "config.odd", "odd is not a setting of this check."),
    (HEALTH | {"name": " "}, "name", "A check needs a name of 1 to 60 characters"),
    (METRIC | {"config": METRIC["config"] | {"limit": "nan"}}, "config.limit", "This must be a number."),
    (METRIC | {"config": METRIC["config"] | {"url": "file:///etc/passwd"}}, "config.url", ""),
    (HEALTH | {"kind": "ping"}, "kind", ""),
    (HEALTH | {"config": []}, "config", ""),
    (HEALTH | {"credential": {}}, "credential", "Give a token, or a user with a password"),
]


def test_a_wrong_setting_is_told_in_the_words_of_the_form(admin, world, says):
    before = names()
    for body, field, sentence in WRONG:
        answer = admin.post("/services/login-api/checks", body)
        assert sentence in problem(answer, 422)
        assert set(answer.json()["fields"]) == {field}
    assert names() == before


def test_numbers_without_an_end_are_refused_deep_inside(admin, world, says):
    text = b'{"kind": "metric", "name": "x", "config": {"url": "https://p.example.org", "query": "up", "limit": Infinity}}'
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    problem(admin.client.post("/api/v1/services/login-api/checks", content=text, headers=headers), 422)


def test_what_is_not_sent_stays(admin, world, says):
    made = admin.post("/services/login-api/checks", METRIC | {"required": False}).json()
    here = f"/checks/{made['id']}/settings"
    after = admin.post(here, {"config": {"limit": 2.5, "unit": "%"}}).json()
    assert (after["name"], after["required"]) == ("Errors", False)
    assert after["config"] == made["config"] | {"limit": 2.5, "unit": "%"}
    assert admin.post(here, {"name": "Error rate", "required": True}).json()["name"] == "Error rate"
    assert set(admin.post(here, {"config": {"limit": None}}).json()["fields"]) == {"config.limit"}


def test_a_credential_is_stored_sealed_and_kept_until_another_comes(admin, world, says):
    made = admin.post("/services/login-api/checks", HEALTH | {"credential": {"user": "bot", "password": "hunter2"}})
    assert made.json()["has_credential"] is True
    assert "hunter2" not in made.text + str(says)
    admin.post(f"/checks/{made.json()['id']}/settings", {"required": False})
    with transaction() as session:
        assert unseal(session.scalars(select(Secret).where(Secret.purpose == "http")).one().sealed) == {
            "user": "bot",
            "password": "hunter2",
        }
    admin.post(f"/checks/{made.json()['id']}/settings", {"credential": {"token": "t0ken"}})
    with transaction() as session:
        assert unseal(session.scalars(select(Secret).where(Secret.purpose == "http")).one().sealed) == "t0ken"


def test_the_usual_three_are_added_at_once(admin, world, says):
    body = {"url": "https://prometheus.example.org", "selector": 'app="login"'}
    added = admin.post("/services/login-api/checks/usual", body)
    assert added.status_code == 201
    assert [check["name"] for check in added.json()["items"]] == ["Error rate", "Response time", "5xx responses"]
    assert [check["said"] is not None for check in added.json()["items"]] == [True, False, False]
    assert set(admin.post("/services/login-api/checks/usual", {"url": ""}).json()["fields"]) == {"url"}
    assert len(names()) == len(set(names()))


def test_an_archived_check_is_gone_its_name_is_free_and_sending_that_again_gets_the_first_answer(admin, world, says):
    made = admin.post("/services/login-api/checks", HEALTH).json()
    first, again = (admin.post(f"/checks/{made['id']}/archive", key="a") for _ in range(2))
    assert first.json() == again.json()
    problem(admin.get(f"/checks/{made['id']}/settings"), 404)
    assert admin.post("/services/login-api/checks", HEALTH).status_code == 201


def test_who_only_responds_sets_up_no_check(script, world, says):
    by = script(world.me)
    problem(by.post("/services/login-api/checks", HEALTH), 403)
    problem(by.get(f"/checks/{world.check.id}/settings"), 403)
    assert says == []
