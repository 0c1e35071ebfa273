"""The console's own PostgreSQL: base class, engine, transactions.

Decision: handlers, tasks and the CLI share one synchronous `Session`. A domain function never commits; the door does
(`transaction()` here, `Depends(db)` on the web), so that one request is one transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import DateTime, Engine, MetaData, create_engine, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from app.core.settings import settings

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Json = dict[str, Any]

AWAY = (OperationalError, InterfaceError, PoolTimeout)  # what a database that is away, or coming up again, looks like


class Base(DeclarativeBase):
    """Parent of every model. Times are aware and UTC; `dict` and `list` columns are JSONB."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        list[str]: JSONB,
    }


def make_engine(url: str, *, pool_size: int = 10, statement_timeout_s: float | None = None) -> Engine:
    """An engine whose sessions notice dead peers and never wait for a lock for ever."""
    limit = statement_timeout_s if statement_timeout_s is not None else settings().statement_timeout_s
    options = {
        "statement_timeout": f"{int(limit * 1000)}",
        "lock_timeout": "5000",
        "idle_in_transaction_session_timeout": "60000",
        "client_connection_check_interval": "5000",
        "timezone": "UTC",
    }
    return create_engine(
        url,
        pool_pre_ping=True,
        pool_size=pool_size,
        max_overflow=30,
        pool_timeout=10,
        connect_args={
            "connect_timeout": 5,
            "application_name": "lastgood",
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        },
    )


@lru_cache(maxsize=1)
def engine() -> Engine:
    """The engine of this process, made at first use (after a fork, never before)."""
    return make_engine(settings().database_url)


@lru_cache(maxsize=1)
def maker() -> sessionmaker[Session]:
    return sessionmaker(engine(), expire_on_commit=False)


@contextmanager
def transaction() -> Iterator[Session]:
    """A session that commits when the block ends and rolls back when it raises."""
    with maker().begin() as session:
        yield session


def reset() -> None:
    """Forget this process's engine: after a fork (connections stay with the parent) and between tests."""
    if engine.cache_info().currsize:
        engine().dispose(close=False)
    engine.cache_clear()
    maker.cache_clear()


def db_now(session: Session) -> datetime:
    """The database's clock (not the transaction's start): the only time that leases are judged by."""
    now: datetime = session.scalars(select(func.clock_timestamp(type_=DateTime(timezone=True)))).one()
    return now


def ping(session: Session) -> None:
    session.execute(text("SELECT 1"))
