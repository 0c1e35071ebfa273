import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from app.core.errors import Refused
from app.core.stores import APP, DATABASE, OWNER, EmbeddedPostgres

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@pytest.fixture
def state():
    # not tmp_path: the account that runs PostgreSQL for root cannot enter pytest's private folders
    with tempfile.TemporaryDirectory(prefix="lastgood-test-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture
def server(state):
    postgres = EmbeddedPostgres(state, options=FAST)
    postgres.start()
    yield postgres
    postgres.stop()


def test_both_roles_sign_in_by_password_and_the_application_owns_nothing(server):
    with server.connect(APP, DATABASE) as connection:
        assert connection.execute("SELECT current_user, version() LIKE 'PostgreSQL 18%'").fetchone() == (APP, True)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (id int)")
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host=str(server.sockets), user=OWNER, password="wrong", dbname=DATABASE)


def test_it_opens_no_network_port(server):
    with server.connect() as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_what_was_committed_is_there_after_a_restart(server):
    with server.connect(OWNER, DATABASE) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    server.start()
    with server.connect(OWNER, DATABASE) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_killed_supervisor_does_not_hinder_the_next_start(state):
    code = (
        "import sys, time; from pathlib import Path; from app.core.stores import EmbeddedPostgres;"
        "EmbeddedPostgres(Path(sys.argv[1])).start(); print('up', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(state)], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "up\n"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    again = EmbeddedPostgres(state, options=FAST)
    again.start()
    try:
        with again.connect() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        again.stop()


def test_a_state_folder_that_cannot_be_made_is_said_in_one_sentence(state):
    (state / "file").write_text("")
    with pytest.raises(Refused, match="LASTGOOD_STATE_DIR"):
        EmbeddedPostgres(state / "file" / "below").start()


def test_a_long_state_folder_gets_a_short_place_for_its_socket(state):
    deep = state / ("a" * 60) / ("b" * 60)
    postgres = EmbeddedPostgres(deep, options=FAST)
    assert postgres.sockets == EmbeddedPostgres(deep).sockets
    postgres.start()
    try:
        with postgres.connect() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        postgres.stop()
        postgres.sockets.rmdir()
