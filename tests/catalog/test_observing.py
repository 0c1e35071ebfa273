import json

import pytest

from app.catalog import readings, releases
from app.catalog.models import AllowedAddress, Cluster, Release, Service, Target
from app.catalog.observing import ask_for_services, observe, observe_service
from app.catalog.validating import choices, try_check, validate_target
from app.core.database import transaction
from app.core.errors import Refused
from app.core.sealing import seal
from tests.factories import make_check, make_cluster, make_service, make_target


@pytest.fixture
def target(console, shop, site):
    config = {"repository": shop.address, "branch": "main", "deploy": ["true"], "version_url": f"{site.url}/version", "local": True}
    with transaction() as session:
        session.add(AllowedAddress(host="127.0.0.1", port=site.port, allowed_by="Ada"))
        return make_target(session, make_service(session), config=config)


@pytest.fixture
def says(site):
    def says(version):
        site.answers["/version"] = (200, version)

    return says


def look(target):
    return observe(f"target-{target.id}", {})


def history(target):
    with transaction() as session:
        return [(release.version, release.origin) for release in releases.releases_of(session, target)]


def running(target):
    with transaction() as session:
        return releases.current(session, target)


def row(target):
    with transaction() as session:
        return session.get_one(Target, target.id)


def test_what_the_version_address_says_is_what_runs_and_older_tags_are_imported(target, shop, says):
    shop.commit("one", tag="v1.2.2")
    shop.commit("two", tag="v1.2.3")
    shop.commit("three", tag="v1.2.4")
    shop.commit("four", tag="v1.2.5")
    says("1.2.4")

    assert look(target)["running"] == "v1.2.4"
    assert history(target) == [("v1.2.4", "observed"), ("v1.2.3", "imported"), ("v1.2.2", "imported")]
    assert row(target).observe_problem == ""
    assert running(target).release.facts["author"] == "Ben"


def test_a_deploy_is_a_new_release_that_names_what_it_replaced(target, shop, says):
    shop.commit("one", tag="v1.2.3")
    says("v1.2.3")
    look(target)
    shop.commit("two", tag="v1.2.4")
    says("v1.2.4")
    look(target)

    assert (running(target).release.version, running(target).replaced.version) == ("v1.2.4", "v1.2.3")


def test_a_return_to_earlier_content_by_a_new_commit_is_the_earlier_release(target, shop, says):
    good = shop.commit("one", tag="v1.2.3")
    shop.commit("two", tag="v1.2.4")
    says("v1.2.4")
    look(target)
    says(shop.commit("one"))
    look(target)

    assert running(target).release.digest == good
    assert [version for version, _ in history(target)] == ["v1.2.3", "v1.2.4"]


def test_without_tags_the_commits_are_the_releases(target, shop, says):
    first = shop.commit("one")
    says(shop.commit("two")[:8])
    look(target)

    assert len(history(target)) == 2
    with transaction() as session:
        assert releases.offer(session, target).release.digest == first


def test_without_a_version_address_the_tip_is_taken_for_what_runs_until_a_run_says_otherwise(target, shop):
    with transaction() as session:
        session.get_one(Target, target.id).config = target.config | {"version_url": ""}
    good = shop.commit("one", tag="v1.2.3")
    shop.commit("two", tag="v1.2.4")
    look(target)
    with transaction() as session:
        release = session.query(Release).filter_by(digest=good).one()
        releases.deployed(session, target, release, by="run-7")
    look(target)
    assert (running(target).release.version, running(target).by) == ("v1.2.3", "run-7")

    shop.commit("three", tag="v1.2.5")
    look(target)
    assert running(target).release.version == "v1.2.5"


def test_a_version_that_the_branch_does_not_hold_is_said_in_one_sentence_and_the_history_stays(target, shop, says):
    shop.commit("one", tag="v1.2.3")
    says("v1.2.3")
    look(target)
    says("v9")
    look(target)

    assert "says that v9 runs, which is neither a tag nor one of the last 1 commits of main" in row(target).observe_problem
    assert row(target).seen["settled"] is False
    assert running(target).release.version == "v1.2.3"


def test_a_repository_that_cannot_be_read_is_a_problem_and_not_an_empty_history(target, tmp_path):
    with transaction() as session:
        session.get_one(Target, target.id).config = target.config | {"repository": str(tmp_path / "gone")}
    answer = look(target)

    assert answer["problem"]
    assert row(target).observe_problem == answer["problem"]


def test_the_look_reads_the_checks_of_the_service_and_a_release_becomes_good(target, shop, says, site):
    shop.commit("one", tag="v1.2.3")
    says("v1.2.3")
    site.answers["/health"] = (200, "ok")
    with transaction() as session:
        service = session.get_one(Service, target.service_id)
        service.good_after_s = 5
        check = make_check(session, service, url=f"{site.url}/health")
        version = make_check(session, service, kind="version", name="version", source="url", url=f"{site.url}/version", tries=1)
    look(target)  # the first look does not know yet what should run
    look(target)
    with transaction() as session:
        newest = readings.newest(session, [check, version])
    assert (newest[check.id].outcome, newest[version.id].outcome) == ("pass", "pass")
    assert running(target).holding_since is not None

    site.answers["/health"] = (503, "down")
    look(target)
    assert running(target).holding_since is None


def test_checks_are_read_also_when_the_target_cannot_be_seen(target, site):
    site.answers["/health"] = (200, "ok")
    with transaction() as session:
        check = make_check(session, session.get_one(Service, target.service_id), url=f"{site.url}/health")
    look(target)
    with transaction() as session:
        assert readings.newest(session, [check])[check.id].outcome == "pass"


def test_a_target_that_was_pointed_elsewhere_during_the_look_keeps_nothing_of_it(target, shop, site, says):
    shop.commit("one", tag="v1.2.3")

    def pointed_elsewhere(_handler):
        with transaction() as session:
            moved = session.get_one(Target, target.id)
            moved.config = moved.config | {"branch": "other"}
        return 200, "v1.2.3"

    site.answers["/version"] = pointed_elsewhere
    assert look(target) == {"stale": True}
    assert history(target) == []


def test_a_removed_target_is_not_looked_at(target):
    with transaction() as session:
        session.get_one(Target, target.id).archived_at = session.get_one(Target, target.id).created_at
    with pytest.raises(Refused, match="was removed in the meantime"):
        look(target)


def test_a_cluster_that_does_not_answer_is_a_problem_of_the_target(console):
    nowhere = json.dumps(
        {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
        }
    )
    with transaction() as session:
        target = make_target(session, make_service(session), cluster=make_cluster(session, nowhere))
    look(target)

    assert "127.0.0.1:1" in row(target).observe_problem
    with pytest.raises(Refused, match=r"127\.0\.0\.1:1"), transaction() as session:
        choices("x", {"cluster_id": session.query(Cluster).one().id, "namespace": "shop", "kind": "Deployment"})


# --- what forms ask ----------------------------------------------------------------------------------------------------


def test_a_form_learns_that_a_branch_does_not_exist(target, shop, says):
    shop.commit("one", tag="v1.2.3")
    answer = validate_target("x", {"kind": "git", "config": target.config | {"branch": "nope"}})

    assert answer["field"] == "branch"
    assert "nope" in answer["problem"]


def test_a_form_learns_what_runs(target, shop, says):
    shop.commit("one", tag="v1.2.2")
    shop.commit("two", tag="v1.2.3")
    says("v1.2.3")

    assert validate_target("x", {"kind": "git", "config": target.config}) == {"problem": "", "running": "v1.2.3", "remembered": 1}


def test_a_check_is_tried_before_it_is_saved(target, site):
    site.answers["/health"] = (200, "ok")
    asked = {"kind": "health", "config": {"url": f"{site.url}/health"}, "service_id": target.service_id}

    assert try_check("x", asked)["outcome"] == "pass"
    assert try_check("x", asked)["blocked"] is None


def test_a_check_is_tried_with_the_credential_that_was_only_typed(target, site):
    site.answers["/health"] = lambda handler: (200, "ok") if handler.headers["Authorization"] == "Bearer t-1" else (401, "who")
    asked = {"kind": "health", "config": {"url": f"{site.url}/health"}, "service_id": target.service_id}

    assert try_check("x", asked)["outcome"] == "fail"
    assert try_check("x", asked | {"sealed": seal("t-1").hex()})["outcome"] == "pass"


def test_a_private_address_that_nobody_allowed_is_named_for_the_administrator(target, site):
    with transaction() as session:
        session.query(AllowedAddress).delete()
    asked = {"kind": "smoke", "config": {"steps": [{"url": f"{site.url}/login"}]}, "service_id": target.service_id}
    answer = try_check("x", asked)

    assert answer["outcome"] == "inconclusive"
    assert answer["blocked"] == {"host": "127.0.0.1", "port": site.port}


def test_an_address_that_hands_out_credentials_is_never_offered_for_allowing(target):
    asked = {"kind": "health", "config": {"url": "http://169.254.169.254/latest"}, "service_id": target.service_id}

    assert try_check("x", asked)["blocked"] is None


def test_checks_of_a_service_without_a_target_are_read_too(console, site):
    site.answers["/health"] = (200, "ok")
    with transaction() as session:
        session.add(AllowedAddress(host="127.0.0.1", port=site.port, allowed_by="Ada"))
        service = make_service(session)
        check = make_check(session, service, url=f"{site.url}/health")
    with transaction() as session:
        assert ask_for_services(session) == 1
        assert ask_for_services(session) == 0
    assert observe_service(f"service-{service.id}", {}) == {"read": 1}
    with transaction() as session:
        assert readings.newest(session, [check])[check.id].outcome == "pass"


def test_a_service_with_a_target_has_its_checks_read_with_that_target_only(target):
    with transaction() as session:
        make_check(session, session.get_one(Service, target.service_id))
    with transaction() as session:
        assert ask_for_services(session) == 0
    assert observe_service(f"service-{target.service_id}", {}) == {"stale": True}
