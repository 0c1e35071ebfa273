"""Runs migrations as the owner. A migration waits at most 5 s for a lock, so that it never queues in front of traffic."""

from alembic import context
from sqlalchemy import create_engine, text

from app.core.settings import settings
from app.tables import metadata


def run() -> None:
    """Upgrade or check the database at LASTGOOD_MIGRATION_DATABASE_URL, each migration in its own transaction."""
    engine = create_engine(settings().migration_database_url)
    with engine.connect() as connection:
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.commit()
        context.configure(connection=connection, target_metadata=metadata, compare_type=True, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
