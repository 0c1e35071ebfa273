"""One history of the shop for all tests: making it takes a second."""

import shutil
import socket

import pytest

from app.demo.production import Production


@pytest.fixture(scope="session")
def history(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    Production(folder, free_port()).prepare()
    return folder


@pytest.fixture
def production(history, tmp_path):
    """A production that is prepared and not started. Whatever a test starts is stopped."""
    folder = tmp_path / "production"
    shutil.copytree(history, folder)
    (folder / "port").unlink()
    production = Production(folder, free_port())
    production.prepare()
    yield production
    production.stop()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
