import json
import os
import subprocess
import time

import pytest

from app.accounts.policy import SYSTEM, Reach, Role
from app.catalog.actions import ContactFacts, LinkFacts, set_company_contacts, set_contacts, set_links
from app.core.database import transaction
from app.response import by_hand, survival
from app.statuspage import pages
from tests import factories

GIT = {
    "repository": "https://deploy:hunter2hunter2@git.example.org/shop.git",
    "branch": "main",
    "deploy": ["./ship", "--to={commit}", "{version}", "--note=it's {version}", "--token=abcdef123456"],
    "deploy_folder": "ops deploy",
    "version_url": "",
    "local": False,
}


@pytest.fixture
def scene(console):
    """login on a cluster, shop in git; both with a good release behind the one that runs; contacts, a link and a status page."""
    with transaction() as session:
        admin = factories.make_person(session, "Ida Berg", Role.ADMIN)
        login, shop = factories.make_service(session, "login"), factories.make_service(session, "shop")
        cluster = factories.make_cluster(session, "the-secret-kubeconfig", server="https://10.0.0.1:6443")
        target = factories.make_target(session, login, cluster=cluster, seen={"replicas": 3})
        good = factories.make_release(session, target, "v1.2.3", standing="good", facts={"images": ["r.example/login:v1.2.3", "proxy:2"]})
        factories.make_release(session, target, "v1.2.4", current=True, facts={"images": ["r.example/login:v1.2.4", "proxy:2"]})
        git = factories.make_target(session, shop, config=GIT)
        commit = factories.make_release(session, git, "v7", standing="good", digest="a" * 40)
        factories.make_release(session, git, "v8", current=True, digest="b" * 40)
        set_contacts(session, login, [ContactFacts(role="On-call", name="Ana Ruiz", phone="+49 30 5550")], by=admin)
        set_company_contacts(session, [ContactFacts(role="CTO", name="Noor <b>Haddad", phone="+49 30 5551")], by=admin)
        set_links(session, login, [LinkFacts(label="Dashboard", url="https://graphs.example.org/d/1")], by=admin)
        pages.create(session, name="Oakline status", slug="oakline", by=admin)
    return {"admin": admin, "login": login, "shop": shop, "target": target, "git": git, "good": good, "commit": commit}


def recipes(target, running, good, slug="login"):
    return {recipe.title: recipe for recipe in by_hand.of_target(target, slug, running, good)}


def test_a_workload_gets_commands_that_name_its_last_good_images(scene):
    found = recipes(scene["target"], None, scene["good"])
    assert found["Roll back by the console's own terminal"].lines == ("lastgood rollback login --environment production --here",)
    patch = found["Roll back to v1.2.3: only the images, where the history is gone"].lines[0]
    assert patch.startswith("kubectl -n shop patch deployment/login --type=json -p '[")
    told = json.loads(
        subprocess.run(["bash", "-c", f"printf %s {patch.partition(' -p ')[2]}"], capture_output=True, text=True, check=True).stdout
    )
    assert [one["value"] for one in told] == ["r.example/login:v1.2.3", "proxy:2"]
    assert "kubectl -n shop scale deployment/login --replicas=3" in found["Stop it, and start it again"].lines
    assert all("rollout undo" not in line or "--to-revision=N" in line for recipe in found.values() for line in recipe.lines)


def test_commands_of_a_repository_bring_back_the_old_content_by_one_commit(scene, tmp_path):
    """Really typed: on a repository of this machine."""
    here = {
        "GIT_AUTHOR_NAME": "x",
        "GIT_AUTHOR_EMAIL": "x@x",
        "GIT_COMMITTER_NAME": "x",
        "GIT_COMMITTER_EMAIL": "x@x",
        "PATH": os.environ["PATH"],
    }

    def run(line, cwd):
        return subprocess.run(
            ["bash", "-ec", line], cwd=cwd, env=here | {"HOME": str(tmp_path)}, capture_output=True, text=True, check=True
        ).stdout

    run("git init -q --bare -b main origin.git && git clone -q origin.git work", tmp_path)
    run(
        "git checkout -qb main; echo good > a; mkdir -p ops; printf 'echo \"$@\" > ../shipped' > ops/ship; chmod +x ops/ship",
        tmp_path / "work",
    )
    run("git add .; git commit -qm good; git rev-parse HEAD > ../good", tmp_path / "work")
    run("echo bad > a; echo more > b; git add .; git commit -qm bad; git push -q origin main", tmp_path / "work")
    good = (tmp_path / "good").read_text().strip()
    scene["commit"].digest = good
    scene["git"].config = GIT | {
        "repository": str(tmp_path / "origin.git"),
        "deploy": ["./ship", "{commit}", "{version}", "it's {version}"],
        "deploy_folder": "ops",
    }
    recipe = recipes(scene["git"], None, scene["commit"], "shop")["Roll back to v7 and deploy it"]
    run("\n".join(recipe.lines), tmp_path)
    run("git fetch -q && git diff --exit-code origin/main " + good, tmp_path / "work")
    head = run("git rev-parse origin/main", tmp_path / "work").strip()
    assert (tmp_path / "recovery" / "shipped").read_text() == f"{head} v7 it's v7\n"
    assert run("git log --format=%s origin/main", tmp_path / "work").split("\n")[:3] == ["Return to v7", "bad", "good"]


def test_the_kit_holds_everything_and_no_secret(scene):
    with transaction() as session:
        kit = survival.collect(session, reach=SYSTEM.reach())
    for text in (survival.html(kit), survival.markdown(kit)):
        for part in (
            "Ana Ruiz",
            "+49 30 5551",
            "Oakline status",
            "/status/oakline/",
            "https://graphs.example.org/d/1",
            "v1.2.3",
            "Return to v7",
        ):
            assert part in text
        for secret in ("hunter2", "abcdef123456", "the-secret-kubeconfig"):
            assert secret not in text
        assert kit.when in text
        assert "rollback decision made" in text.lower()
    assert "Noor &lt;b&gt;Haddad" in survival.html(kit)


def test_a_reader_gets_the_services_that_they_may_see(scene):
    with transaction() as session:
        kit = survival.collect(session, reach=Reach(everything=False, service_ids=frozenset({scene["shop"].id})))
    assert [chapter.service.slug for chapter in kit.chapters] == ["shop"]


def test_the_files_are_written_when_they_are_old_readable_by_us_only_and_never_half(scene):
    assert survival.due() == [0]
    survival.carry(0)
    assert survival.due() == []
    folder = survival.folder()
    assert sorted(path.name for path in folder.iterdir()) == ["survival-kit.html", "survival-kit.md"]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    long_ago = time.time() - survival.EVERY_S - 1
    os.utime(folder / survival.HTML, (long_ago, long_ago))
    assert survival.due() == [0]
    before = (folder / survival.MARKDOWN).read_text()
    survival.carry(0)
    assert (folder / survival.MARKDOWN).read_text().splitlines()[0] == before.splitlines()[0]
    assert survival.due() == []
