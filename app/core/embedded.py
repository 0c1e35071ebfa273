"""The embedded stores as one thing: held by one process at a time, migrated, and announced in the environment.

Decision: the state folder is locked with flock, which the kernel lets go when its holder dies. Who finds it locked may still
sign in to the running stores (a second terminal does), but never starts another server on the same files.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sqlalchemy.exc import OperationalError

from app.core import database, sealing
from app.core.errors import Refused
from app.core.migrate import upgrade
from app.core.settings import settings
from app.core.stores import APP, DATABASE, OWNER, EmbeddedPostgres
from app.core.valkey import EmbeddedValkey

_LEAST_FREE = 200_000_000  # bytes: PostgreSQL's own files are about 50 MB, and a full disk stops it without a word

_ALMOST_FULL = 50_000_000  # bytes: said while there is still time to make room

_REVIVE_S = 1.0  # a server that cannot start (its last backends still hold the memory) is not started in a tight loop


def full(state: Path) -> str:
    """What to say of the disk of the embedded stores where it is almost full; else ""."""
    try:
        free = shutil.disk_usage(state).free
    except OSError:
        return ""  # not there or not ours to look at: whoever needs the folder says so
    if free >= _ALMOST_FULL:
        return ""
    return f"The disk of {state} has {free // 1_000_000} MB left. Nothing is lost yet: make room, or what people write will be refused."


class Locked(Refused):
    """Another process holds the state folder."""


def take(state: Path) -> IO[str]:
    """Lock the state folder until the file is closed or we die. Locked where somebody else holds it."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        file = (state / "lock").open("a+")
    except OSError as error:
        raise Refused(f"The state folder {state} cannot be used: {error.strerror}. Set LASTGOOD_STATE_DIR to another.") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise Locked(
            f"A Lastgood (process {holder}) already uses the state folder {state}. It goes on untouched. "
            "Stop it first, or set LASTGOOD_STATE_DIR to another folder."
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


class Stores:
    """PostgreSQL and Valkey of one state folder; each only where the settings name no other.

    `start` holds the lock, serves, migrates, and puts the addresses into the environment of this process and its children.
    """

    def __init__(self, state: Path) -> None:
        self.state = state
        self._lock: IO[str] | None = None
        self._looked_at = 0.0
        self._is_tight = False
        self.postgres = None if settings().database_url else EmbeddedPostgres(state, binaries=settings().pg_bin)
        self.valkey = None if settings().redis_url else EmbeddedValkey(state)

    def start(self, *, broker: bool = True) -> None:
        """Refused, and nothing left running, where a store does not come up. `broker=False` leaves Valkey out."""
        self.hold()
        if not broker:
            self.valkey = None  # nobody is there to be rung for, and nobody should be warned of that
        try:
            free = shutil.disk_usage(self.state).free
            if self.postgres and free < _LEAST_FREE:
                raise Refused(
                    f"The disk of {self.state} has {free // 1_000_000} MB free, and the stores need {_LEAST_FREE // 1_000_000}. "
                    "Nothing was started: make room, or set LASTGOOD_STATE_DIR to another disk."
                )
            if self.postgres:
                self.postgres.start()
            if self.valkey:
                self.valkey.start()
            self.announce()
            sealing.make_all_keys()
            upgrade()
        except BaseException:
            self.stop()
            raise

    def hold(self) -> None:
        """Lock the state folder, once. What leans on the stores may get ready from here on, since their addresses are known."""
        self._lock = self._lock or take(self.state)
        (self.state / "keys").mkdir(exist_ok=True, mode=0o700)

    def announce(self) -> None:
        """Put the stores' addresses where the settings of this process and of its children find them."""
        if self.postgres:
            os.environ["LASTGOOD_DATABASE_URL"] = self.postgres.url(APP, DATABASE)
            os.environ["LASTGOOD_MIGRATION_DATABASE_URL"] = self.postgres.url(OWNER, DATABASE)
        if self.valkey:
            os.environ["LASTGOOD_REDIS_URL"] = self.valkey.url
        settings.cache_clear()
        database.reset()

    def warns(self) -> str:
        """A sentence about a disk that is almost full, said once until there is room again; else ""."""
        sentence = full(self.state) if self.postgres else ""
        is_new, self._is_tight = not self._is_tight, bool(sentence)
        return sentence if is_new else ""

    def revive(self) -> list[str]:
        """Serve again what ended by itself, each tried once a second; the names of what had ended. Nobody waits for it here."""
        if time.monotonic() < self._looked_at + _REVIVE_S:
            return []
        self._looked_at = time.monotonic()
        return [name for name, store in (("PostgreSQL", self.postgres), ("Valkey", self.valkey)) if store and store.revive()]

    def stop(self) -> None:
        """Valkey first: nobody needs to be rung for while PostgreSQL goes."""
        if self.valkey:
            self.valkey.stop()
        if self.postgres:
            self.postgres.stop()
        if self._lock:
            self._lock.close()
            self._lock = None


@contextmanager
def reachable() -> Iterator[None]:
    """The console's database for one command: the configured one, that of a running `lastgood up`, or the embedded one, started for us."""
    if settings().database_url:
        yield
        return
    stores = Stores(settings().state_dir)
    try:
        stores.start(broker=False)
    except Locked:
        _until_served(stores)
        yield
        return
    try:
        yield
    finally:
        stores.stop()


def _until_served(stores: Stores) -> None:
    """Somebody else starts or runs the stores: wait until they answer, then lean on them."""
    stores.announce()
    deadline = time.monotonic() + 10
    while True:
        try:
            with database.transaction() as session:
                database.ping(session)
            return
        except OperationalError as error:
            if time.monotonic() > deadline:
                raise Refused(
                    f"Another process holds {stores.state}, and its PostgreSQL does not answer. See {stores.state / 'postgres.log'}."
                ) from error
            time.sleep(0.1)
