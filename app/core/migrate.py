"""Bring the console's database to this version's schema, or say why not."""

import os

import psycopg
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import make_url

from app.core.errors import Refused
from app.core.paths import MIGRATIONS
from app.core.settings import settings


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def head() -> str:
    """The newest revision that this version knows."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def revision(url: str) -> str:
    """The revision that a database is at; empty where it was never migrated."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        with psycopg.connect(address, connect_timeout=5) as connection:
            row = connection.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchone()
            if not row or not row[0]:
                return ""
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(found[0]) if found else ""
    except psycopg.OperationalError as error:
        host = make_url(url).render_as_string(hide_password=True)
        raise Refused(f"The database {host} does not answer: {str(error).strip().splitlines()[0]}") from error


def upgrade() -> None:
    """Migrate as the owner. Refused where the database was made by a newer version, and says who may migrate where we may not."""
    url = settings().migration_database_url or settings().database_url
    if not url:
        raise Refused("There is no database to migrate: set LASTGOOD_MIGRATION_DATABASE_URL, or use `lastgood up`.")
    at = revision(url)
    scripts = ScriptDirectory.from_config(_config())
    if at and at not in {script.revision for script in scripts.walk_revisions()}:
        raise Refused(f"The database is at revision {at}, which this version does not know. Nothing was changed: start the newer version.")
    if at == scripts.get_current_head():
        return
    from alembic import command  # half a second that a start on an up-to-date database does not pay

    # the migrations read these: whom to act as, and which role to grant to
    os.environ["LASTGOOD_MIGRATION_DATABASE_URL"] = url
    os.environ["LASTGOOD_DATABASE_URL"] = settings().database_url or url
    settings.cache_clear()
    command.upgrade(_config(), "head")
