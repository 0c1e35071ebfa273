"""The end of the whole hour: the report is written, signed and published."""

import re

from tests.journeys.hour import STATUS
from tests.journeys.test_phone import everything_fits


def the_report_is_written_and_signed(ana, ben):
    ana.opens("/incidents/1/report")
    ana.presses("Draft it from the record")
    ana.lands_on(r"/reviews/\d+")
    ana.sees("Log-ins answer 500", "What broke", re.compile("Ana Ruiz"))
    writes(ana, "Root cause", "The new password hash refused accounts from before March.")
    takes_an_action(ana, measure=True)
    takes_an_action(ana, title="Run log-ins of old accounts in staging")
    ana.sees("Run log-ins of old accounts in staging")
    assert ana.page.locator("#actions tbody tr").count() == 2
    ana.presses("Send for review")
    ana.chooses("Ben Okafor")
    ana.presses("Send version")
    ana.sees("Sent. They find it on their board")
    ben.opens("/")
    ben.opens("/reviews/1")
    ben.presses("Sign or send back")
    ben.presses("Sign version")
    ben.lands_on("/reviews/1")
    ben.sees("Signed")
    everything_fits(ben)


def writes(ana, section, text):
    ana.presses(f"Edit {section}")
    ana.fills(section, text)
    ana.presses("Save as version")
    ana.sees(text)


def takes_an_action(ana, *, measure=False, title=""):
    """One of the ready-made measures, or one in words of one's own; both get an owner."""
    if measure:
        ana.unfolds("ready-made")
        ana.presses("Take it")
    else:
        ana.presses("Add one")
        ana.fills("What is to be done", title)
    ana.lands_on(r"/incidents/1/actions/new.*")
    ana.selects("Owner", "Ben Okafor")
    ana.fills("Due", "2030-01-15")
    ana.presses("Add the action item")
    ana.lands_on(r"/reviews/\d+")


def sam_reads_what_was_learnt(ana, sam):
    """What is private is found before it is published: the names of people are taken out first."""
    ana.opens("/reviews/1/public")
    ana.sees(re.compile("may be private"), "name of a person")
    ana.fills("Title", "Why sign-in failed for some of you")
    ana.fills("Text", "A new version refused passwords from before March. We went back to the one before.")
    ana.presses("Check again and show the preview")
    ana.sees("No rule found anything private.")
    ana.presses("Publish", exact=True)
    ana.sees("Published on Oakline status.")
    sam.opens(STATUS)
    sam.reloads_until("Why sign-in failed for some of you")
    sam.presses("Why sign-in failed for some of you")
    sam.sees("We went back to the one before.")
    assert "Ruiz" not in sam.page.content()
