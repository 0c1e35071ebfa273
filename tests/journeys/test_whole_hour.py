"""The commander's whole hour, with three people in front of a real cluster, a real Prometheus and a real mail server; and as a drill."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.journeys import hour
from tests.journeys.hour import STATUS, TEAM, inside, link_in
from tests.journeys.hour_acts import is_promised, publishes, rolls_back, sends
from tests.journeys.hour_drilled import (
    ana_gives_the_signal_of_a_drill,
    ben_declares_it,
    nothing_of_the_drill_went_out,
    the_drill_ends_with_a_score,
    the_drill_is_decided_and_rolled_back,
    the_drill_tells_only_who_practises,
)
from tests.journeys.hour_learnt import sam_reads_what_was_learnt, the_report_is_written_and_signed
from tests.journeys.test_phone import PHONE, everything_fits
from tests.lab.kubernetes.conftest import HOW, KUBECONFIG
from tests.lab.kubernetes.conftest import shop as shop
from tests.receivers import mailbox as mailbox
from tests.running import until

PROMETHEUS, APPS = (os.environ.get(f"LASTGOOD_TEST_{name}_URL", "") for name in ("PROMETHEUS", "APPS"))
pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not (os.environ.get(KUBECONFIG) and PROMETHEUS and APPS), reason=HOW.replace(" kubernetes", "")),
    pytest.mark.filterwarnings("ignore:Unverified HTTPS"),
]
TICKED_BY_PEOPLE = ("Communication prepared", "Services restarted", "Critical features working", "No data corruption")
TICKED_BY_EVIDENCE = (
    "Severity confirmed",
    "Rollback decision made",
    "Team notified",
    "Rollback plan ready",
    "Application rolled back",
    "Updates communicated",
    "Health checks passing",
    "Error rate normalised",
    "Performance acceptable",
)


@pytest.fixture(scope="session")
def kubeconfig():
    return Path(os.environ[KUBECONFIG]).read_text()


@pytest.fixture
def console(shop, kubeconfig, mailbox, starts):
    """Log-in and its double for practice run v1.2.3 on the cluster, known as good."""
    shop.create("Deployment")
    shop.create("Deployment", name="rehearsal")
    console = starts("up", LASTGOOD_OBSERVE_EVERY_S="1")
    place = hour.Place(kubeconfig, shop.namespace, PROMETHEUS, APPS)
    with inside(console) as session:
        hour.an_administrator_prepares(session, place, mailbox.port)
    for slug in ("log-in", "rehearsal"):
        until(lambda slug=slug: is_good(console, slug), every_s=0.3, what=f"v1.2.3 of {slug}")
    return console


def is_good(console, slug):
    with inside(console) as session:
        return hour.what_runs_is_good(session, slug)


@pytest.fixture
def post(mailbox):
    return hour.Post(mailbox)


@pytest.fixture
def ana(console, arrives):
    """The commander, at a desk."""
    visitor = arrives(console)
    hour.signs_in(visitor, "Ana Ruiz")
    return visitor


@pytest.fixture
def ben(console, arrives):
    """Who is on call, with a phone."""
    return arrives(console, **PHONE)


@pytest.fixture
def sam(console, arrives):
    """Somebody who cannot sign in to the shop and looks at its status page."""
    visitor = arrives(console)
    visitor.opens(STATUS)
    return visitor


def test_the_commanders_whole_hour_and_once_more_as_a_drill(shop, ana, ben, sam, post):
    sam_wants_to_know(sam, post)
    a_bad_release_goes_out(ana, shop)
    ana_declares(ana)
    ben_is_paged_and_takes_it(ben, post)
    ana_sends_the_alert(ana, post)
    the_public_is_told(ana, sam, post)
    ben_assesses(ben)
    ana_decides_on_the_numbers(ana)
    an_update_by_phone(ben, post, "We go back to the release before")
    ana_rolls_back(ana, shop)
    log_in_recovers(ana)
    an_update_carries_the_verdict(ana, post)
    ben_ticks_what_people_tick(ben)
    what_is_bound_ticked_itself(ana)
    an_update_by_phone(ben, post, "Nothing more: we watch it for a while")
    no_update_was_late(post)
    ana_resolves(ana, post)
    the_public_hears_the_end(ana, sam)
    the_report_is_written_and_signed(ana, ben)
    sam_reads_what_was_learnt(ana, sam)

    mails = len(post.mails)
    ana_gives_the_signal_of_a_drill(ana, shop)
    ben_declares_it(ben)
    the_drill_is_decided_and_rolled_back(ana)
    the_drill_tells_only_who_practises(ana, post)
    the_drill_ends_with_a_score(ana)
    nothing_of_the_drill_went_out(ana, sam, post, mails)


def sam_wants_to_know(sam, post):
    """Double opt-in: nothing is sent to an address before its owner said yes."""
    sam.sees("Sign-in", "Working")
    sam.fills("Updates by e-mail", hour.CUSTOMER)
    sam.presses("Subscribe")
    sam.sees("Look into your mailbox")
    sam.opens(link_in(post.brings(hour.CUSTOMER, "Confirm your subscription"), holds="/confirm/"))
    sam.presses("Yes, tell me")
    sam.sees("You will be told")


def a_bad_release_goes_out(ana, shop):
    ana.opens("/services/log-in")
    ana.sees("All 4 hold", within=30)
    ana.opens("/")
    with ana.without_reloading():
        shop.set_image("Deployment", "v1.2.4-bad")
        ana.sees("Log-in: Error rate", re.compile("since v1.2.4-bad went out"), within=60)


def ana_declares(ana):
    ana.presses("Declare incident for")
    ana.fills("What fails?", "Log-ins answer 500")
    ana.page.locator("input[name=severity][value=critical]").check()
    ana.chooses("High error rate")
    ana.presses("Declare incident", exact=True)
    ana.lands_on(r"/incidents/\d+")


def ben_is_paged_and_takes_it(ben, post):
    """One tap on the link in the mail, without a sign-in; then he signs in."""
    ben.opens(link_in(post.brings("ben@example.org", "INC-1 critical"), holds="/answer/"))
    ben.presses("I take it, Ben Okafor")
    ben.sees("You are on it, Ben Okafor")
    everything_fits(ben)
    hour.signs_in(ben, "Ben Okafor")
    ben.opens("/incidents/1")
    ben.sees("Ben Okafor answered")
    everything_fits(ben)


def ana_sends_the_alert(ana, post):
    ana.sees("Ben Okafor answered")
    sends(ana, 1, "Incident alert for everyone inside", impact="Every eighth log-in fails", action="We look at the release of today")
    text = post.brings(TEAM, "Log-ins answer 500", holds="Impact: Every eighth log-in fails")
    for words in ("Severity: critical", "Action: We look at the release of today", "Next update: by", "Commander: Ana Ruiz"):
        assert words in text, (words, text)
    assert is_promised(ana) > 240


def the_public_is_told(ana, sam, post):
    """Written, looked at as the public will, published; a subscriber gets it by mail."""
    publishes(ana, "Log-ins fail now and then. We are looking for the cause.", title="Sign-in fails for some", felt="Partial outage")
    sam.opens(STATUS)
    sam.reloads_until("We are looking for the cause.")
    sam.sees("Sign-in fails for some", "Partial outage", re.compile("Yes, we look for the cause"))
    assert "v1.2.4" not in sam.page.content()
    assert "Log-ins answer 500" not in sam.page.content()
    post.brings(hour.CUSTOMER, "Sign-in fails for some", holds="We are looking for the cause.")


def ben_assesses(ben):
    """The share of users and the severity, on the phone; what is bound to them ticks itself."""
    ben.opens("/incidents/1/facts")
    ben.fills("Share of users", "12")
    ben.presses("Save")
    ben.opens("/incidents/1/checklists")
    ben.sees("Immediate assessment", re.compile("12.% of users are affected"))
    ben.presses("Confirm critical")
    everything_fits(ben)


def ana_decides_on_the_numbers(ana):
    """The rules read Prometheus: the error rate is above 5 %, so rolling back is recommended."""
    ana.opens("/incidents/1/decision")
    rate = ana.page.locator("#fact-error_rate .lg-fact-value").inner_text()
    assert 5 < float(re.match(r"[\d.]+", rate)[0]) < 30, rate
    ana.sees(re.compile(r"^Roll back"), "The error rate is above 5 %")
    ana.page.get_by_role("radio", name="Roll back").check()
    ana.fills("Reason", "One release, one cause")
    ana.presses("Record the decision")
    ana.sees(re.compile("Ana Ruiz"), "Decide anew")


def ana_rolls_back(ana, shop):
    rolls_back(ana, "Log-in")
    assert shop.get("Deployment")["spec"]["template"]["spec"]["containers"][0]["image"] == "shop/login:v1.2.3"


def log_in_recovers(ana):
    ana.opens("/incidents/1")
    ana.sees("Log-in has recovered.", within=90)


def an_update_carries_the_verdict(ana, post):
    """Drafted by the verdict, in the place of the one that the run had prepared and nobody had touched."""
    ana.opens("/incidents/1/notices")
    ana.sees("1 discarded draft")
    sends(ana, 1, "Update for everyone inside")
    post.brings(TEAM, "INC-1", holds="Result: All 4 checks held for")
    assert is_promised(ana) > 240


def ben_ticks_what_people_tick(ben):
    """One thumb, item by item, until nothing that a person must tick is open."""
    ben.opens("/incidents/1/checklists")
    for name in ("Before the rollback", "During the rollback", "Verification"):
        ben.sees(name)
    with ben.without_reloading():
        for item in TICKED_BY_PEOPLE:
            box = ben.button(item, exact=True)
            box.tap()
            expect(box).to_have_attribute("aria-pressed", "true")
    everything_fits(ben)


def what_is_bound_ticked_itself(ana):
    ana.opens("/incidents/1/checklists")
    for item in TICKED_BY_EVIDENCE:
        expect(ana.page.locator(".lg-item", has_text=item).first).to_have_attribute("data-state", "ticked")
    ana.sees(re.compile(r"Ana Ruiz decided to roll back"), "Run 1", re.compile("Ben Okafor"))


def an_update_by_phone(ben, post, action):
    ben.opens("/incidents/1/notices")
    is_promised(ben)
    ben.presses("Prepare it")
    ben.lands_on(r"/notices/\d+")
    ben.fills("Action", action)
    ben.presses("Send to")
    ben.sees(re.compile(r"Sent: \d+ cop"))
    everything_fits(ben)
    post.brings(TEAM, "INC-1", holds=f"Action: {action}")
    assert is_promised(ben) > 240


def no_update_was_late(post):
    """Three updates and the alert, each within five minutes of the one before: nobody had to be reminded."""
    assert len(post.to(TEAM, "INC-1")) == 4
    assert [subject for subject in post.subjects if "late" in subject] == []


def ana_resolves(ana, post):
    """Nothing is open, so nothing has to be overruled; the resolution waits as a draft and goes out."""
    ana.opens("/incidents/1/resolve")
    ana.sees("Nothing stands in the way of resolving INC-1.")
    ana.presses("Resolve INC-1")
    ana.sees("Resolved after")
    sends(ana, 1, "Resolution for everyone inside", resolution="Log-in went back to v1.2.3")
    post.brings(TEAM, "INC-1", holds="Log-in went back to v1.2.3")
    expect(ana.page.locator("[data-due]")).to_have_count(0)


def the_public_hears_the_end(ana, sam):
    publishes(ana, "Log-ins work again for everybody.", state="Resolved")
    sam.opens(STATUS)
    sam.reloads_until("Working")
    sam.presses("Sign-in fails for some")
    sam.sees("Log-ins work again for everybody.", "We are looking for the cause.")
