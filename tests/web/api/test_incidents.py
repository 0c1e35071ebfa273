"""Incidents and their timeline, as a script does them."""

import pytest
from sqlalchemy import insert

from app.accounts.policy import Role
from app.core.clock import now
from app.core.database import transaction
from app.incidents.models import Incident, TimelineEntry
from tests import factories
from tests.web.api.conftest import problem


@pytest.fixture
def by(script, world):
    return script(world.me)


@pytest.fixture
def here(world):
    return f"/incidents/{world.incident.id}"


def lines(by, here):
    return [entry["body"] for entry in by.get(f"{here}/timeline").json()["items"]]


def test_declared_with_everything_it_reads_back_the_same(by, world):
    body = {
        "title": "Payments are declined",
        "severity": "critical",
        "impact": "Nobody can pay by card.",
        "affected_percent": 30.5,
        "services": ["login-api"],
        "began_at": "2026-11-20T14:02:00+02:00",
        "is_drill": True,
        "takes_command": True,
    }
    made = by.post("/incidents", body).json()
    assert made == by.get(f"/incidents/{made['id']}").json()
    assert {name: made[name] for name in ("title", "severity", "impact", "affected_percent", "is_drill", "state")} == {
        "title": "Payments are declined",
        "severity": "critical",
        "impact": "Nobody can pay by card.",
        "affected_percent": 30.5,
        "is_drill": True,
        "state": "detected",
    }
    assert made["began_at"] == "2026-11-20T12:02:00Z"
    assert made["ref"] == f"INC-{made['id']}"
    assert [touched["service"]["slug"] for touched in made["services"]] == ["login-api"]
    assert [(role["role"], role["user"]["name"]) for role in made["roles"]] == [("commander", world.me.name)]


def test_a_script_declares_only_on_services_that_its_owner_may_declare_for(script, world):
    with transaction() as session:
        other = factories.make_service(session, "mail")
        owner = factories.make_person(session, "Ben Okafor", Role.RESPONDER, service=other)
    sentence = problem(script(owner).post("/incidents", {"title": "x", "services": ["login-api"]}), 422)
    assert sentence == "There is no service “login-api”, or you may not see it. Nothing was done."
    assert script(owner).post("/incidents", {"title": "x", "services": ["mail"]}).status_code == 201


def test_facts_are_corrected_one_by_one_and_each_leaves_a_line(by, here):
    before = by.get(here).json()
    after = by.post(f"{here}/facts", {"severity": "low", "affected_percent": 4}).json()
    assert (after["severity"], after["affected_percent"], after["title"]) == ("low", 4, before["title"])
    assert lines(by, here)[:2] == ["set the share of affected users to 4\u00a0%", "set the severity from high to low"]
    assert by.post(f"{here}/facts", {"affected_percent": None}).json()["affected_percent"] is None
    assert set(by.post(f"{here}/facts", {"title": " "}).json()["fields"]) == {"title"}


def test_a_step_back_and_an_ending_need_a_reason(by, here):
    by.post(f"{here}/state", {"state": "decided"})
    assert "needs a reason" in problem(by.post(f"{here}/state", {"state": "assessed"}), 422)
    assert by.post(f"{here}/state", {"state": "assessed", "reason": "new facts"}).json()["state"] == "assessed"
    assert lines(by, here)[0] == "moved the incident from decided to assessed: new facts"


def test_a_duplicate_names_the_other_one(by, here):
    other = by.post("/incidents", {"title": "The same"}).json()["id"]
    assert "name the other incident" in problem(by.post(f"{here}/state", {"state": "duplicate", "reason": "same"}), 422)
    unknown = by.post(f"{here}/state", {"state": "duplicate", "reason": "same", "duplicate_of": 99999})
    assert problem(unknown, 422) == "There is no incident 99999, or you may not see it. Nothing was done."
    moved = by.post(f"{here}/state", {"state": "duplicate", "reason": "same", "duplicate_of": other}).json()
    assert (moved["state"], moved["duplicate_of_id"]) == ("duplicate", other)


def test_roles_are_taken_handed_over_and_given_back(by, here):
    with transaction() as session:
        ben = factories.make_person(session, "Ben Okafor", Role.RESPONDER)
    assert [role["role"] for role in by.post(f"{here}/roles/take", {"role": "commander"}).json()["roles"]] == ["commander"]
    handed = by.post(f"{here}/roles/hand-over", {"role": "commander", "to": ben.id, "briefing": "v1.2.4 is the suspect"}).json()
    assert [(role["user"]["name"], role["briefing"]) for role in handed["roles"]] == [("Ben Okafor", "v1.2.4 is the suspect")]
    assert problem(by.post(f"{here}/roles/take", {"role": "commander"}), 422).startswith("Ben Okafor is commander of INC-")
    assert by.post(f"{here}/roles/give-back", {"role": "commander"}).json()["roles"] == []


def test_services_are_named_suspected_and_taken_away_again(by, world):
    here = f"/incidents/{by.post('/incidents', {'title': 'x'}).json()['id']}"
    assert by.post(f"{here}/services", {"service": "login-api"}).json()["services"][0]["suspect_release_id"] is None
    suspicion = {"service": "login-api", "release_id": world.stage.good.id}
    assert by.post(f"{here}/services/suspect", suspicion).json()["services"][0]["suspect_release_id"] == world.stage.good.id
    assert by.get(f"/targets/{world.stage.target.id}/releases").json()["items"][0]["standing"] == "suspect"
    taken_back = by.post(f"{here}/services/suspect", suspicion | {"release_id": None}).json()
    assert taken_back["services"][0]["suspect_release_id"] is None
    assert "is the only service" in problem(by.post(f"{here}/services/remove", {"service": "login-api"}), 422)
    with transaction() as session:
        factories.make_service(session, "mail")
    by.post(f"{here}/services", {"service": "mail"})
    left = by.post(f"{here}/services/remove", {"service": "login-api"}).json()["services"]
    assert [touched["service"]["slug"] for touched in left] == ["mail"]
    assert problem(by.post(f"{here}/services", {"service": "nowhere"}), 422).startswith("There is no service “nowhere”")


def test_a_restricted_incident_is_hidden_from_who_reads_only_some_services(by, script, world):
    with transaction() as session:
        owner = factories.make_person(session, "Ben Okafor", Role.COMMANDER, service=session.merge(world.service))
    here, other = f"/incidents/{by.post('/incidents', {'title': 'x'}).json()['id']}", script(owner)
    assert other.get(here).status_code == 200
    assert by.post(f"{here}/restriction", {"restricted": True}).json()["is_restricted"] is True
    problem(other.get(here), 404)
    assert here.rpartition("/")[2] not in [str(one["id"]) for one in other.get("/incidents").json()["items"]]


def test_a_note_is_added_put_into_the_past_and_edited(by, here):
    note = by.post(f"{here}/timeline", {"body": "**v1.2.4** is out", "at": "2026-11-20T12:00:00Z"}).json()
    assert (note["kind"], note["at"], note["version"]) == ("note", "2026-11-20T12:00:00Z", 1)
    second = by.post(f"{here}/timeline/{note['id']}", {"body": "v1.2.4 went out"}).json()
    assert (second["version"], second["replaces_id"]) == (2, note["id"])
    assert "edited since you opened it" in problem(by.post(f"{here}/timeline/{note['id']}", {"body": "third"}), 409)
    assert "v1.2.4 went out" in lines(by, here)
    assert "**v1.2.4** is out" not in lines(by, here)
    problem(by.post(f"{here}/timeline/999999", {"body": "x"}), 404)
    problem(by.post(f"{here}/timeline", {"body": " "}), 422)
    problem(by.post(f"{here}/timeline", {"body": "x", "at": "2999-01-01T00:00:00Z"}), 422)


def test_250_incidents_come_in_pages_without_a_gap_or_a_repeat(by, world):
    with transaction() as session:
        session.execute(insert(Incident), [{"title": f"Number {number}", "form_nonce": f"n-{number}"} for number in range(250)])
    items, pages = by.every("/incidents")
    numbers = [item["id"] for item in items]
    assert (pages, len(numbers)) == (3, 252)
    assert numbers == sorted(set(numbers), reverse=True)


def test_250_lines_come_in_pages_while_others_write(by, world, here):
    moment = now()
    with transaction() as session:
        rows = [{"incident_id": world.incident.id, "kind": "note", "actor_name": "Ana", "body": f"{n}", "at": moment} for n in range(250)]
        session.execute(insert(TimelineEntry), rows)
    first = by.get(f"{here}/timeline").json()
    by.post(f"{here}/timeline", {"body": "meanwhile"})
    seen = [entry["id"] for entry in first["items"]]
    cursor = first["next"]
    while cursor:
        page = by.get(f"{here}/timeline", cursor=cursor).json()
        seen, cursor = seen + [entry["id"] for entry in page["items"]], page["next"]
    assert len(seen) == len(set(seen)) == 252


def test_a_last_page_that_is_full_has_no_next(by, world):
    with transaction() as session:
        session.execute(insert(Incident), [{"title": f"Number {number}", "form_nonce": f"n-{number}"} for number in range(98)])
    page = by.get("/incidents").json()
    assert (len(page["items"]), page["next"]) == (100, None)


@pytest.mark.parametrize(
    "cursor", ["x", "%%%", "bnVsbA", "W10", "WzFlOTk5XQ", "W3RydWVd", "WyJhIl0", "Wy0xXQ", "WzFdWzFd", "x" * 201, "WzEsMiwzXQ"]
)
def test_a_cursor_that_nobody_gave_is_refused(by, here, cursor):
    for path in ("/incidents", "/runs", f"{here}/timeline"):
        answer = by.get(path, cursor=cursor)
        assert "cursor" in problem(answer, 422)
        assert set(answer.json()["fields"]) == {"cursor"}


def test_the_list_is_narrowed_by_state_severity_and_words(by, world):
    by.post("/incidents", {"title": "Payments are declined", "severity": "low"})
    over = by.post("/incidents", {"title": "Old"}).json()["id"]
    by.post(f"/incidents/{over}/state", {"state": "cancelled", "reason": "a test"})

    def titles(**query):
        return [one["title"] for one in by.get("/incidents", **query).json()["items"]]

    assert titles(severity="low") == ["Payments are declined"]
    assert titles(state="over") == titles(state="cancelled") == ["Old"]
    assert titles(words="paym decl") == ["Payments are declined"]
    assert titles(words=f"INC-{over}") == ["Old"]
    assert titles(words="\0") == []
    problem(by.get("/incidents", state="odd"), 422)
    problem(by.get("/incidents", severity="\0"), 422)


def test_the_list_is_narrowed_by_service_and_drills(by, world):
    drill = by.post("/incidents", {"title": "A rehearsal", "is_drill": True, "services": ["login-api"]}).json()["id"]

    def numbers(**query):
        return {one["id"] for one in by.get("/incidents", **query).json()["items"]}

    assert numbers(service="login-api", drills="only") == numbers(drills="only") == {drill}
    assert drill not in numbers(service="login-api", drills="without")
    assert world.incident.id in numbers(service="login-api")
    assert problem(by.get("/incidents", service="nowhere"), 422).startswith("There is no service “nowhere”")


def test_roles_are_read_with_who_held_them_and_who_can(by, here):
    with transaction() as session:
        ben = factories.make_person(session, "Ben Okafor", Role.RESPONDER)
    by.post(f"{here}/roles/take", {"role": "commander"})
    (held,) = by.get(f"{here}/roles").json()["held"]
    wish = {"role": "commander", "to": ben.id, "briefing": "all quiet", "holder_id": held["id"]}
    assert by.post(f"{here}/roles/hand-over", wish).status_code == 200
    assert "somebody was faster" in problem(by.post(f"{here}/roles/hand-over", wish), 409)
    told = by.get(f"{here}/roles").json()
    assert [role["user"]["name"] for role in told["held"]] == ["Ben Okafor"]
    assert [role["id"] for role in told["past"]] == [held["id"]]
    assert ben.id in {one["id"] for one in told["people"]}


def test_the_timeline_is_narrowed_to_a_kind_to_people_and_to_one_of_them(by, world, here):
    note = by.post(f"{here}/timeline", {"body": "a note"}).json()["id"]
    by.post(f"{here}/facts", {"severity": "low"})

    def kinds(**query):
        return {entry["kind"] for entry in by.get(f"{here}/timeline", **query).json()["items"]}

    assert kinds(kind="facts") == {"facts"}
    assert note in {entry["id"] for entry in by.get(f"{here}/timeline", kind="note", who="people", person_id=world.me.id).json()["items"]}
    assert by.get(f"{here}/timeline", person_id=999999).json()["items"] == []
    problem(by.get(f"{here}/timeline", kind="odd"), 422)
    problem(by.get(f"{here}/timeline", who="odd"), 422)
