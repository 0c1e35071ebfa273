"""Axe on what the main job does not pass through: the doors of an empty console, refusals, secrets shown once, a full board.

One console for the whole file: its tests go on from each other, as one administrator's first half hour does.
"""

import re

import pytest

from tests.journeys.conftest import mistakes_of
from tests.journeys.people import Visitor
from tests.journeys.test_accessibility import looks_at
from tests.journeys.test_phone import PHONE
from tests.running import running

PASSWORD = "a horse, a battery and a staple"
LONG = "Checkout is very slow for customers in Scandinavia, and https://pay.example.org/callback/v2/orders/9f2c41d07ab3e558 times out"
UNBROKEN = "Supercalifragilisticexpialidocious_and_not_a_single_space_anywhere_in_this_title_of_an_incident"


@pytest.fixture(scope="module")
def console(chromium):
    with running("up") as started:
        yield started.ready()
        assert mistakes_of(started) == []


@pytest.fixture(scope="module")
def ida(console, chromium):
    """The first administrator, at the set-up link."""
    visitor = Visitor(chromium, console.url)
    visitor.opens(console.said("/setup/").split()[-1])
    yield visitor
    visitor.context.close()
    assert visitor.complaints == []


def test_the_set_up_page_has_no_barrier_before_and_after_a_mistake(ida):
    looks_at(ida, [ida.page.url])
    ida.fills("Your name", "Ida Berg")
    ida.fills("E-mail address", "ida@example.org")
    ida.fills("Password", "short")
    ida.fills("The same password again", PASSWORD)
    with ida.forgiving("status of 422"):
        ida.presses("Make the account")
        ida.sees(re.compile("At least 12|12 characters"))
        looks_at(ida, [""])
    ida.fills("Password", PASSWORD)
    ida.fills("The same password again", PASSWORD)
    ida.presses("Make the account")
    ida.sees("This console watches nothing yet.")


def test_an_empty_console_has_no_barrier(ida):
    looks_at(ida, ["/", "/incidents", "/services", "/runs", "/clusters"])


def test_links_and_tokens_that_are_shown_once_have_no_barrier_nor_has_the_page_they_lead_to(ida, console, chromium):
    ida.opens("/people")
    ida.fills("Name", "Ben Okafor")
    ida.fills("E-mail address", "ben@example.org")
    ida.selects("Role", "Responder, recovers services")
    ida.presses("Make a link for them")
    ida.sees("Send this link to Ben Okafor")
    looks_at(ida, [""])
    link = ida.page.locator("main code").first.inner_text()

    ben = Visitor(chromium, console.url)
    ben.opens(link)
    looks_at(ben, [link])
    ben.fills("Password", PASSWORD)
    ben.fills("The same password again", PASSWORD)
    ben.presses("Set the password and sign in")
    ben.sees("Command board")
    with ben.forgiving("status of 404"):
        ben.opens(link)  # it worked once
        looks_at(ben, [""])
    ben.opens("/me")
    ben.unfolds("Make a token")
    looks_at(ben, [""])
    ben.fills("What uses it", "deploy pipeline")
    ben.page.locator("[name=scopes]").first.check()
    ben.presses("Make the token")
    ben.sees("The token for deploy pipeline")
    looks_at(ben, [""])
    ben.presses("It is copied")
    ben.sees("deploy pipeline")
    looks_at(ben, [""])
    ben.context.close()
    assert ben.complaints == []


def test_a_refused_sign_in_has_no_barrier(console, chromium):
    stranger = Visitor(chromium, console.url, **PHONE)
    stranger.opens("/sign-in")
    stranger.fills("E-mail address", "ida@example.org")
    stranger.fills("Password", "a guess")
    with stranger.forgiving("status of 422"):
        stranger.presses("Sign in")
        stranger.sees("do not belong together")
        looks_at(stranger, [""])
    stranger.context.close()
    assert stranger.complaints == []


def test_a_full_board_of_long_titles_has_no_barrier_and_nothing_sticks_out_on_a_phone(ida, console, chromium):
    ida.opens("/services/new")
    ida.fills("Name", "Payments and everything that belongs to them in Scandinavia")
    ida.presses("Add service")
    for title, severity in ((LONG, "critical"), (UNBROKEN, "low"), ("Search is old", "medium")):
        ida.opens("/incidents/new")
        ida.fills("What fails?", title)
        ida.page.locator(f"[name=severity][value={severity}]").check()
        ida.page.locator("[name=service]").first.check()
        ida.presses("Declare incident")
        ida.lands_on(r"/incidents/\d+")
    full = ["/", "/incidents/2", "/services"]
    looks_at(ida, [*full, "/incidents"])
    phone = Visitor(chromium, console.url, **PHONE)
    phone.signs_in("ida@example.org", PASSWORD)
    for path in (*full, "/incidents", "/incidents/1", "/incidents/1/roles", "/incidents/1/state", "/incidents/1/timeline"):
        phone.opens(path)
        assert phone.page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"], path
    looks_at(phone, full)
    phone.context.close()
    assert phone.complaints == []
