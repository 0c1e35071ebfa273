import threading

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from app.core.stores import APP
from tests.factories import make_incident, make_person


@pytest.fixture
def ana(db):
    return make_person(db, "Ana Ruiz")


@pytest.fixture
def bo(db):
    return make_person(db, "Bo Lind")


@pytest.fixture
def incident(db, ana):
    return make_incident(db, by=ana)


@pytest.fixture
def at_once(postgres, database):
    """Run functions of a session at the same moment, each in a transaction of its own; returns what each returned or raised."""
    engine = create_engine(postgres.url(APP, database), pool_size=10)

    def run(*functions):
        gate, answers = threading.Barrier(len(functions)), [None] * len(functions)

        def one(place, function):
            try:
                with Session(engine) as session, session.begin():
                    gate.wait()
                    answers[place] = function(session)
            except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
                answers[place] = error

        threads = [threading.Thread(target=one, args=pair) for pair in enumerate(functions)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    yield run
    engine.dispose()
