import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.core import database, embedded
from app.core.embedded import Locked, Stores, reachable, take
from app.core.errors import Refused
from app.core.settings import settings
from app.core.valkey import EmbeddedValkey


@pytest.fixture
def state(monkeypatch):
    with tempfile.TemporaryDirectory(prefix="lastgood-test-") as folder:
        os.chmod(folder, 0o755)
        for name in ("DATABASE_URL", "MIGRATION_DATABASE_URL", "REDIS_URL"):
            monkeypatch.setenv(f"LASTGOOD_{name}", "")
        monkeypatch.setenv("LASTGOOD_STATE_DIR", folder)
        settings.cache_clear()
        yield Path(folder)
        if database.engine.cache_info().currsize:
            database.engine().dispose()
        database.reset()
    settings.cache_clear()


def test_two_starts_on_one_state_folder_the_second_says_so(state):
    with take(state), pytest.raises(Locked, match=f"process {os.getpid()}.*LASTGOOD_STATE_DIR"):
        take(state)
    take(state).close()


def test_a_command_starts_the_stores_for_itself_and_migrates_them(state):
    with reachable(), database.transaction() as session:
        database.ping(session)
    with pytest.raises(FileNotFoundError):
        (state / "postgres" / "postmaster.pid").read_text()


def test_a_command_beside_a_running_console_uses_its_stores(state):
    stores = Stores(state)
    stores.start(broker=False)
    try:
        code = (
            "from app.core.embedded import reachable; from app.core import database\n"
            "with reachable(), database.transaction() as session: database.ping(session); print('reached')"
        )
        done = subprocess.run([sys.executable, "-c", code], env=os.environ | {"LASTGOOD_DATABASE_URL": ""}, capture_output=True, text=True)
        assert done.stdout == "reached\n", done.stderr
    finally:
        stores.stop()


def test_a_database_of_a_newer_version_is_left_alone(state):
    stores = Stores(state)
    stores.start(broker=False)
    try:
        with stores.postgres.connect(database="lastgood") as owner:
            owner.execute("UPDATE alembic_version SET version_num = '9999'")
    finally:
        stores.stop()
    os.environ["LASTGOOD_DATABASE_URL"] = os.environ["LASTGOOD_MIGRATION_DATABASE_URL"] = ""
    settings.cache_clear()
    with pytest.raises(Refused, match="start the newer version"):
        Stores(state).start(broker=False)


def test_valkey_answers_on_its_socket_and_a_leftover_is_ended(state):
    first, second = EmbeddedValkey(state), EmbeddedValkey(state)
    first.start()
    leftover = first.process
    second.start()
    try:
        assert leftover.wait(5) is not None
        assert second.process.poll() is None
    finally:
        second.stop()


def test_a_disk_that_is_almost_full_is_said_once_and_again_after_there_was_room(state, monkeypatch):
    room = {"free": 40_000_000}
    monkeypatch.setattr(embedded.shutil, "disk_usage", lambda _: SimpleNamespace(**room))
    stores = Stores(state)
    assert stores.warns().startswith(f"The disk of {state} has 40 MB left. Nothing is lost yet: make room")
    assert stores.warns() == ""
    room["free"] = 500_000_000
    assert stores.warns() == ""
    room["free"] = 0
    assert "0 MB left" in stores.warns()
