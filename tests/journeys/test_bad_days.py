"""What may die while a commander works: the runner, the doorbell, the database, the web process."""

import os
import re
import signal
import time

from tests.journeys.trouble import DEAD_SERVER, is_answered, kill, postmaster, preview, processes_with, valkey
from tests.running import until


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
