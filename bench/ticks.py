"""Fifty people tick for a minute through HTTP: how many audited ticks a second, how long each takes, and whether one is lost.

    uv run python -m bench.ticks [SECONDS] [PEOPLE]

Each person is a browser's connection of its own with a sign-in of its own, ticks and takes back an item of theirs every 0.4 s, and
goes for one that all share every tenth time, where most are told who was faster. Bounded and on loopback. At the end the answers, the
marks, the audit log and its chain, and the state of every item are compared: they tell one story or the benchmark fails.
"""

import asyncio
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy import func, select

from app.accounts import sign_ins
from app.audit import queries as audit
from app.audit.models import AuditEntry
from app.checklists import actions, queries, templates
from app.checklists.models import Item, Mark
from app.incidents import actions as incidents
from app.web import cookies
from bench import scene

EVERY_S = 0.4  # 125 ticks a second of fifty people
OPPOSITE = {"open": "ticked", "ticked": "open"}
VERBS = {"open": "untick", "ticked": "tick"}


@dataclass
class Ticker:
    """One person: their connection, what they saw last of their own item, and what they were answered."""

    cookie: str
    csrf: str
    own: int
    shared: int
    seen: dict[int, str] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)
    answers: dict[int, int] = field(default_factory=dict)

    async def open(self, port: int) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        self.host = f"127.0.0.1:{port}"

    async def tick(self, until: float, began: float) -> None:
        turn = 0
        while time.perf_counter() < until:
            await asyncio.sleep(max(0.0, began + turn * EVERY_S - time.perf_counter()))
            await self.once(self.shared if turn % 10 == 9 else self.own)
            turn = max(turn + 1, int((time.perf_counter() - began) / EVERY_S))  # what was missed is not made up for

    async def once(self, item: int) -> None:
        was = self.seen.get(item, "open")
        wanted = OPPOSITE[was]
        body = urlencode({"csrf_token": self.csrf, "seen": was, "place": "checklists"}).encode()
        head = (
            f"POST /checklist-items/{item}/{VERBS[wanted]} HTTP/1.1\r\nHost: {self.host}\r\nOrigin: http://{self.host}\r\n"
            f"HX-Request: true\r\nCookie: {self.cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        sent = time.perf_counter()
        self.writer.write(head.encode() + body)
        status, text = await self.answer()
        self.took.append(1000 * (time.perf_counter() - sent))
        self.answers[status] = self.answers.get(status, 0) + 1
        self.seen[item] = "ticked" if 'data-state="ticked"' in text else "open"

    async def answer(self) -> tuple[int, str]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        return int(head.split(" ")[1]), (await self.reader.readexactly(length)).decode()


async def measure(port: int, tickers: list[Ticker], seconds: float) -> float:
    for ticker in tickers:
        await ticker.open(port)
    began = time.perf_counter()
    # each begins at a moment of its own within the first turn, as people do
    starts = [began + EVERY_S * number / len(tickers) for number in range(len(tickers))]
    await asyncio.gather(*(ticker.tick(began + seconds, start) for ticker, start in zip(tickers, starts, strict=True)))
    return time.perf_counter() - began


def prepare(people: int) -> list[Ticker]:
    with scene.transaction() as session:
        ana, _ = scene.make_commander(session)
        incident = incidents.declare(session, title="Log-in fails", form_nonce="ticks", by=ana)
        items: list[int] = []
        while len(items) <= people:
            lines = [templates.Line(f"Item {len(items) + number}") for number in range(40)]
            template = templates.make(session, templates.Draft(f"Bench {len(items)}", lines), phase="during", by=ana)
            made = actions.begin(session, template, incident=incident, form_nonce=f"bench-{len(items)}", by=ana)
            items += session.scalars(select(Item.id).where(Item.checklist_id == made.id).order_by(Item.position))
    return [join(number, own=items[number], shared=items[-1]) for number in range(people)]


def join(number: int, *, own: int, shared: int) -> Ticker:
    with scene.transaction() as session:  # each of their own: a password takes its time, and the audit log's head is held meanwhile
        person, _ = scene.make_commander(session, f"p{number}@example.org")
        token = scene.make_browser(session, person)[cookies.SESSION]
        visitor = sign_ins.visitor(session, token)
        assert visitor is not None
        return Ticker(f"{cookies.SESSION}={token}", visitor.csrf_token, own=own, shared=shared)


def spent(root: int, state: str) -> dict[str, float]:
    """CPU seconds of the console's processes so far, by what they are: what a tick costs does not depend on who else uses the machine."""
    tree, found = {root}, {"web": 0.0, "PostgreSQL": 0.0, "others": 0.0}
    stats = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            stats[int(path.parent.name)] = path.read_text().rpartition(")")[2].split(), (path.parent / "cmdline").read_bytes()
    tree |= {pid for pid, (_, command) in stats.items() if state.encode() in command}  # PostgreSQL is no child of ours
    for _ in range(10):
        tree |= {pid for pid, (fields, _) in stats.items() if int(fields[1]) in tree}
    for pid in tree & set(stats):
        fields, command = stats[pid]
        name = "PostgreSQL" if b"postgres" in command else "web" if b"\0web" in command or b"uvicorn" in command else "others"
        found[name] += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def lost(tickers: list[Ticker]) -> list[str]:
    """Where the answers, the rows and the audit log do not tell the same."""
    with scene.transaction() as session:
        done = sum(ticker.answers.get(200, 0) for ticker in tickers)
        marks = session.scalar(select(func.count()).select_from(Mark))
        wanted = AuditEntry.action.in_(["checklist.tick", "checklist.untick"])
        entries = session.scalar(select(func.count()).select_from(AuditEntry).where(wanted))
        stories = {item.id: [mark.state for mark in queries.history(session, item, limit=1)] for item in session.scalars(select(Item))}
        wrong = [one.id for one in session.scalars(select(Item)) if stories[one.id] and stories[one.id][0] != one.state]
        seen = [ticker.own for ticker in tickers if ticker.seen.get(ticker.own) != session.get_one(Item, ticker.own).state]
        others = sum(count for ticker in tickers for status, count in ticker.answers.items() if status not in (200, 409))
        found = [] if done == marks == entries else [f"{done} ticks were answered, {marks} are marked, {entries} are audited"]
        found += [f"items {wrong} are not as their last mark says"] if wrong else []
        found += [f"items {seen} are not as their owner was told"] if seen else []
        found += [f"{others} answers were neither done nor told who was faster"] if others else []
        return found + list(filter(None, [audit.verify(session)]))


def main(seconds: float, people: int) -> None:
    with scene.console() as console:
        tickers = prepare(people)
        root = console.process.pid, str(console.state)
        before = spent(*root)
        own = time.process_time()
        took = asyncio.run(measure(console.port, tickers, seconds))
        cost = {name: value - before[name] for name, value in spent(*root).items()} | {"bench": time.process_time() - own}
        problems = lost(tickers)
    done, told = (sum(ticker.answers.get(status, 0) for ticker in tickers) for status in (200, 409))
    times = [value for ticker in tickers for value in ticker.took]
    print("| what | median | p95 | requests |\n|---|---|---|---|")
    print(scene.row(f"a tick of one of {people} people", times))
    print(f"\n{done / took:.0f} audited ticks/s for {took:.0f} s; {told} were told that somebody was faster; lost: {problems or 'none'}.")
    print("CPU a request: " + ", ".join(f"{name} {1000 * value / len(times):.1f} ms" for name, value in cost.items()) + ".")
    if problems:
        sys.exit(1)


if __name__ == "__main__":
    arguments = [float(argument) for argument in sys.argv[1:]]
    seconds_, people_ = arguments + [60, 50][len(arguments) :]
    main(seconds_, int(people_))
