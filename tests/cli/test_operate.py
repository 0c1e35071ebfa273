"""Looking after the console at the terminal."""

import json
import os
import socket
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from app.audit import actions as audit
from app.cli import doctor
from app.core.clock import now
from app.core.database import transaction
from app.core.migrate import head
from app.runs.models import Run, Worker
from tests import factories
from tests.web import stages


def findings(lastgood):
    said = lastgood("doctor", "--json")
    return said.code, {one["what"]: one for one in json.loads(said.out)}


def test_migrating_twice_ends_at_the_newest_revision(lastgood):
    assert lastgood("migrate").out == lastgood("migrate").out == f"The database is at revision {head()}.\n"


def test_keys_are_made_once_and_a_folder_that_cannot_be_written_is_said(lastgood, setting, tmp_path):
    setting(KEY_FILE=tmp_path / "new" / "runner.key")
    assert lastgood("keys").code == 0
    private = tmp_path / "new" / "runner.key"
    first = private.read_bytes()
    assert private.stat().st_mode & 0o777 == 0o600
    assert lastgood("keys").code == 0
    assert private.read_bytes() == first
    (tmp_path / "file").write_text("")
    setting(KEY_FILE=tmp_path / "file" / "runner.key")
    said = lastgood("keys")
    assert said.code == 1
    assert said.err.startswith("The keys cannot be written:")


def test_the_page_of_settings_is_what_the_command_prints(lastgood):
    assert lastgood("settings").out == (Path(__file__).parents[2] / "docs" / "settings.md").read_text()


def test_every_wrong_setting_is_named_at_once(lastgood, setting):
    wrong = {"PORT": "x", "HOST": "0.0.0.0", "LOG_LEVEL": "loud", "MIGRATION_DATABASE_URL": "mysql://", "LEASE_S": "-1"}
    setting(**wrong, PUBLIC_URL="", REDIS_URL="", REDIS_URL_FILE="/nowhere/redis")
    said = lastgood("services")
    assert said.code == 1
    for name in ("PORT", "PUBLIC_URL", "LOG_LEVEL", "MIGRATION_DATABASE_URL", "LEASE_S", "REDIS_URL_FILE"):
        assert f"  LASTGOOD_{name} " in said.err, name


def test_a_set_up_link_is_printed_until_there_is_an_administrator(lastgood):
    assert lastgood("setup-link").out.startswith("http://127.0.0.1:8420/setup/")
    with transaction() as session:
        factories.make_person(session, "Dana Novak", "admin")
    said = lastgood("setup-link")
    assert (said.code, said.err) == (1, "This console has an administrator already. Ask one of them for an invitation.\n")


def test_the_audit_log_is_verified(lastgood, postgres, database):
    with transaction() as session:
        audit.record(session, "test", "x", actor="system", actor_name="Lastgood")
    assert lastgood("audit-verify").out == "The audit log is whole.\n"
    with postgres.connect(database=database) as connection:
        connection.execute("ALTER TABLE audit_entries DISABLE TRIGGER ALL")
        connection.execute("UPDATE audit_entries SET actor_name = 'Somebody'")
    said = lastgood("audit-verify")
    assert said.code == 1
    assert "whole" not in said.out


def worker(role, *, age_s=0.0, host=None):
    with transaction() as session:
        name = f"{role}-{host or os.uname().nodename}-1"
        session.add(Worker(name=name, role=role, build="0.1.0", seen_at=now() - timedelta(seconds=age_s)))


def test_alive_is_about_this_machine_and_about_now(lastgood):
    assert lastgood("alive").code == 1
    worker("beat", host="elsewhere")
    assert lastgood("alive").code == 1
    worker("run")
    assert lastgood("alive").code == 0
    with transaction() as session:
        session.execute(update(Worker).values(seen_at=now() - timedelta(minutes=1)))
    assert lastgood("alive").code == 1


def test_the_doctor_says_what_is_well(lastgood, monkeypatch):
    monkeypatch.setattr(doctor, "_web", lambda: doctor.Finding("web", True, "answers"))
    monkeypatch.setattr(doctor, "_durable", lambda *_: doctor.Finding("durability", True, "Commits reach the disk."))
    worker("run")
    worker("look")
    code, found = findings(lastgood)
    assert (code, [one for one in found.values() if not one["ok"]]) == (0, [])
    assert found["lastgood"]["sentence"].startswith("Version ")
    assert found["database"]["sentence"] == f"PostgreSQL answers, at revision {head()}."


def test_the_doctor_says_in_words_what_needs_a_hand(lastgood, setting):
    worker("look", age_s=90)
    with transaction() as session:
        cluster = factories.make_cluster(session, checked_at=now(), problem="The API server of lab does not answer.")
        service = factories.make_service(session, "shop")
        factories.make_target(session, service, observe_problem="deployment/login is not there.", observed_at=now())
        stage = stages.stage(session, "mail")
        run = stages.make_run(session, stage, stages.make_plan(session, stage), state="needs_attention", attention="Did the job run?")
    setting(PORT=1, KEY_FILE="/nowhere/runner.key")
    code, found = findings(lastgood)
    assert code == 1
    expected = {
        "web": "Nothing answers at http://127.0.0.1:1/readyz. Start it with `lastgood up`; runs can be carried out with `--here`.",
        "key": "/nowhere/runner.key is missing, so stored credentials cannot be opened here. Runner: `lastgood keys`.",
        "runner (run)": "Never seen: start `lastgood runner`.",
        f"cluster {cluster.name}": "The API server of lab does not answer.",
        "target git main": "deployment/login is not there.",
        f"run {run.id}": "Waits for a person: Did the job run?",
        "durability": "fsync or synchronous_commit is off: a power cut loses history.",
    }
    assert {what: found[what]["sentence"] for what in expected} == expected
    assert "last seen 9" in found["runner (look)"]["sentence"].lower()
    told = lastgood("doctor")
    assert told.code == 1
    assert f"LOOK  run {run.id}: Waits for a person: Did the job run?" in told.out.splitlines()


def test_the_doctor_says_that_the_schema_is_behind(lastgood, monkeypatch):
    monkeypatch.setattr(doctor, "head", lambda: "9999_newer")
    _, found = findings(lastgood)
    assert found["database"]["sentence"] == f"The schema is at revision {head()}, this version needs 9999_newer: run `lastgood migrate`."


def test_a_database_that_is_down_is_one_sentence_for_every_command(lastgood, setting):
    setting(DATABASE_URL="postgresql://app:geheim@127.0.0.1:1/lastgood")
    for command in (["services"], ["alive"], ["audit-verify"], ["setup-link"], ["incident", "show", "7"], ["run", "1"], ["migrate"]):
        said = lastgood(*command)
        assert said.code == 1, command
        assert "does not answer" in said.err, command
        assert "geheim" not in said.err
    code, found = findings(lastgood)
    assert code == 1
    assert "does not answer" in found["database"]["sentence"]
    assert "geheim" not in json.dumps(found)


@pytest.mark.parametrize("state", ["/proc/lastgood", "/dev/null/lastgood"])
def test_a_state_folder_that_cannot_be_used_is_one_sentence(lastgood, setting, state):
    setting(DATABASE_URL="", STATE_DIR=state)
    said = lastgood("services")
    assert said.code == 1
    assert said.err.startswith(f"The state folder {state} cannot be used:")


def test_a_run_that_is_over_is_told_and_the_code_says_how_it_ended(lastgood, console):
    with transaction() as session:
        stage = stages.stage(session, "mail")
        good = stages.make_run(session, stage, stages.make_plan(session, stage), state="succeeded", sentence="It is back.")
        bad = stages.make_run(session, stage, stages.make_plan(session, stage), state="failed", sentence="Drifted.")
    assert (lastgood("run", good.id).code, lastgood("run", bad.id).code) == (0, 1)
    assert json.loads(lastgood("run", bad.id, "--json").out)["sentence"] == "Drifted."
    assert lastgood("run", good.id, "--here").out == f"run {good.id}: succeeded.  It is back.\n"
    assert lastgood("run", 999).err == "There is no run 999, or you may not see it. Nothing was done.\n"


def test_a_run_that_asks_for_a_person_is_told_where(lastgood, console):
    with transaction() as session:
        stage = stages.stage(session, "mail")
        plan = stages.make_plan(session, stage)
        asks = stages.make_run(session, stage, plan, state="needs_attention", attention="Did the job run?")
        other = stages.stage(session, "web")
        waits = stages.make_run(
            session, other, stages.make_plan(session, other, is_destructive=True), state="awaiting_approval", needs_approval=True
        )
    for run in (asks, waits):
        said = lastgood("run", run.id, "--here")
        assert (said.code, said.out.splitlines()[-1]) == (1, f"A person answers that on its page: http://127.0.0.1:8420/runs/{run.id}")
        with transaction() as session:
            assert session.get_one(Run, run.id).state == run.state


def test_one_process_alone_says_that_it_has_no_database(lastgood, setting):
    setting(DATABASE_URL="")
    for command in (["web"], ["runner"], ["runner", "--queue", "look"], ["notifier"], ["beat"]):
        said = lastgood(*command)
        assert (said.code, said.err.split(",")[0]) == (1, "LASTGOOD_DATABASE_URL is not set"), command


def test_a_port_in_use_and_a_queue_that_is_none_are_said(lastgood, setting):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        setting(PORT=taken.getsockname()[1])
        assert "is in use by another program. Nothing was started" in lastgood("web").err
    assert lastgood("runner", "--queue", "magic").err == "There is no queue magic. Nothing was started: say run, look or both.\n"
    assert lastgood("demo", "--kubeconfig", "/nowhere").code == 2
