"""When a bell rings, and that a dead Redis costs nobody anything."""

import time

import pytest
from sqlalchemy.orm import Session

from app.core import queue
from app.core.database import engine


@pytest.fixture
def rung(monkeypatch):
    """What would go to Redis. Only the last step to the network is replaced."""
    bells = []
    monkeypatch.setattr(queue, "ring_now", lambda *bell: bells.append(bell))
    return bells


@pytest.fixture
def session(console):
    with Session(engine()) as session:
        yield session


def test_a_bell_rings_after_the_commit_and_not_before(session, rung):
    session.begin()
    queue.ring(session, "runs.execute", 1)
    assert rung == []
    session.commit()
    assert rung == [("runs.execute", 1)]


def test_a_rollback_forgets_the_bell(session, rung):
    session.begin()
    queue.ring(session, "runs.execute", 1)
    session.rollback()
    session.begin()
    session.commit()
    assert rung == []


def test_a_rollback_to_a_savepoint_forgets_only_what_was_rung_inside(session, rung):
    with session.begin():
        queue.ring(session, "runs.execute", 1)
        inside = session.begin_nested()
        queue.ring(session, "runs.execute", 2)
        with session.begin_nested():
            queue.ring(session, "runs.execute", 3)
        inside.rollback()
        queue.ring(session, "runs.execute", 4)
    assert rung == [("runs.execute", 1), ("runs.execute", 4)]


def test_a_released_savepoint_rings_only_with_the_whole(session, rung):
    with session.begin():
        with session.begin_nested():
            queue.ring(session, "looks.answer", 7)
        assert rung == []
    assert rung == [("looks.answer", 7)]


def test_a_session_that_was_closed_without_a_commit_rings_nothing_later(session, rung):
    session.begin()
    queue.ring(session, "runs.execute", 1)
    session.close()
    session.begin()
    session.commit()
    assert rung == []


def test_ringing_twice_for_a_row_rings_once(session, rung):
    with session.begin():
        queue.ring(session, "runs.execute", 1)
        queue.ring(session, "runs.execute", 1)
    assert rung == [("runs.execute", 1)]


def test_a_dead_redis_holds_nobody_up(session, monkeypatch):
    monkeypatch.setenv("LASTGOOD_REDIS_URL", "redis://127.0.0.1:1/0")
    queue.settings.cache_clear()
    began = time.monotonic()
    with session.begin():
        for number in range(100):
            queue.ring(session, "runs.execute", number)
    assert time.monotonic() - began < 0.2
