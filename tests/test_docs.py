"""What docs/ says is so: pages that are generated are compared, commands exist, and blocks marked `sh run` are run."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.accounts import api_tokens
from app.accounts.policy import Permission
from app.core import database, sealing
from app.core.database import transaction
from app.core.embedded import reachable
from app.core.settings import Settings, reference, settings
from app.core.stores import OWNER, bundled_binaries
from app.demo import people
from app.demo.repository import BAD, GOOD
from app.executors.kubernetes.objects import CHANGE_CAUSE, LANDS_AS, OPERATION, REMEMBERED
from app.executors.kubernetes.rights import minimal_role
from app.incidents.models import Incident
from tests import factories
from tests.running import CLEAN, ROOT, get, running, until

DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "bench" / "README.md"]
TEXT = "\n".join(page.read_text() for page in PAGES)


def block(page, mark):
    """The one block of a page that is marked so."""
    (found,) = re.findall(rf"```{mark}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    return found


def sh(script, cwd, **env):
    """Run a block as its reader would, with `lastgood` on the path."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    argv = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(argv, cwd=cwd, env=CLEAN | {"PATH": path} | env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def beside(state):
    """This process, at the database of another console."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LASTGOOD_STATE_DIR", str(state))
        for store in ("DATABASE_URL", "MIGRATION_DATABASE_URL", "REDIS_URL"):
            patch.setenv(f"LASTGOOD_{store}", "")
        _forget()
        with reachable():
            yield
            database.engine().dispose()
    _forget()


def _forget():
    settings.cache_clear()
    sealing.reset()
    database.reset()


@pytest.fixture
def folder():
    """Not pytest's own: the account that runs PostgreSQL for root could not enter it."""
    with tempfile.TemporaryDirectory(prefix="lastgood-docs-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o755)
        yield Path(place)


def test_the_page_of_settings_is_generated():
    assert (DOCS / "settings.md").read_text() == reference() + "\n", "run: lastgood settings > docs/settings.md"


def test_the_role_is_the_one_that_the_clusters_page_prints():
    assert block("clusters.md", "yaml role") == minimal_role([("shop", "Deployment", "login")])


def test_every_annotation_that_is_written_is_told():
    for annotation in (OPERATION, LANDS_AS, REMEMBERED, CHANGE_CAUSE):
        assert f"`{annotation}`" in (DOCS / "clusters.md").read_text()


def test_every_setting_that_is_named_is_one():
    known = {f"LASTGOOD_{name.upper()}" for name in Settings.model_fields} | {"LASTGOOD_USER", "LASTGOOD_DATABASE_URL_FILE"}
    named = set(re.findall(r"LASTGOOD_[A-Z_]*[A-Z]", TEXT))
    assert not {name for name in named - known if not name.startswith("LASTGOOD_TEST_") and name != "LASTGOOD_SKIP_NOTHING"}


def test_every_command_that_is_named_is_there_with_its_options():
    from typer.main import get_command

    from app.cli.main import app

    commands = get_command(app).commands
    for line in re.findall(r"`(?:uv run )?lastgood ([a-z][^`\n]*)`|^lastgood ([a-z].*)$", TEXT, re.MULTILINE):
        words = (line[0] or line[1]).split()
        command = commands[words[0]]
        if hasattr(command, "commands"):
            command = command.commands[words[1].split("|")[0]]
        options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= options, line


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_scopes_and_fields_of_the_api_page_exist():
    text = (DOCS / "api.md").read_text()
    scopes = set(re.findall(r"`([a-z]+\.[a-z_]+|read)`", text)) - {"verification.state", "status.json"}
    assert scopes <= {permission.value for permission in Permission}


@pytest.mark.timeout(240)
def test_the_main_job_runs_as_it_is_written(folder):
    for program in ("curl", "jq", "git"):
        if not shutil.which(program):
            pytest.skip(f"needs {program}: apt-get install {program}")
    with running("demo", LASTGOOD_DEMO_BREAKS_AFTER_S="1", LASTGOOD_OBSERVE_EVERY_S="1") as console:
        console.ready()
        console.said("has just deployed")
        with beside(console.state.with_name(f"{console.state.name}-demo")), transaction() as session:
            ana = people.person(session, people.COMMANDER)
            token = api_tokens.create(session, name="docs", scopes=api_tokens.SCOPES, days=1, by=ana)
        asked = {"URL": console.url, "TOKEN": token, "SERVICE": "shop"}
        runs = 'curl -sS -H "Authorization: Bearer $TOKEN" "$URL/api/v1/services/shop" | jq -r ".targets[0].running.version"'
        until(lambda: sh(runs, folder, **asked).strip() == BAD, what="v1.2.4 on the service")
        told = sh(block("api.md", "sh run main-job"), folder, **asked)
        assert '"state": "succeeded"' in told
        until(lambda: sh(runs, folder, **asked).strip() == GOOD, what="v1.2.3 on the service")

        with beside(console.state.with_name(f"{console.state.name}-demo")), transaction() as session:
            admin = people.person(session, people.ADMINISTRATOR)
            token = api_tokens.create(session, name="docs", scopes=api_tokens.SCOPES, days=1, by=admin)
        told = sh(block("api.md", "sh run register"), folder, **asked | {"TOKEN": token, "HEALTH": f"{console.url}/livez"})
        assert '"git stable"' in told


def test_a_backup_of_embedded_stores_is_restored_into_an_empty_folder(folder):
    with beside(folder / "old"), transaction() as session:
        incident = factories.make_incident(session, by=factories.make_person(session), title="Before the fire")
        cluster = factories.make_cluster(session, kubeconfig="kept")
    sh(block("operations.md", "sh run backup"), folder, LASTGOOD_STATE_DIR=str(folder / "old"))
    told = sh(block("operations.md", "sh run restore"), folder, LASTGOOD_STATE_DIR=str(folder / "new"))
    assert told == "The audit log is whole.\n"
    with beside(folder / "new"), transaction() as session:
        from app.catalog.models import Secret

        assert session.get_one(Incident, incident.id).title == "Before the fire"
        assert sealing.unseal(session.get_one(Secret, cluster.secret_id).sealed) == "kept"


def test_a_dump_is_restored_into_an_empty_database(console, database, postgres, folder):
    with transaction() as session:
        factories.make_incident(session, by=factories.make_person(session), title="Before the fire")
    where = {"PGHOST": str(postgres.sockets), "PGUSER": OWNER, "PGPASSWORD": postgres.password(OWNER)}
    sh(f"{bundled_binaries()}/pg_dump -Fc {database} > lastgood.dump", folder, **where)
    with postgres.connect() as connection:
        connection.execute("CREATE DATABASE restored")
    try:
        sh(f"{bundled_binaries()}/pg_restore -d restored --exit-on-error < lastgood.dump", folder, **where)
        with postgres.connect(database="restored") as connection:
            assert connection.execute("SELECT title FROM incidents").fetchall() == [("Before the fire",)]
    finally:
        with postgres.connect() as connection:
            connection.execute("DROP DATABASE restored WITH (FORCE)")


def test_health_addresses_answer_as_the_page_says(folder):
    with running("up") as console:
        console.ready()
        assert get(f"{console.url}/livez")[0] == get(f"{console.url}/readyz")[0] == 200
        until(lambda: console.cli("alive").returncode == 0, what="a worker that lives")
        findings = json.loads(until(lambda: console.cli("doctor", "--json").stdout, what="the doctor"))
        assert {one["what"]: one["ok"] for one in findings}["web"] is True
        assert console.cli("audit-verify").returncode == 0
