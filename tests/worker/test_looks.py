"""Looks: asked once, answered once, repeated at will."""

import threading

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from app.catalog import looks
from app.catalog.models import Look
from app.core.database import transaction
from app.core.errors import Refused
from app.executors.base import Unreachable
from app.worker import looks as answering
from tests.factories import make_service, make_target


@pytest.fixture(autouse=True)
def handlers(console, monkeypatch):
    def good(subject, params):
        return {"saw": subject, **params}

    def bad(subject, params):
        raise Unreachable("The cluster does not answer.")

    def broken(subject, params):
        raise ZeroDivisionError

    table = {"good": good, "bad": bad, "broken": broken}
    monkeypatch.setattr(answering, "HANDLERS", {**answering.HANDLERS, **table})


def ask(kind="good", subject="target-1", **params):
    with transaction() as session:
        return looks.ask(session, kind, subject, params).id


def look(look_id):
    with transaction() as session:
        return session.get_one(Look, look_id)


def test_a_look_that_waits_is_asked_once():
    asked = []
    threads = [threading.Thread(target=lambda: asked.append(ask())) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 10
    assert len(set(asked)) == 1


def test_a_look_is_answered_once():
    look_id = ask(size=3)
    assert answering.answer(look_id) is True
    assert answering.answer(look_id) is False
    assert (look(look_id).state, look(look_id).answer) == ("done", {"saw": "target-1", "size": 3})


def test_a_problem_is_said_in_the_words_of_the_target():
    answering.answer(look_id := ask("bad"))
    assert (look(look_id).state, look(look_id).problem) == ("failed", "The cluster does not answer.")


def test_a_fault_of_the_console_is_named_as_one():
    answering.answer(look_id := ask("broken"))
    assert "a fault of its own" in look(look_id).problem


def test_a_look_during_which_the_database_went_away_is_no_fault_and_is_taken_again(monkeypatch):
    look_id = ask("away")

    def away(subject, params):
        raise OperationalError("SELECT 1", {}, Exception("server closed the connection unexpectedly"))

    monkeypatch.setitem(answering.HANDLERS, "away", away)
    with pytest.raises(OperationalError):
        answering.answer(look_id)
    assert (look(look_id).state, look(look_id).problem) == ("looking", "")
    with transaction() as session:
        session.execute(text("UPDATE looks SET lease_until = now() - interval '1 second'"))
    monkeypatch.setitem(answering.HANDLERS, "away", lambda subject, params: {"saw": subject})
    assert answering.answer(look_id)
    assert look(look_id).answer == {"saw": "target-1"}


def test_whoever_waits_gets_the_answer_or_the_problem():
    def answer_all():
        for _ in range(200):
            with transaction() as session:
                due = looks.due(session, background=False)
            for look_id in due:
                answering.answer(look_id)
            if over.wait(0.01):
                return

    over = threading.Event()
    runner = threading.Thread(target=answer_all)
    runner.start()
    assert looks.ask_and_wait("good", "a", {}) == {"saw": "a"}
    with pytest.raises(Refused, match="does not answer"):
        looks.ask_and_wait("bad", "b", {})
    over.set()
    runner.join()


def test_without_a_runner_the_wait_ends_in_a_sentence():
    with pytest.raises(Refused, match="The runner does not answer"):
        looks.ask_and_wait("good", "c", {}, timeout_s=0.1)


def test_a_look_of_a_silent_runner_is_taken_again_and_its_late_answer_is_refused():
    look_id = ask()
    with transaction() as session:
        first = looks.claim(session, look_id)
        assert looks.claim(session, look_id) is None
    with transaction() as session:
        session.execute(text("UPDATE looks SET lease_until = now() - interval '1 second'"))
    with transaction() as session:
        second = looks.claim(session, look_id)
    with transaction() as session:
        assert looks.finish(session, first, {"late": True}) is False
        assert looks.finish(session, second, {"late": False}) is True
    assert look(look_id).answer == {"late": False}


def test_a_look_that_stops_every_runner_is_given_up():
    look_id = ask()
    for _ in range(looks.TRIES):
        with transaction() as session:
            assert looks.claim(session, look_id)
            session.execute(text("UPDATE looks SET lease_until = now() - interval '1 second'"))
    with transaction() as session:
        looks.sweep(session)
    assert (look(look_id).state, look(look_id).problem) == ("failed", looks.GIVEN_UP)


def test_the_sweep_rings_for_what_nobody_rang_for_and_forgets_what_is_old():
    old, waiting = ask(subject="old"), ask(subject="waiting")
    answering.answer(old)
    with transaction() as session:
        session.execute(text("UPDATE looks SET ended_at = now() - interval '1 hour' WHERE id = :id"), {"id": old})
        session.execute(text("UPDATE looks SET created_at = now() - interval '1 minute' WHERE id = :id"), {"id": waiting})
    with transaction() as session:
        assert looks.sweep(session) == [waiting]
        assert looks.sweep(session) == []
        assert session.get(Look, old) is None


def test_each_target_is_looked_at_when_it_is_due_and_not_more_often():
    with transaction() as session:
        target = make_target(session, make_service(session))
    with transaction() as session:
        assert looks.ask_for_observations(session) == 1
    with transaction() as session:
        assert looks.ask_for_observations(session) == 0
        assert session.scalars(select(Look.subject)).all() == [f"target-{target.id}"]


def test_background_looks_never_take_the_hands_of_people():
    look_id = ask("target.observe", "target-1")
    with transaction() as session:
        assert looks.due(session, background=False) == []
        assert looks.claim(session, look_id, background=False) is None
        assert looks.due(session, background=True) == [look_id]


def test_a_connection_that_has_asked_often_goes_on_asking(console):
    """psycopg prepares a statement at its fifth use, and PostgreSQL plans it without its parameters at the eleventh."""
    with transaction() as session:
        asked = {looks.ask(session, "good", f"target-{number}", {}).id for number in range(30)}
    assert len(asked) == 30
