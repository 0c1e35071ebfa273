"""A real PostgreSQL for every test: one server a worker, one database from a migrated template a test that asks."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from app.core import database as console_database
from app.core import sealing
from app.core.settings import settings
from app.core.stores import APP, OWNER, EmbeddedPostgres

ROOT = Path(__file__).parent.parent
CHROMIUM = "/usr/bin/chromium"
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@pytest.fixture(scope="session")
def postgres():
    # not pytest's own folder: the account that runs PostgreSQL for root could not enter it
    with tempfile.TemporaryDirectory(prefix="lastgood-tests-") as folder:
        os.chmod(folder, 0o755)
        server = EmbeddedPostgres(Path(folder), options=FAST)
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="session")
def alembic(postgres):
    """Run Alembic on a database as the owner: `alembic(database, "upgrade", "head")` returns the finished process."""

    def run(database, *arguments):
        urls = {
            "LASTGOOD_MIGRATION_DATABASE_URL": postgres.url(OWNER, database),
            "LASTGOOD_DATABASE_URL": postgres.url(APP, database),
        }
        argv = [sys.executable, "-m", "alembic", *arguments]
        return subprocess.run(argv, cwd=ROOT, env=os.environ | urls, capture_output=True, text=True)

    return run


@pytest.fixture(scope="session")
def template(postgres, alembic):
    """A database made by the real migrations."""
    with postgres.connect() as connection:
        connection.execute("CREATE DATABASE template_lastgood")
    done = alembic("template_lastgood", "upgrade", "head")
    assert done.returncode == 0, done.stderr
    return "template_lastgood"


@pytest.fixture
def database(postgres, template):
    """The name of a migrated database of this test's own."""
    name = "test_own"
    with postgres.connect() as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(name), sql.Identifier(template))
        )
        yield name
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def db(postgres, database):
    """A session as the application's role."""
    engine = create_engine(postgres.url(APP, database))
    with Session(engine, expire_on_commit=False) as session:
        yield session
    engine.dispose()


@pytest.fixture
def console(database, postgres, monkeypatch, tmp_path):
    """The settings of a console on a database of its own: `core.database.transaction()` works, keys are there, leases are short."""
    environment = {
        "DATABASE_URL": postgres.url(APP, database),
        "STATE_DIR": str(tmp_path),
        "REDIS_URL": "",
        "LEASE_S": "1",
        "SWEEP_S": "0.1",
        "SETTLE_MARGIN_S": "0.1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(f"LASTGOOD_{name}", value)
    _forget()
    sealing.make_all_keys()
    yield settings()
    console_database.engine().dispose()
    _forget()


@pytest.fixture(scope="session")
def chromium():
    """A real browser, where there is one."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).exists():
        pytest.skip("needs Chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def _forget():
    settings.cache_clear()
    sealing.reset()
    console_database.reset()


def pytest_sessionfinish(session, exitstatus):
    """In CI (LASTGOOD_SKIP_NOTHING=1) a skipped test is a failed run: the lab and the browser are there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("LASTGOOD_SKIP_NOTHING") and reporter and reporter.stats.get("skipped") and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line("LASTGOOD_SKIP_NOTHING is set, and tests were skipped.", red=True)
