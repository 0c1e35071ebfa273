"""A supervisor that was killed, and the next one."""

from tests.journeys.trouble import DEAD_SERVER, kill
from tests.running import Running, until

PASSWORD = "a horse, a battery and a staple"


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
