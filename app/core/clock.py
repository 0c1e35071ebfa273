"""The time of day, always UTC and always aware."""

import time
from datetime import UTC, datetime

_ALL = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> datetime:
    """The present moment, in UTC. Leases and deadlines use the database's clock instead (`core.database.db_now`)."""
    return datetime.now(UTC)


def uptime() -> float:
    """Seconds on a clock that only moves forward, is the same to every process of this machine and counts its sleep too."""
    return time.clock_gettime(_ALL)
