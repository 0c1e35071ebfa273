"""The main job on the demo: from the first page to a verdict with numbers, and back again."""

import re
import time

from tests.journeys.conftest import Demo


def test_a_commander_takes_the_shop_back_and_everybody_sees_it(starts, arrives, notes_down):
    began = time.monotonic()
    console = starts("demo", LASTGOOD_DEMO_BREAKS_AFTER_S="12")
    notes_down("from the command to the first page", began)
    demo = Demo(console)
    ana, ben = arrives(console), arrives(console)
    the_board_turns_from_calm_to_trouble(demo, ana)
    incident = ana_declares(ana)
    demo.signs_in(ben, "ben")
    ben.opens(incident)
    with ben.without_reloading():
        a_note_is_seen_by_both(ana, ben, notes_down)
        ana_previews_the_rollback(ana)
        ana_confirms_and_watches(ana, ben, demo)
        the_verdict_comes_with_its_numbers(ana, ben)
        ana_resolves(ana, ben)
    undo_leads_back_to_the_release_that_was_replaced(ana)


def the_board_turns_from_calm_to_trouble(demo, ana):
    demo.signs_in(ana, "ana")
    ana.sees("No open incidents.")
    assert demo.version == "v1.2.3"
    with ana.without_reloading():
        ana.sees("Shop: Failed log-ins", within=60)
        ana.sees(re.compile("since v1.2.4 went out"))
        ana.sees("before that last good v1.2.3")
    assert demo.version == "v1.2.4"


def ana_declares(ana):
    ana.presses("Declare incident for Shop")
    ana.sees("What changed in the last 24 hours stands first.")
    assert ana.page.get_by_label("Shop").is_checked()
    ana.fills("What fails?", "Log-ins fail for some customers")
    ana.presses("Declare incident")
    path = ana.lands_on(r"/incidents/\d+")
    ana.sees("Shop went from v1.2.3 to v1.2.4", "v1.2.3 is the last good version")
    return path


def a_note_is_seen_by_both(ana, ben, notes_down):
    ana.is_live()
    ana.fills("Add to the timeline", "One in eight log-ins answers **500**")
    ana.presses("Add", exact=True)
    ana.sees_at_once("One in eight log-ins answers 500")
    written = time.monotonic()
    ben.sees_at_once("One in eight log-ins answers 500")
    notes_down("from a note on its writer's page to the page of another", written)


def ana_previews_the_rollback(ana):
    ana.presses("Roll back Shop to v1.2.3")
    ana.lands_on(r"/plans/\d+")
    ana.is_offered("Roll back Shop to v1.2.3")
    page = ana.reads()
    for words in (
        "Nothing changes until you confirm.",
        "Commits taken back 2",
        "Release v1.2.4 Tom Weber",
        "Log-in: one session for all our shops Tom Weber",
        "Counts as recovered when",
        "Failed log-ins under 1 % for 30 s",
        "What it does not bring back",
        "Plan digest",
    ):
        assert words in page, (words, page)
    assert re.search(r"v1\.2\.4 .*v1\.2\.3 ", page)


def ana_confirms_and_watches(ana, ben, demo):
    before = demo.commits()
    ana.presses("Roll back Shop to v1.2.3")
    ana.lands_on(r"/runs/\d+")
    ben.sees_at_once(re.compile("The rollback (is running|starts|is done)"))
    ana.sees("The rollback is done.", within=60)
    ben.sees_at_once(re.compile("Recovering|Verifying"))
    assert demo.version == "v1.2.3"
    assert len(demo.commits()) == len(before) + 1
    assert demo.tree("main") == demo.tree("v1.2.3")
    ana.sees("v1.2.3 answers after")


def the_verdict_comes_with_its_numbers(ana, ben):
    ana.presses("See whether it helped")
    ana.lands_on(r"/verifications/\d+")
    ana.sees("Recovered, if all checks hold until", within=60)
    ana.sees("Shop has recovered", within=90)
    ben.sees_at_once("The proof is there. Resolving it is your word.")
    assert re.search(r"Failed log-ins .* Time to log in .* ms", ana.reads())
    assert ana.page.locator("article svg").count() >= 2


def ana_resolves(ana, ben):
    ana.resolves("INC-1")
    ana.sees("Resolved after")
    ben.sees_at_once("Resolved after")


def undo_leads_back_to_the_release_that_was_replaced(ana):
    ana.presses("Run 1")
    ana.presses("Undo: plan the way back to v1.2.4")
    ana.lands_on(r"/plans/\d+")
    ana.is_offered("Undo")
    assert re.search(r"v1\.2\.3 .*v1\.2\.4 ", ana.reads())
