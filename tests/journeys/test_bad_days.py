"""What may die while a commander works: the runner, the doorbell, the database, the web process, the supervisor itself."""

import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests.journeys.conftest import Demo
from tests.running import Running, get, until

DEAD_SERVER = ("net::ERR_", "status of 503")


@pytest.fixture
def trouble(starts):
    """A demo whose shop is broken, known by its page, with short leases: a dead runner is noticed within two seconds."""
    demo = Demo(starts("demo", LASTGOOD_DEMO_BREAKS_AFTER_S="0", LASTGOOD_LEASE_S="2", LASTGOOD_SETTLE_MARGIN_S="0.5"))
    until(lambda: demo.version == "v1.2.4", what="v1.2.4")
    return demo


def processes_with(*words: str) -> list[int]:
    """Processes whose command line holds each of the words."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if all(word in command for word in words):
            found.append(int(folder.name))
    return found


def kill(*pids: int) -> None:
    assert pids, "there is nothing to kill"
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def postmaster(console: Running) -> int:
    return int((console.home / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def valkey(console: Running) -> int:
    return int((console.home / "valkey" / "pid").read_text())


def is_answered(console: Running) -> bool:
    return get(f"{console.url}/readyz")[0] == 200


def preview(person) -> str:
    """From the service's page to the plan of the rollback, ready to be confirmed."""
    person.opens("/services/shop")
    person.presses("Roll back to v1.2.3")
    person.lands_on(r"/plans/\d+")
    person.is_offered("Roll back Shop to v1.2.3")
    return person.at


def test_a_runner_that_is_killed_half_way_is_followed_by_another_and_nothing_happens_twice(trouble, arrives):
    ana = arrives(trouble)
    trouble.signs_in(ana, "ana")
    before = trouble.commits()
    keeper = processes_with("keeper.py", str(trouble.console.home))
    for pid in keeper:
        os.kill(pid, signal.SIGSTOP)  # the shop does not restart: the deploy hangs in its middle
    try:
        preview(ana)
        ana.presses("Roll back Shop to v1.2.3")
        ana.lands_on(r"/runs/\d+")
        with ana.without_reloading():
            ana.sees("switched, the shop restarts")
            kill(*trouble.console.pids("runner --queue run"))
            ana.sees("The rollback is running")
            ana.sees_no("The rollback is done.")
            for pid in keeper:
                os.kill(pid, signal.SIGCONT)
            ana.sees("The rollback is done.", within=60)
    finally:
        for pid in keeper:
            os.kill(pid, signal.SIGCONT)
    assert trouble.version == "v1.2.3"
    assert len(trouble.commits()) == len(before) + 1
    trouble.console.said("runner-run ended with code -9; started again")


def test_a_dead_doorbell_holds_no_run_up_for_more_than_five_seconds(trouble, arrives, notes_down):
    ana = arrives(trouble)
    trouble.signs_in(ana, "ana")
    preview(ana)
    kill(valkey(trouble.console))
    began = time.monotonic()
    ana.presses("Roll back Shop to v1.2.3")
    ana.lands_on(r"/runs/\d+")
    ana.sees(re.compile("The rollback is (running|done)"), within=5)
    notes_down("from the confirmation to a run that runs, with Valkey killed", began)
    ana.sees("The rollback is done.", within=60)
    trouble.console.said("Valkey ended by itself; started again")


def test_two_people_who_confirm_at_once_start_one_run(trouble, arrives):
    ana, ben = arrives(trouble), arrives(trouble)
    trouble.signs_in(ana, "ana")
    trouble.signs_in(ben, "ben")
    plan = preview(ana)
    with ben.page.expect_response("**/live"):
        ben.opens(plan)
    before = trouble.commits()
    for person in (ana, ben):
        person.is_offered("Roll back Shop to v1.2.3")
    ana.page.evaluate(SEND)
    ben.page.evaluate(SEND)
    assert ana.lands_on(r"/runs/\d+") == ben.lands_on(r"/runs/\d+")
    both = [person.page.locator("#flash").inner_text() for person in (ana, ben)]
    assert sum(bool(text.strip()) for text in both) == 1, both
    ben.sees("The rollback is done.", within=60)
    assert len(trouble.commits()) == len(before) + 1


def test_the_same_form_sent_twice_starts_one_run(trouble, arrives):
    ana = arrives(trouble)
    trouble.signs_in(ana, "ana")
    preview(ana)
    answers = ana.page.evaluate(SEND_TWICE)
    assert answers[0] == answers[1]
    assert "/runs/" in answers[0]
    ana.opens("/runs")
    assert ana.page.locator("main tbody tr").count() == 1


def test_databases_and_servers_come_back_and_the_page_catches_up(trouble, arrives):
    ana, ben = arrives(trouble), arrives(trouble)
    trouble.signs_in(ana, "ana")
    trouble.signs_in(ben, "ben")
    ana.opens("/incidents/new")
    ana.fills("What fails?", "Log-ins fail")
    ana.chooses("Shop")
    ana.presses("Declare incident")
    ben.opens(ana.lands_on(r"/incidents/\d+"))
    with ana.forgiving(*DEAD_SERVER), ben.forgiving(*DEAD_SERVER), ben.without_reloading():
        kill(postmaster(trouble.console))
        ben.sees("The console's database is away.")
        trouble.console.said("PostgreSQL ended by itself; started again")
        until(lambda: is_answered(trouble.console), seconds=30, what="the console")
        ben.is_live()
        ana.reloads()
        ana.fills("Add to the timeline", "The database is back")
        ana.presses("Add", exact=True)
        ben.sees("The database is back")

        kill(*trouble.console.pids("app.cli.main web"))
        ben.sees("The connection to this console is lost.")
        trouble.console.said("web ended with code -9; started again")
        until(lambda: is_answered(trouble.console), seconds=30, what="the console")
        ana.reloads()
        ana.fills("Add to the timeline", "Written while the other page reconnects")
        ana.presses("Add", exact=True)
        ben.sees("Written while the other page reconnects")
        ben.is_live()
    preview(ana)
    ana.presses("Roll back Shop to v1.2.3")
    ana.sees("The rollback is done.", within=60)


def test_a_killed_supervisor_leaves_nothing_that_hinders_the_next_start(starts, arrives):
    console = starts("up")
    ida = arrives(console)
    ida.opens(console.said("/setup/").split()[-1])
    ida.fills("Your name", "Ida Berg")
    ida.fills("E-mail address", "ida@example.org")
    ida.fills("Password", PASSWORD)
    ida.fills("The same password again", PASSWORD)
    ida.presses("Make the account")
    ida.sees("Command board")
    ida.opens("about:blank")

    assert f"Port {console.port} on 127.0.0.1 is in use by another program." in console.cli("up").stderr
    elsewhere = Running(["up"], console.state)
    elsewhere.process.wait(30)
    assert "already uses the state folder" in until(elsewhere.terminal, what="a sentence")

    kill(console.process.pid)
    console.process.wait()
    again = Running(["up"], console.state)
    try:
        again.ready()
        ida.url = again.url
        ida.opens("/me")  # her sign-in has survived: cookies know no port
        ida.sees("ida@example.org")
        again.said("Lastgood runs at")
        with ida.forgiving(*DEAD_SERVER):
            assert again.stop() < 5
        assert again.process.returncode == 0
        assert again.pids("") == []
    finally:
        ida.opens("about:blank")
        again.stop()


PASSWORD = "a horse, a battery and a staple"
SEND = "document.querySelector('form[action$=\"/run\"]').submit()"
SEND_TWICE = """async () => {
  const form = document.querySelector('form[action$="/run"]');
  const send = () => fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  const answers = await Promise.all([send(), send()]);
  return answers.map((answer) => answer.url);
}"""
