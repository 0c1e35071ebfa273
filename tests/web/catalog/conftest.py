import threading

import pytest
from sqlalchemy import select

from app.catalog.models import Look
from app.core.database import transaction
from app.worker import looks as worker
from tests.web.catalog import scene


@pytest.fixture
def rows(app):
    with transaction() as session:
        return scene.seed(session)


@pytest.fixture
def ada(client, sign_in, rows):
    return sign_in(client, rows["ada"])


@pytest.fixture
def runner(app):
    """Answers looks, as the runner does."""
    stopped = threading.Event()

    def answer():
        while not stopped.wait(0.01):
            with transaction() as session:
                waiting = list(session.scalars(select(Look.id).where(Look.state == "queued")))
            for look_id in waiting:
                worker.answer(look_id)

    thread = threading.Thread(target=answer)
    thread.start()
    yield
    stopped.set()
    thread.join()
