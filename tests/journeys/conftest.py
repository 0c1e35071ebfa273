"""Whole stories: a console in processes of its own, and people at real browsers in front of it."""

import json
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.journeys.people import Visitor
from tests.running import Running, get, running, until


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture
def notes_down(record_property):
    """`notes_down(what, since)`: how long it took, told at the end of the run; a slow machine fails nothing by it."""
    return lambda what, since: record_property(what, f"{time.monotonic() - since:.2f} s")


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.getreports("passed"):
        for what, seconds in report.user_properties:
            terminalreporter.write_line(f"{seconds:>8}  {what}")


@pytest.fixture
def starts(chromium):
    """`starts("up")`: a console on an empty state folder, its first page there. Ask for it before `arrives`: browsers leave first."""
    started = []
    with ExitStack() as consoles:

        def run(*command, **env):
            started.append(consoles.enter_context(running(*command, **env)).ready())
            return started[-1]

        yield run
        mistakes = [line for console in started for line in mistakes_of(console)]
    assert mistakes == []


def mistakes_of(console):
    """What web and runners call a mistake of ours: the first traceback of each log, with the line that it belongs to."""
    logs = {path.name: path.read_text(errors="replace") for path in (console.home / "logs").glob("*.log")}
    return [f"{name}: {told[max(told.index('Traceback') - 300, 0) :][:9000]}" for name, told in logs.items() if "Traceback" in told]


@pytest.fixture
def arrives(chromium):
    """`arrives(console)`: somebody opens a browser. What any browser complained of fails the test, at its end."""
    visitors = []

    def run(console, **dress):
        visitors.append(Visitor(chromium, console.url, **dress))
        return visitors[-1]

    yield run
    for visitor in visitors:
        visitor.context.close()
    assert [text for visitor in visitors for text in visitor.complaints] == []


class Demo:
    """`lastgood demo`, started from nothing, and its production."""

    def __init__(self, console: Running) -> None:
        console.said("see whether it recovers")
        self.console, self.url = console, console.url
        self.shop_url = console.said("the demo shop").split()[-1]
        lines = [line.split() for line in console.lines if "@shop.example" in line]
        self.passwords = {email: password for email, password, *_ in lines}
        self.repository = console.home / "production" / "shop.git"

    def signs_in(self, visitor: Visitor, name: str) -> None:
        """As one of the demo's people: "ana" commands, "ben" responds, "dana" administers."""
        email = f"{name}@shop.example"
        visitor.signs_in(email, self.passwords[email])

    @property
    def version(self) -> str:
        """What the shop itself says that it runs."""
        status, body = get(f"{self.shop_url}/version")
        return json.loads(body)["version"] if status == 200 else ""

    def commits(self) -> list[str]:
        """Subjects on the branch, the newest first."""
        command = ["git", "-C", str(self.repository), "log", "--format=%s", "main"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()

    def tree(self, revision: str) -> str:
        command = ["git", "-C", str(self.repository), "rev-parse", f"{revision}^{{tree}}"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def demo(starts):
    """The demo of this test's own; its release that breaks the shop goes out as soon as there is a baseline."""
    return Demo(starts("demo", LASTGOOD_DEMO_BREAKS_AFTER_S="10"))


@pytest.fixture
def trouble(starts):
    """A demo whose shop is broken, known by its page, with short leases: a dead runner is noticed within two seconds."""
    demo = Demo(starts("demo", LASTGOOD_DEMO_BREAKS_AFTER_S="0", LASTGOOD_LEASE_S="2", LASTGOOD_SETTLE_MARGIN_S="0.5"))
    until(lambda: demo.version == "v1.2.4", what="v1.2.4")
    return demo
