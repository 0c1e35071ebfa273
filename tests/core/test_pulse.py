from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from app.core import pulse
from app.core.clock import now
from app.core.database import transaction
from app.core.pulse import Pulse

pytestmark = pytest.mark.usefixtures("console")


def take(every_s=60.0):
    with transaction() as session:
        return pulse.take(session, "sweep", every_s=every_s)


def stands_at(moment):
    with transaction() as session:
        session.merge(Pulse(name="sweep", at=moment))


def test_of_many_at_once_one_gets_the_pass():
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: take(), range(8))) == 1


def test_the_next_pass_belongs_to_whoever_asks_when_the_beat_is_over():
    assert take()
    assert not take()
    stands_at(now() - timedelta(seconds=61))
    assert take()


def test_a_time_in_the_future_holds_nobody_up():
    stands_at(now() + timedelta(hours=1))
    assert take()
