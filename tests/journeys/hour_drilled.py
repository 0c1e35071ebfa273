"""The whole hour once more as a drill: the same pages, and nothing of it outside."""

import re

from playwright.sync_api import expect

from tests.journeys.hour import STATUS
from tests.journeys.hour_acts import rolls_back, sends
from tests.journeys.test_phone import everything_fits


def ana_gives_the_signal_of_a_drill(ana, shop):
    """On a service that is there to practise on; its bad release goes out while nobody outside can see it."""
    ana.opens("/services/rehearsal")
    ana.presses("Start a drill")
    ana.is_offered("Give the signal")
    assert ana.page.locator("input[name=target]:checked + span").inner_text().startswith("Drill")
    shop.set_image("Deployment", "v1.2.4-bad", name="rehearsal")
    ana.presses("Give the signal")
    ana.lands_on("/drills/1")
    ana.sees("Nobody has declared it yet")


def ben_declares_it(ben):
    ben.opens("/drills/1")
    ben.presses("Declare it as a drill")
    expect(ben.page.get_by_label("This is a drill")).to_be_checked()
    ben.fills("What fails?", "Rehearsal answers 500")
    ben.page.locator("input[name=severity][value=critical]").check()
    ben.presses("Declare incident", exact=True)
    ben.lands_on("/incidents/2")
    ben.sees("Drill", re.compile("v1.2.4-bad"), within=30)
    everything_fits(ben)


def the_drill_is_decided_and_rolled_back(ana):
    ana.opens("/incidents/2/decision")
    ana.page.get_by_role("button", name="Yes : Critical functionality is broken").click()  # a word that no figure takes back
    ana.sees("Roll back to v1.2.3", within=30)
    ana.sees(re.compile(r"[123] of 6 appl"))
    ana.page.get_by_role("radio", name="Roll back").check()
    ana.presses("Record the decision")
    ana.sees("Decide anew")
    rolls_back(ana, "Rehearsal")


def the_drill_tells_only_who_practises(ana, post):
    """The copy says what it is; the list that wants no drills gets none."""
    sends(ana, 2, "Update for everyone inside")
    post.brings("drills@example.org", r"^\[DRILL\]", holds="This is a drill.")


def the_drill_ends_with_a_score(ana):
    ana.opens("/incidents/2")
    ana.sees("Rehearsal has recovered.", within=90)
    ana.presses("Resolve INC-2")
    ana.overrules("INC-2", "It was a drill")
    ana.sees("Resolved after")
    ana.opens("/drills/1")
    ana.sees("The drill is over", "Time to declare", "Time to recover")
    assert "not reached" not in ana.reads()


def nothing_of_the_drill_went_out(ana, sam, post, before):
    """Nobody was paged, no customer was written to, the public page knows nothing, and nothing can be put there."""
    told = {whom for whom, mail in post.mails[before:] if not re.search("INC-1", mail["Subject"])}
    assert told == {"drills@example.org"}, told
    sam.opens(STATUS)
    sam.sees("Sign-in fails for some")
    assert not re.search("drill|rehears", sam.page.content(), re.IGNORECASE)
    ana.opens("/incidents/2/status")
    ana.sees("a drill is never shown to the public")
    ana.opens("/incidents/2/notices")
    ana.sees_no(re.compile("for the public|for the customers"))
