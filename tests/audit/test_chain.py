import threading

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from app.audit.actions import record
from app.audit.queries import verify
from app.core.stores import APP


@pytest.fixture
def chain(db):
    for number in range(1, 6):
        record(db, "run.confirm", f"run-{number}", actor="user:1", actor_name="Ana", digest="d", count=number, nested={"b": 1, "a": None})
    db.commit()
    return db


@pytest.fixture
def tamper(postgres, database):
    """Somebody with the whole database in hand: the guards are off."""

    def run(statement):
        with postgres.connect(database=database) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(statement)

    return run


def test_a_chain_that_nobody_touched_is_intact(chain):
    assert verify(chain) == ""


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE audit_entries SET actor_name = 'Bo' WHERE seq = 3", "Entry 3 of the audit log was changed"),
        ("UPDATE audit_entries SET detail = detail || '{\"count\": 9}' WHERE seq = 2", "Entry 2 of the audit log was changed"),
        (
            "UPDATE audit_entries SET hash = reverse(hash) WHERE seq = 5",
            "Entry 5 of the audit log was changed",
        ),
        ("UPDATE audit_entries SET seq = CASE seq WHEN 3 THEN 103 ELSE 3 END WHERE seq = 3", "Entry 3 of the audit log is missing"),
        ("DELETE FROM audit_entries WHERE seq = 4", "Entry 4 of the audit log is missing"),
        ("DELETE FROM audit_entries WHERE seq = 5", "ends at entry 4, but 5 were written"),
    ],
)
def test_every_change_is_found_and_named(chain, tamper, statement, sentence):
    tamper(statement)
    assert sentence in verify(chain)


def test_an_entry_goes_with_its_transaction(chain):
    record(chain, "run.confirm", "run-9", actor="user:1", actor_name="Ana")
    chain.rollback()
    assert verify(chain) == ""


def test_many_writers_at_once_make_one_chain(postgres, database, db):
    engine = create_engine(postgres.url(APP, database), pool_size=8)

    def write():
        for _ in range(10):
            with Session(engine) as session, session.begin():
                record(session, "note", "incident-1", actor="user:1", actor_name="Ana")

    writers = [threading.Thread(target=write) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    engine.dispose()
    assert verify(db) == ""
    assert record(db, "note", "incident-1", actor="user:1", actor_name="Ana").seq == 81
