"""The live stream: names of what changed, from one LISTEN connection of this process to every open page.

Nothing is replayed and nothing but names travels: a page fetches what it shows again, with its reader's own rights. A page that
lags, or whose console lost its database for a while, is told "all" and fetches everything. No database session is open while a
stream waits.
"""

import asyncio
import logging
import signal
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import psycopg
from fastapi import FastAPI
from fastapi.sse import EventSourceResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from app.accounts import sign_ins
from app.accounts.policy import Person
from app.core.database import transaction
from app.core.errors import Refused
from app.core.live import CHANNEL
from app.core.settings import settings
from app.core.warmth import settle
from app.web.audience import NAME, Audience, audience

KEEP_ALIVE_S = 15.0  # also how often a stream's own sign-in is checked again
MOST, MOST_OF_ONE = 2000, 20
LAG = 200  # names that wait for one page before it is told "all" instead
REMEMBERED_S = 2.0

log = logging.getLogger("lastgood.live")


class Listener:
    """One open page: the names that wait for it."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.waiting: dict[str, None] = {}  # a set that keeps its order
        self.woken = asyncio.Event()
        self.recheck = False

    def tell(self, name: str) -> None:
        self.waiting[name] = None
        if len(self.waiting) > LAG:
            self.waiting = {"all": None}
        self.woken.set()

    async def take(self, timeout_s: float) -> list[str]:
        """The names that wait; empty when none came in time."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.woken.wait(), timeout_s)
        self.woken.clear()
        names, self.waiting = list(self.waiting), {}
        return names


class Hub:
    """The pages that listen, and the one connection that hears PostgreSQL."""

    def __init__(self) -> None:
        self.listeners: set[Listener] = set()
        self.closing = False
        self.is_listening = False
        self._audiences: dict[str, tuple[float, Audience]] = {}

    async def run(self) -> None:
        """Listen until cancelled; come back by itself when PostgreSQL was away."""
        pause = 0.1
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(**_connection()) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self.is_listening = True
                    self.tell_everybody("all")  # what was announced meanwhile, nobody heard
                    pause = 0.1
                    while True:
                        async for note in connection.notifies(timeout=10):
                            await self.spread(note.payload)
                        await asyncio.wait_for(connection.execute("SELECT 1"), 5)  # a dead peer says nothing by itself
            except (psycopg.Error, OSError, TimeoutError) as error:
                log.warning("the live stream lost PostgreSQL, trying again: %s", str(error).strip().splitlines()[:1])
                self.is_listening = False
                self.tell_everybody("stale")
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)

    def tell_everybody(self, name: str) -> None:
        for listener in self.listeners:
            listener.tell(name)

    async def spread(self, name: str) -> None:
        """Tell a name to those who may hear it."""
        if not NAME.fullmatch(name) or not self.listeners:
            return
        kind, _, number = name.partition("-")
        if kind == "user":
            self._recheck(int(number))
            return
        limited = [listener for listener in self.listeners if not listener.person.reach().everything]
        hears = await self._audience(name) if limited else Audience()
        for listener in self.listeners:
            if hears is None:
                listener.tell("all")  # who may hear it could not be asked: fetching again tells nobody too much
            elif hears.includes(listener.person.reach()):
                listener.tell(name)

    def _recheck(self, user_id: int) -> None:
        for listener in self.listeners:
            if listener.person.id == user_id:
                listener.recheck = True
                listener.woken.set()

    async def _audience(self, name: str) -> Audience | None:
        """Asked once for all pages, and remembered for a moment: a running run is named many times a second."""
        moment = time.monotonic()
        known = self._audiences.get(name)
        if known and known[0] > moment:
            return known[1]
        try:
            found = await run_in_threadpool(_ask_audience, name)
        except SQLAlchemyError:
            return None
        if len(self._audiences) > 1000:
            self._audiences.clear()
        self._audiences[name] = (moment + REMEMBERED_S, found)
        return found

    def admit(self, person: Person) -> None:
        """Refused where this person, or everybody together, holds too many streams."""
        own = sum(listener.person.id == person.id for listener in list(self.listeners))
        if own >= MOST_OF_ONE or len(self.listeners) >= MOST:
            raise Refused("Too many pages are open at once, so this one does not update itself. Close some and reload it.")

    async def events(self, person: Person) -> AsyncIterator[str]:
        """What one page is sent, until its sign-in ends or the console stops."""
        listener = Listener(person)
        self.listeners.add(listener)
        try:
            yield "retry: 1000\n\n"
            checked = time.monotonic()
            while not self.closing:
                names = await listener.take(KEEP_ALIVE_S)
                if listener.recheck or time.monotonic() > checked + KEEP_ALIVE_S:
                    listener.recheck, checked = False, time.monotonic()
                    if not await self._is_still_there(listener):
                        yield "event: signed-out\ndata:\n\n"
                        return
                yield f"data: {' '.join(names)}\n\n" if names else "event: still\ndata:\n\n"
        finally:
            self.listeners.discard(listener)

    async def _is_still_there(self, listener: Listener) -> bool:
        """Whether the sign-in still holds; takes over what its person may do by now. A database that is away answers nothing: wait."""
        try:
            person = await run_in_threadpool(_ask_person, listener.person.session_id or 0)
        except SQLAlchemyError:
            return True
        listener.person = person or listener.person
        return person is not None

    def close(self) -> None:
        """Let every stream end, so that the server can stop at once."""
        self.closing = True
        for listener in self.listeners:
            listener.woken.set()


def open_stream(hub: Hub, person: Person) -> EventSourceResponse:
    """The answer to a page that listens."""
    hub.admit(person)
    return EventSourceResponse(hub.events(person), headers={"X-Accel-Buffering": "no"})


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Listen while the application runs."""
    hub = app.state.hub = Hub()
    listening = asyncio.create_task(hub.run())
    settle()
    with _closing_on_signals(hub):
        yield
    hub.close()
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening


@contextmanager
def _closing_on_signals(hub: Hub) -> Iterator[None]:
    """End the streams before the server's own handler: it would wait for them."""
    if threading.current_thread() is not threading.main_thread():  # tests: signals belong to the main thread
        yield
        return
    loop, before = asyncio.get_running_loop(), {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(number: int, frame: Any) -> None:
        loop.call_soon_threadsafe(hub.close)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number in before:
        signal.signal(number, stop)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def _connection() -> dict[str, Any]:
    return {
        "conninfo": settings().database_url.replace("postgresql+psycopg://", "postgresql://", 1),
        "autocommit": True,
        "connect_timeout": 5,
        "application_name": "lastgood live",
    }


def _ask_audience(name: str) -> Audience:
    with transaction() as session:
        return audience(session, name)


def _ask_person(sign_in_id: int) -> Person | None:
    with transaction() as session:
        return sign_ins.still_there(session, sign_in_id)
