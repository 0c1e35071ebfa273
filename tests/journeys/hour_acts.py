"""What several stations of the whole hour do: send a notice in time, publish, roll back."""

import re

from tests.journeys.hour import HOLDS_S


def sends(visitor, incident, what, **answers):
    """Open the draft that waits, in time for what was promised, answer what only people know, and send it."""
    visitor.opens(f"/incidents/{incident}/notices")
    if "Resolution" not in what:
        is_promised(visitor)
    visitor.page.locator("section[aria-labelledby=waiting]").get_by_role("link", name=what).click()
    visitor.lands_on(r"/notices/\d+")
    for label, text in answers.items():
        visitor.fills(label.capitalize(), text)
    visitor.presses("Send to")
    visitor.sees(re.compile(r"Sent: \d+ cop"))


def is_promised(visitor):
    """The header counts down to the next update, five minutes after the last one, and is not late."""
    timer = visitor.page.locator("[data-due]").first
    left = float(timer.get_attribute("data-left"))
    assert 0 < left <= 300, left
    assert timer.get_attribute("data-mood") != "late"
    return left


def publishes(ana, text, *, title="", state="", felt=""):
    ana.opens("/incidents/1/status")
    if title:
        ana.fills("What is wrong, in your customers' words", title)
    if state:
        ana.page.get_by_role("radio", name=state).check()
    if felt:
        ana.selects("Sign-in", felt)
    ana.fills("What your customers should know", text)
    ana.presses("Preview as public")
    ana.sees("Nothing is published yet.", text)
    ana.presses("Publish now")
    ana.sees(re.compile("^Published:"))


def rolls_back(ana, name):
    """From the decision over the preview to the end of the run."""
    ana.presses(f"Preview the rollback of {name} to v1.2.3")
    ana.lands_on(r"/plans/\d+")
    ana.is_offered(f"Roll back {name} to v1.2.3")
    ana.unfolds("Change it for this run")
    ana.fills("Holds for", f"{HOLDS_S} s")
    ana.presses(f"Roll back {name} to v1.2.3")
    ana.lands_on(r"/runs/\d+")
    with ana.without_reloading():
        ana.sees("3 of 3 pods serve v1.2.3", within=60)
        ana.sees("The rollback is done.")
