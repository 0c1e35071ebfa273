import json
from xml.etree import ElementTree

from app.statuspage import actions
from app.statuspage.felt import Felt
from app.statuspage.states import Standing
from tests.statuspage.scene import full_page

ATOM = "{http://www.w3.org/2005/Atom}"


def test_programs_read_the_page_as_json(db, ana, written):
    full_page(db, ana)
    found = json.loads(written("oakline", "status.json"))
    assert found["status"]["standing"] == "partial"
    assert found["components"][0]["name"] == "Sign-in"
    assert [day["mark"] for day in found["components"][0]["days"]].count("none") > 20
    assert [incident["title"] for incident in found["incidents"]] == ["Sign-in fails in the mobile app", "Checkout is slow in the EU"]
    assert found["incidents"][0]["next_update_by"]
    assert len(found["past_incidents"]) == 3
    assert found["maintenance"][0]["components"] == ["Orders and delivery"]


def test_every_update_is_an_entry_of_the_feed_with_a_name_that_stays(db, ana, page, written):
    update = actions.publish(db, page, text="We look & search.", state="investigating", title="Sign-in <fails>", by=ana)
    feed = ElementTree.fromstring(written("oakline", "feed.atom"))
    entry = feed.find(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}title") == "Investigating: Sign-in <fails>"
    assert entry.findtext(f"{ATOM}content") == "We look & search."
    name = entry.findtext(f"{ATOM}id")
    actions.correct(db, page, update, text="We look.", by=ana)
    entry = ElementTree.fromstring(written("oakline", "feed.atom")).find(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}id") == name
    assert entry.findtext(f"{ATOM}updated") >= entry.findtext(f"{ATOM}published")


def test_signs_that_xml_does_not_know_break_no_feed(db, ana, page, written):
    actions.publish(db, page, text="bell \x07 and \x1b[31m red", state="investigating", title="x\x0b", by=ana)
    ElementTree.fromstring(written("oakline", "feed.atom"))


def test_the_head_of_the_page_says_what_is_limited_and_that_the_rest_works(db, ana, page, sign_in, checkout, written):
    assert "Everything works" in written("oakline")
    felt = {sign_in.id: Felt(Standing.DEGRADED, "Slow in the EU")}
    actions.publish(db, page, text="Slow.", state="identified", title="Sign-in is slow", felt=felt, by=ana)
    text = written("oakline")
    assert "<h1>Sign-in is slow</h1>" in text
    assert "Sign-in: slow in the EU. Everything else works normally." in text


def test_without_script_times_are_utc_and_the_whole_page_is_there(db, ana, written):
    full_page(db, ana)
    text = written("oakline")
    assert "UTC</time>" in text
    assert "<noscript" not in text
    assert len(text) < 60_000
