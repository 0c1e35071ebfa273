"""Incidents and services at the terminal: the same verbs as the pages, by the same people."""

import json

import pytest

from app.accounts.models import User
from app.accounts.policy import Role
from app.core.database import transaction
from tests import factories
from tests.web import stages


@pytest.fixture
def stage(ana):
    with transaction() as session:
        made = stages.stage(session, "login-api")
        for person in (made.commander, made.approver):
            session.get_one(User, person.id).state = "disabled"
        return made


def test_an_incident_is_declared_noted_and_shown(lastgood, stage):
    said = lastgood("incident", "declare", "Payments are declined", "--severity", "critical", "--service", "login-api", "--json")
    made = json.loads(said.out)
    assert (said.code, made["state"]) == (0, "detected")
    for ref in (made["ref"], str(made["id"]), made["ref"].lower()):
        assert lastgood("incident", "note", ref, "v1.2.4 is out").out == f"Noted on {made['ref']}.\n"
    shown = lastgood("incident", "show", made["ref"]).out.splitlines()
    assert shown[0] == f"{made['ref']}  critical  detected  Payments are declined"
    assert shown[1] == "services: login-api"
    assert shown[2].endswith("Ana Ruiz: v1.2.4 is out")
    told = json.loads(lastgood("incident", "show", made["ref"], "--json", "--lines", "1").out)
    assert (told["severity"], [line["text"] for line in told["timeline"]]) == ("critical", ["v1.2.4 is out"])


def test_everything_that_the_form_asks_can_be_said_here(lastgood, stage):
    facts = ["--impact", "Nobody can pay", "--percent", "30.5", "--began", "2026-11-20T14:02+02:00", "--drill", "--command"]
    ref = json.loads(lastgood("incident", "declare", "Payments are declined", *facts, "--json").out)["ref"]
    noted = json.loads(lastgood("incident", "note", ref, "v1.2.4 went out", "--at", "2026-11-20T12:00", "--json").out)
    assert noted["at"] == "2026-11-20 12:00:00+00:00"
    told = json.loads(lastgood("incident", "show", ref, "--json").out)
    assert {name: told[name] for name in ("impact", "affected_percent", "began_at", "is_drill", "roles")} == {
        "impact": "Nobody can pay",
        "affected_percent": 30.5,
        "began_at": "2026-11-20 12:02:00+00:00",
        "is_drill": True,
        "roles": {"commander": "Ana Ruiz"},
    }
    odd = lastgood("incident", "note", ref, "x", "--at", "noon")
    assert odd.err == "“noon” is not a time like 2026-11-24T14:02. Nothing was done: correct --at, or leave it out.\n"
    assert "from 0 to 100" in lastgood("incident", "declare", "x", "--percent", "101").err


@pytest.mark.parametrize("ref", ["seven", "INC-", "-7x", "0", "99999999999", "٧"])
def test_what_names_no_incident_is_said(lastgood, ana, ref):
    said = lastgood("incident", "show", "--", ref)
    assert (said.code, said.err) == (1, f"“{ref}” names no incident. Nothing was done: write INC-42 or 42.\n")


def test_an_incident_a_service_and_a_severity_that_are_not_there_are_named(lastgood, ana):
    assert lastgood("incident", "note", "999", "x").err == "There is no INC-999, or you may not see it. Nothing was done.\n"
    assert "There is no service “nowhere”" in lastgood("incident", "declare", "x", "--service", "nowhere").err
    assert lastgood("incident", "declare", "x", "--severity", "odd").err.startswith("odd is no severity. Nothing was declared")
    assert "An incident needs a title" in lastgood("incident", "declare", " ").err


def test_services_say_what_runs_and_what_a_rollback_leads_to(lastgood, stage):
    (line,) = lastgood("services").out.splitlines()
    assert line.startswith("login-api")
    assert line.endswith("runs v1.2.4, last good v1.2.3")
    (row,) = json.loads(lastgood("services", "--json").out)
    assert (row["service"], row["runs"], row["last_good"], row["proven"]) == ("login-api", "v1.2.4", "v1.2.3", True)


def test_without_services_that_is_said(lastgood, ana):
    assert lastgood("services").out == "No service is registered yet.\n"


def test_somebody_must_act(lastgood, console):
    assert lastgood("services").err.startswith("This console has no users yet")
    with transaction() as session:
        ana = factories.make_person(session, "Ana Ruiz")
        ben = factories.make_person(session, "Ben Okafor", Role.VIEWER)
        factories.make_person(session, "Cleo Martin", state="disabled")
    said = lastgood("services")
    assert (said.code, said.err) == (1, "2 people use this console. Nothing was done: say who acts, by --as EMAIL or LASTGOOD_USER.\n")
    assert lastgood("services", "--as", ana.email.upper()).code == 0
    denied = lastgood("incident", "declare", "x", "--as", ben.email)
    assert (denied.code, denied.err.split(".")[0]) == (1, "Ben Okafor may not do this (incident")


def test_the_environment_names_who_acts_and_the_option_wins(lastgood, ana, monkeypatch):
    with transaction() as session:
        ben = factories.make_person(session, "Ben Okafor", Role.COMMANDER)
    monkeypatch.setenv("LASTGOOD_USER", ben.email)
    made = json.loads(lastgood("incident", "declare", "x", "--json").out)["ref"]
    lastgood("incident", "note", made, "mine", "--as", ana.email)
    shown = lastgood("incident", "show", made).out
    assert "Ben Okafor: declared the incident" in shown
    assert "Ana Ruiz: mine" in shown


def test_the_disabled_and_the_unknown_do_not_act(lastgood, ana):
    with transaction() as session:
        gone = factories.make_person(session, "Cleo Martin", state="disabled")
    for email in (gone.email, "nobody@example.org"):
        said = lastgood("services", "--as", email)
        assert (said.code, said.err.startswith(f"Nobody with the address {email} may sign in here.")) == (1, True)


def test_a_responder_of_one_service_writes_on_no_other(lastgood, stage):
    with transaction() as session:
        other = factories.make_service(session, "mail")
        viewer_too = factories.make_person(session, "Ben Okafor", Role.RESPONDER, service=other)
        session.flush()
        from app.accounts.models import Grant

        session.add(Grant(user_id=viewer_too.id, role=Role.VIEWER))
    said = lastgood("incident", "note", stage.incident.ref, "x", "--as", viewer_too.email)
    assert (said.code, said.err.split(" (")[0]) == (1, "Ben Okafor may not do this")


def test_mistakes_of_typing_are_explained_with_code_2(lastgood, console):
    assert "Did you mean 'services'?" in lastgood("servics").err
    assert "--jsn" in lastgood("services", "--jsn").err
    for arguments in (["servics"], ["run", "abc"], ["run", "0"], ["incident", "show", "7", "--lines", "-1"], ["incident", "declare"]):
        assert lastgood(*arguments).code == 2, arguments


@pytest.mark.parametrize("command", [[], ["incident"], ["incident", "declare"], ["plan"], ["run"], ["rollback"], ["doctor"], ["migrate"]])
def test_every_command_explains_itself(lastgood, command):
    said = lastgood(*command, "--help")
    assert said.code == 0
    assert "Usage: lastgood" in said.out
