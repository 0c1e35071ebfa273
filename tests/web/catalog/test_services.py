"""The pages of services, targets and checks, without JavaScript: forms that are asked of the world before they are saved."""

import pytest

from app.accounts.policy import Reach, Role
from app.catalog import queries, releases
from app.catalog.models import AllowedAddress, Check, Release, Service, Target
from app.core.clock import now
from app.core.database import transaction
from app.web import catalog_questions
from tests import factories
from tests.catalog.conftest import Shop
from tests.site import Site
from tests.web.catalog.scene import saved, text_of

EVERYTHING = Reach(everything=True, service_ids=frozenset())


@pytest.fixture
def site():
    site = Site()
    yield site
    site.close()


# --- looking -----------------------------------------------------------------------------------------------------------


def test_the_list_says_what_runs_whether_it_works_and_where_it_can_go_back_to(client, ada):
    text = text_of(client.get("/services"))

    assert "Log-in Tier 1, Identity INC-1 Log-in fails for 30 % of users v1.2.4 Suspect" in text
    assert "last good v1.2.3 1 of 4 fails 2 of 3 ready production, deployment/login in shop" in text
    assert "Search Tier 3, Discovery Nobody has said yet where it runs. No checks" in text


def test_the_page_of_a_service_offers_the_last_good_release_with_the_reason(client, ada, rows):
    answer = client.get("/services/login")
    text = text_of(answer)

    assert "Runs v1.2.4 Went out 12 min ago in place of v1.2.3 ." in text
    assert "It is suspect: named by INC-1." in text
    assert "login-6c9f7d-c: CrashLoopBackOff, the container keeps exiting" in text
    assert "The newest good release that differs from what runs: all its checks held for 10 min" in text
    assert "Roll back to v1.2.3" in text
    assert "Whom to call" in text
    with transaction() as session:
        offer = releases.offer(session, queries.targets_of(session, rows["login"])[0])
    assert f'name="release_id" value="{offer.release.id}"' in answer.text


def test_what_changes_by_itself_is_the_same_piece_as_on_the_page(client, ada):
    whole = client.get("/services/login").text
    for name, part in (("piece", "service-1"), ("watch", "service-1-watch")):
        piece = client.get(f"/services/login/{name}").text
        assert piece.startswith(f'<div id="{part}"')
        assert f'<div id="{part}"' in whole


def test_a_viewer_sees_the_state_and_no_buttons(client, sign_in, rows):
    sign_in(client, rows["vera"])
    answer = client.get("/services/login")

    assert "Runs v1.2.4" in text_of(answer)
    assert "/plans" not in answer.text
    assert "/edit" not in answer.text


def test_a_responder_of_another_service_does_not_learn_that_this_one_exists(client, sign_in, rows):
    with transaction() as session:
        leo = factories.make_person(session, "Leo", Role.RESPONDER, service=rows["shop"])
    sign_in(client, leo)

    assert client.get("/services/login").status_code == 404
    assert "Log-in" not in client.get("/services").text
    assert "Runs v3.19.1" in text_of(client.get("/services/shop"))


# --- services ------------------------------------------------------------------------------------------------------------


def test_a_new_service_leads_to_its_page(client, ada):
    answer = client.post("/services", data={"name": "Check out", "tier": "1", "good_after_s": "300"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/services/check-out")
    assert "Nobody has said yet where Check out runs." in text_of(client.get("/services/check-out"))


def test_a_refused_form_keeps_what_was_typed_and_says_why_beside_the_field(client, ada):
    answer = client.post("/services", data={"name": "Login", "owner": "Identity team", "slug": "login"})

    assert answer.status_code == 422
    assert "There is already a service login." in answer.text
    assert 'value="Identity team"' in answer.text


def test_contacts_change_places_by_their_numbers(client, ada):
    first = {"place-0": "2", "role-0": "CTO", "name-0": "Kim", "chat-0": "@kim"}
    second = {"place-1": "1", "role-1": "On-call", "name-1": "Pager", "phone-1": "123"}
    answer = client.post("/services/search/contacts", data=first | second)

    assert answer.status_code == 303
    text = text_of(client.get("/services/search"))
    assert text.index("Pager") < text.index("Kim")


def test_a_contact_nobody_can_reach_is_drawn_again_in_its_row(client, ada):
    answer = client.post("/services/search/contacts", data={"place-0": "1", "role-0": "", "name-0": "Kim"})

    assert answer.status_code == 422
    assert "Give a phone number, a mail address or a chat name for Kim." in text_of(answer)


def test_a_service_that_is_not_watched_any_more_is_gone(client, ada):
    assert client.post("/services/search/archive").status_code == 303
    assert client.get("/services/search").status_code == 404


# --- releases ----------------------------------------------------------------------------------------------------------------


def test_a_release_is_marked_with_a_reason(client, ada, rows):
    page = f"/releases/{rows['release'].id}"
    assert "Cache the price list, Mei Tan" in text_of(client.get(page))

    refused = client.post(f"{page}/mark", data={"standing": "suspect", "reason": ""})
    assert refused.status_code == 422
    assert "say in a few words why it should be suspect" in text_of(refused)

    assert client.post(f"{page}/mark", data={"standing": "suspect", "reason": "prices are wrong"}).status_code == 303
    assert "It is suspect: prices are wrong." in text_of(client.get("/services/shop"))


# --- targets -------------------------------------------------------------------------------------------------------------------


def test_the_kind_of_a_target_is_chosen_first(client, ada):
    assert "?kind=kubernetes" in client.get("/services/search/targets/new").text
    assert "prod-eu" in client.get("/services/search/targets/new?kind=kubernetes").text
    assert client.post("/services/search/targets", data={"kind": "nonsense"}).status_code == 404


def test_a_target_that_the_runner_cannot_see_may_be_saved_unchecked(client, ada, rows, runner):
    """The cluster of the scene does not exist: nobody can say whether the workload does."""
    workload = {
        "kind": "kubernetes",
        "environment": "production",
        "cluster_id": rows["prod"].id,
        "namespace": "shop",
        "workload": "Deployment",
    }
    refused = client.post("/services/search/targets", data=workload | {"name": "search"})

    assert refused.status_code == 422
    assert "Save unchecked" in text_of(refused)
    assert len(saved(Target)) == 3

    answer = client.post("/services/search/targets", data=workload | {"name": "search", "unchecked": "1"})
    assert answer.headers["location"] == "/services/search"
    assert "It was saved without a look, so nobody has seen it yet." in text_of(client.get("/services/search"))


def test_where_no_runner_answers_nothing_is_saved_and_the_page_says_so(client, ada, rows, monkeypatch):
    monkeypatch.setattr(catalog_questions, "WAIT_S", 0.1)
    workload = {
        "kind": "kubernetes",
        "environment": "production",
        "cluster_id": rows["prod"].id,
        "namespace": "shop",
        "workload": "Deployment",
    }
    refused = client.post("/services/search/targets", data=workload | {"name": "search"})

    assert "The runner does not answer." in text_of(refused)
    assert "Save unchecked" in text_of(refused)
    assert len(saved(Target)) == 3


def test_a_wrong_field_is_named_before_the_world_is_asked(client, ada):
    answer = client.post("/services/search/targets", data={"kind": "git", "environment": "production", "repository": "/etc", "deploy": "x"})

    assert answer.status_code == 422
    assert "Give an https:// or ssh address" in answer.text
    assert 'value="/etc"' in answer.text


def test_a_repository_of_this_machine_stays_one_and_no_form_can_name_another(client, ada, rows, tmp_path, runner):
    shop = Shop(tmp_path / "shop")
    shop.commit("one", tag="v1.2.3")
    with transaction() as session:
        target = session.get_one(Target, rows["target"].id)
        target.config = target.config | {"repository": shop.address}
    form = {"environment": "production", "branch": "main", "deploy": "./deploy\n--tag={version}", "repository": shop.address}

    assert client.post(f"/targets/{target.id}/edit", data=form | {"branch": "nope"}).status_code == 422
    assert client.post(f"/targets/{target.id}/edit", data=form).status_code == 303
    with transaction() as session:
        assert session.get_one(Target, target.id).config["deploy"] == ["./deploy", "--tag={version}"]
    other = client.post(f"/targets/{target.id}/edit", data=form | {"repository": str(tmp_path)})
    assert "Give an https:// or ssh address" in other.text


def test_a_removed_target_is_not_shown_any_more(client, ada, rows):
    assert client.post(f"/targets/{rows['target'].id}/archive").status_code == 303
    assert "Nobody has said yet where Shop front runs." in text_of(client.get("/services/shop"))


# --- checks ----------------------------------------------------------------------------------------------------------------------


def test_a_private_address_is_allowed_there_and_then_and_the_check_is_saved(client, ada, site, runner):
    site.answers["/health"] = (200, "ok")
    form = {"kind": "health", "name": "Health", "url": f"{site.url}/health", "required": "yes"}

    blocked = client.post("/services/search/checks", data=form | {"save": "1"})
    assert f"Allow 127.0.0.1:{site.port} and look again" in text_of(blocked)
    assert len(saved(Check)) == 4

    tried = client.post("/services/search/checks", data=form | {"allow": f"127.0.0.1:{site.port}"})
    assert "It would pass now." in text_of(tried)
    assert [(a.host, a.allowed_by) for a in saved(AllowedAddress) if a.port == site.port] == [("127.0.0.1", "Ada Byron")]

    assert client.post("/services/search/checks", data=form | {"save": "1"}).status_code == 303
    assert "Health" in text_of(client.get("/services/search"))


def test_a_check_that_fails_now_can_be_saved_all_the_same(client, ada, site, runner):
    with transaction() as session:
        session.add(AllowedAddress(host="127.0.0.1", port=site.port, allowed_by="Ada"))
    form = {"kind": "health", "name": "Health", "url": f"{site.url}/health"}

    assert "It would fail now." in text_of(client.post("/services/search/checks", data=form | {"try": "1"}))
    assert client.post("/services/search/checks", data=form | {"save": "1"}).status_code == 303


def test_a_check_is_edited_with_its_settings_in_the_form(client, ada, rows, runner):
    check = next(check for check in saved(Check) if check.kind == "smoke")
    page = client.get(f"/checks/{check.id}/edit").text
    assert "GET https://login.example.org/login 200" in page

    refused = client.post(f"/checks/{check.id}/edit", data={"name": "Sign in", "steps": "GET nonsense", "save": "1"})
    assert refused.status_code == 422
    answer = client.post(f"/checks/{check.id}/edit", data={"name": "Sign in", "command": "./smoke --fast", "unchecked": "1"})
    assert answer.status_code == 303
    with transaction() as session:
        assert session.get_one(Check, check.id).config == {"command": ["./smoke", "--fast"]}


def test_the_usual_three_are_added_at_once_and_with_labels(client, ada, runner):
    form = {"source": "prometheus", "url": "https://prometheus.example.org", "selector": 'app="search"', "unchecked": "1"}
    assert client.post("/services/search/checks/usual", data=form).status_code == 303

    with transaction() as session:
        service = queries.get_service(session, "search", reach=EVERYTHING)
        made = queries.checks_of(session, service)
    assert [check.name for check in made] == ["Error rate", "Response time", "5xx responses"]
    assert 'app="search"' in made[0].config["requests"]


def test_a_removed_check_is_not_shown_any_more(client, ada):
    check = saved(Check)[0]
    assert client.post(f"/checks/{check.id}/archive").status_code == 303
    assert "The check Error rate is not read any more." in text_of(client.get("/services/login"))
    assert check.name not in text_of(client.get("/services/login"))


@pytest.mark.parametrize("kind", ["health", "version", "smoke", "metric"])
def test_every_kind_of_check_has_a_form_that_says_what_is_missing(client, ada, kind):
    assert client.get(f"/services/search/checks/new?kind={kind}").status_code == 200
    wanted = {"kind": kind, "name": "it", "save": "1", "source": "url" if kind == "version" else ""}
    answer = client.post("/services/search/checks", data=wanted)

    assert answer.status_code == 422
    assert "lg-error" in answer.text
    assert len(saved(Service)) == 3


# --- what is loud ------------------------------------------------------------------------------------------------------


def test_going_back_is_loud_only_where_something_is_wrong_and_what_is_offered_is_proven(client, ada, rows):
    def loud():
        text = client.get("/services/login").text
        return "btn-primary" in text[text.index('class="lg-service-now"') : text.index('id="recover"')]

    assert loud()  # v1.2.4 is suspect, a check fails, v1.2.3 is proven

    with transaction() as session:
        for release in session.query(Release).filter(Release.version.in_(["v1.2.2", "v1.2.3"])):
            release.standing = "unproven"
    assert not loud()

    with transaction() as session:
        session.query(Release).filter_by(version="v1.2.3").one().standing = "good"
        session.query(Release).filter_by(version="v1.2.4").one().standing = "good"
        for check in session.query(Check):
            check.archived_at = now()
        target = session.query(Target).filter_by(environment="production").first()
        target.seen = target.seen | {"pods": [], "settled": True, "ready": 3}
    text = client.get("/services/login").text
    assert "Roll back to v1.2.3" in text
    assert not loud()
