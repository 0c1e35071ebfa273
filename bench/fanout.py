"""A note to all of 500 open pages: from the POST until each page's stream has its name.

    uv run python -m bench.fanout [PAGES] [NOTES]

The pages are raw connections to /live, as 50 people with ten tabs each hold them. Bounded and on loopback.
"""

import asyncio
import sys
import time
import uuid

import httpx

from app.incidents import actions as incidents
from bench import scene

TABS = 10


class Tab:
    """One page's stream: remembers when it was told a name."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()
        self.at = 0.0

    async def open(self, port: int, cookie: str) -> "asyncio.Task[None]":
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        self.writer = writer  # the connection ends with its last reference
        writer.write(f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/event-stream\r\nCookie: {cookie}\r\n\r\n".encode())
        await writer.drain()
        status = await reader.readline()
        assert b" 200 " in status, status
        return asyncio.create_task(self.listen(reader))

    async def listen(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            if line.startswith(b"data: ") and b"timeline-" in line and not self.heard.is_set():
                self.at = time.perf_counter()
                self.heard.set()


async def measure(console_url: str, port: int, cookies: list[str], token: str, incident_id: int, notes: int) -> list[float]:
    tabs = [Tab() for _ in range(len(cookies) * TABS)]
    tasks = [await tab.open(port, cookies[number // TABS]) for number, tab in enumerate(tabs)]
    await asyncio.sleep(1)  # the first "all" of each stream
    values = []
    async with httpx.AsyncClient(base_url=console_url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as api:
        for number in range(notes):
            for tab in tabs:
                tab.heard.clear()
            began = time.perf_counter()
            headers = {"Idempotency-Key": uuid.uuid4().hex}
            sent = api.post(f"/api/v1/incidents/{incident_id}/timeline", json={"body": f"Note {number}"}, headers=headers)
            answer, *_ = await asyncio.wait_for(asyncio.gather(sent, *(tab.heard.wait() for tab in tabs)), 30)
            answer.raise_for_status()
            values += [1000 * (tab.at - began) for tab in tabs]
    for task in tasks:
        task.cancel()
    return values


def main(pages: int, notes: int) -> None:
    with scene.console() as console:
        with scene.transaction() as session:
            ana, token = scene.make_commander(session)
            people = [scene.make_commander(session, f"p{number}@example.org")[0] for number in range(pages // TABS)]
            cookies = ["; ".join(f"{k}={v}" for k, v in scene.make_browser(session, person).items()) for person in people]
            incident_id = incidents.declare(session, title="Log-in fails", form_nonce="fanout", by=ana).id
        values = asyncio.run(measure(console.url, console.port, cookies, token, incident_id, notes))
    print("| what | median | p95 | deliveries |\n|---|---|---|---|")
    print(scene.row(f"a note to all of {pages} open pages", values))


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    main(*(arguments + [500, 20][len(arguments) :]))
