"""The time of day, always UTC and always aware."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, in UTC. Leases and deadlines use the database's clock instead (`core.database.db_now`)."""
    return datetime.now(UTC)
