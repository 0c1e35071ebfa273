import pytest

from app.accounts.policy import Reach
from app.audit.models import AuditEntry
from app.audit.queries import verify
from app.catalog import actions, checks, credentials, queries, releases, targets
from app.catalog.actions import ContactFacts, LinkFacts, ServiceFacts
from app.catalog.models import CheckReading, Look, Secret
from app.core.clock import now
from app.core.errors import Invalid, NotFound
from tests.factories import make_cluster, make_release, make_service, make_target

EVERYTHING = Reach(everything=True, service_ids=frozenset())
WORKLOAD = {"namespace": "shop", "kind": "Deployment", "name": "login"}
GIT = {"repository": "https://git.example.org/shop.git", "branch": "main", "deploy": ["./deploy", "{version}"]}


def names(rows):
    return [row.name for row in rows]


def audited(db):
    return [entry.action for entry in db.query(AuditEntry).order_by(AuditEntry.seq)]


# --- services -------------------------------------------------------------------------------------------------------


def test_a_service_needs_only_a_name_and_gets_its_slug_from_it(db, ada):
    service = actions.create(db, ServiceFacts(name="  Log-in API "), by=ada)

    assert (service.slug, service.name, service.tier, service.good_after_s) == ("log-in-api", "Log-in API", 2, 600)
    assert audited(db) == ["service.create"]
    assert verify(db) == ""


def test_a_slug_that_is_taken_is_named_beside_its_field(db, ada, service):
    with pytest.raises(Invalid, match="There is already a service login") as refused:
        actions.create(db, ServiceFacts(name="Login"), by=ada)
    assert list(refused.value.problems) == ["slug"]


def test_every_wrong_field_is_named_at_once(db, ada):
    with pytest.raises(Invalid) as refused:
        actions.create(db, ServiceFacts(name="", tier=7, good_after_s=1), by=ada)
    assert set(refused.value.problems) == {"name", "tier", "good_after_s"}


def test_an_edit_that_changes_nothing_leaves_no_line_and_the_slug_stays(db, ada, service):
    actions.edit(db, service, ServiceFacts(name="Log-in"), by=ada)
    assert audited(db) == []

    actions.edit(db, service, ServiceFacts(name="Sign-in", slug="sign-in"), by=ada)
    assert (service.name, service.slug, audited(db)) == ("Sign-in", "login", ["service.edit"])


def test_an_archived_service_is_found_nowhere(db, ada, service):
    target = make_target(db, service)
    actions.archive(db, service, by=ada)

    assert queries.services(db, reach=EVERYTHING) == []
    with pytest.raises(NotFound):
        queries.get_service(db, "login", reach=EVERYTHING)
    with pytest.raises(NotFound):
        queries.get_target(db, target.id, reach=EVERYTHING)


def test_a_reader_finds_only_the_services_within_reach(db, ada, service):
    other = make_service(db, "checkout")
    reach = Reach(everything=False, service_ids=frozenset({other.id}))

    assert queries.services(db, reach=reach) == [other]
    with pytest.raises(NotFound):
        queries.get_service(db, "login", reach=reach)


# --- contacts and links ----------------------------------------------------------------------------------------------


def test_contacts_are_kept_in_the_order_in_which_to_call_them(db, ada, service):
    rows = [ContactFacts(role="On-call", name="Pager", phone="+49 30 1"), ContactFacts(), ContactFacts(role="CTO", name="Kim", chat="@kim")]
    actions.set_contacts(db, service, rows, by=ada)
    actions.set_contacts(db, service, list(reversed(rows)), by=ada)

    assert names(queries.contacts_of(db, service)) == ["Kim", "Pager"]


def test_a_contact_whom_nobody_can_reach_is_refused_and_the_old_list_stays(db, ada, service):
    actions.set_contacts(db, service, [ContactFacts(name="Pager", phone="1")], by=ada)

    with pytest.raises(Invalid) as refused:
        actions.set_contacts(db, service, [ContactFacts(name="Kim"), ContactFacts(phone="7"), ContactFacts(name="Al", email="al")], by=ada)

    assert set(refused.value.problems) == {"phone-0", "name-1", "email-2"}
    assert names(queries.contacts_of(db, service)) == ["Pager"]


def test_a_link_is_a_web_address_and_nothing_else(db, ada, service):
    with pytest.raises(Invalid):
        actions.set_links(db, service, [LinkFacts("evil", "javascript:alert(1)")], by=ada)
    actions.set_links(db, service, [LinkFacts("Dashboard", "https://grafana.example.org/d/1")], by=ada)

    assert [(link.label, link.url) for link in queries.links_of(db, service)] == [("Dashboard", "https://grafana.example.org/d/1")]


# --- targets ---------------------------------------------------------------------------------------------------------


def test_a_registered_target_is_looked_at_soon(db, ada, service):
    cluster = make_cluster(db)
    target = targets.add(
        db, service, kind="kubernetes", environment="Staging", config={"cluster_id": cluster.id, **WORKLOAD}, by=ada, unseen="not yet"
    )

    assert (target.environment, target.cluster_id, target.observe_problem) == ("staging", cluster.id, "not yet")
    assert [(look.kind, look.subject) for look in db.query(Look)] == [("target.observe", f"target-{target.id}")]
    assert audited(db) == ["target.add"]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("namespace", {"namespace": "Shop"}),
        ("name", {"name": ""}),
        ("kind", {"kind": "Job"}),
        ("cluster_id", {"cluster_id": ""}),
        ("cluster_id", {"cluster_id": 999}),
    ],
)
def test_a_wrong_workload_is_named_beside_its_field(db, ada, service, field, wrong):
    cluster = make_cluster(db)
    with pytest.raises(Invalid) as refused:
        targets.add(
            db, service, kind="kubernetes", environment="production", config={"cluster_id": cluster.id, **WORKLOAD, **wrong}, by=ada
        )
    assert list(refused.value.problems) == [field]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("repository", {"repository": "/etc"}),
        ("repository", {"repository": "file:///etc"}),
        ("repository", {"repository": "ext::sh -c id"}),
        ("repository", {"repository": "https://user:pass@git.example.org/x.git"}),
        ("branch", {"branch": "-x"}),
        ("branch", {"branch": "a..b"}),
        ("deploy", {"deploy": []}),
        ("deploy", {"deploy": ["{version}"]}),
        ("deploy", {"deploy": ["./deploy", "{secret}"]}),
        ("deploy_folder", {"deploy_folder": "../.."}),
        ("version_url", {"version_url": "file:///etc/passwd"}),
    ],
)
def test_a_wrong_git_target_is_named_beside_its_field(db, ada, service, field, wrong):
    with pytest.raises(Invalid) as refused:
        targets.add(db, service, kind="git", environment="production", config=GIT | wrong, by=ada)
    assert list(refused.value.problems) == [field]


def test_a_git_credential_is_sealed_and_a_new_one_takes_its_place(db, ada, service):
    target = targets.add(db, service, kind="git", environment="production", config=GIT, by=ada, credential={"token": "t-1"})
    kept = queries.get_target(db, target.id, reach=EVERYTHING)
    targets.edit(db, kept, environment="production", config=GIT, by=ada)
    assert credentials.open_for(db, target) == {"git": {"token": "t-1"}}

    targets.edit(db, kept, environment="production", config=GIT, by=ada, credential={"token": "t-2"})
    secret = db.query(Secret).one()

    assert credentials.open_for(db, target) == {"git": {"token": "t-2"}}
    assert b"t-2" not in secret.sealed
    assert secret.rotated_at


def test_a_target_that_is_pointed_elsewhere_begins_a_history_of_its_own(db, ada, service):
    target = targets.add(db, service, kind="git", environment="production", config=GIT, by=ada, credential={"token": "t-1"})
    make_release(db, target, "v1.2.3", standing="good", current=True)

    same = targets.edit(db, target, environment="staging", config=GIT | {"deploy": ["./deploy"]}, by=ada)
    assert (same.id, same.environment) == (target.id, "staging")

    moved = targets.edit(db, target, environment="staging", config=GIT | {"branch": "next"}, by=ada)
    assert queries.targets_of(db, service) == [moved]
    assert releases.releases_of(db, moved) == []
    assert credentials.open_for(db, moved) == {"git": {"token": "t-1"}}


def test_production_comes_first_among_the_targets(db, service):
    make_target(db, service, environment="staging")
    first = make_target(db, service)

    assert queries.targets_of(db, service)[0].id == first.id


# --- checks ----------------------------------------------------------------------------------------------------------


def test_a_check_is_kept_as_its_settings_say_and_its_name_is_its_own(db, ada, service):
    check = checks.add(
        db, service, kind="health", name="health", config={"url": "https://shop.example.org/health", "timeout_s": "5"}, by=ada
    )

    assert check.config == {"url": "https://shop.example.org/health", "timeout_s": 5.0}
    with pytest.raises(Invalid, match="Log-in has a check named health already"):
        checks.add(db, service, kind="health", name="health", config={"url": "https://other.example.org"}, by=ada)
    assert names(queries.checks_of(db, service)) == ["health"]


def test_a_check_with_wrong_settings_is_not_saved(db, ada, service):
    with pytest.raises(Invalid) as refused:
        checks.add(db, service, kind="health", name="health", config={"url": "nowhere"}, by=ada)
    assert list(refused.value.problems) == ["url"]
    assert queries.checks_of(db, service) == []


def test_an_archived_check_frees_its_name_and_keeps_its_readings(db, ada, service):
    check = checks.add(db, service, kind="health", name="health", config={"url": "https://shop.example.org"}, by=ada)
    db.add(CheckReading(check_id=check.id, outcome="pass", at=now()))
    checks.archive(db, check, by=ada)
    checks.add(db, service, kind="health", name="health", config={"url": "https://shop.example.org"}, by=ada)

    assert names(queries.checks_of(db, service)) == ["health"]
    assert db.query(CheckReading).count() == 1
