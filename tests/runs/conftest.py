"""A stage: a console on a database of its own, and a world outside of it."""

import pytest

from app.executors import registry
from app.runs import leases
from tests import fakes
from tests.runs.arrange import Stage


@pytest.fixture
def world(tmp_path):
    return fakes.World(tmp_path / "world.json")


@pytest.fixture
def stage(console, world):
    registry.register(*fakes.FAKES)
    yield Stage(world)
    leases.reset()
