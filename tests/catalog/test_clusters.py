import pytest

from app.accounts.policy import Role
from app.audit.models import AuditEntry
from app.catalog import addresses, clusters, credentials, queries, targets
from app.catalog.models import Look, Secret
from app.core.errors import Forbidden, Invalid, Refused
from app.core.sealing import unseal
from tests.factories import make_cluster, make_person, make_target

KUBECONFIG = """
current-context: prod
contexts: [{name: prod, context: {cluster: prod, user: console}}, {name: other, context: {cluster: other, user: boss}}]
clusters: [{name: prod, cluster: {server: "https://10.0.0.1:6443"}}, {name: other, cluster: {server: "https://10.9.9.9"}}]
users: [{name: console, user: {token: prod-token-1}}, {name: boss, user: {token: boss-token-2}}]
"""


def audited(db):
    return [entry.action for entry in db.query(AuditEntry).order_by(AuditEntry.seq)]


# --- clusters ----------------------------------------------------------------------------------------------------------


def test_a_kubeconfig_is_sealed_and_only_its_current_context_is_kept(db, ada):
    cluster = clusters.add(db, name="prod", kind="kubeconfig", text=KUBECONFIG, by=ada)
    kept = unseal(db.query(Secret).one().sealed)

    assert cluster.server == "https://10.0.0.1:6443"
    assert "prod-token-1" in kept
    assert "boss-token-2" not in kept
    assert [look.kind for look in db.query(Look)] == ["cluster.check"]


@pytest.mark.parametrize(
    ("user", "sentence"),
    [
        ("{exec: {command: aws, apiVersion: v1}}", "starting a program"),
        ("{tokenFile: /var/run/token}", "points to a file"),
        ("{client-certificate: /root/cert, client-key: /root/key}", "points to a file"),
    ],
)
def test_a_kubeconfig_that_needs_something_of_this_machine_is_refused(db, ada, user, sentence):
    with pytest.raises(Refused, match=sentence) as refused:
        clusters.add(db, name="prod", kind="kubeconfig", text=KUBECONFIG.replace("{token: prod-token-1}", user), by=ada)
    assert refused.value.field == "kubeconfig"
    assert db.query(Secret).count() == 0


@pytest.mark.parametrize("text", ["", "hello", "[1, 2", "[" * 3000, "x" * 300_000])
def test_what_is_no_kubeconfig_is_refused(db, ada, text):
    with pytest.raises(Refused) as refused:
        clusters.add(db, name="prod", kind="kubeconfig", text=text, by=ada)
    assert refused.value.field == "kubeconfig"


def test_the_account_of_the_runners_own_pod_needs_no_credential(db, ada):
    cluster = clusters.add(db, name="here", kind="in_cluster", by=ada)

    assert credentials.open_cluster(db, cluster) == {"kubeconfig": {"in_cluster": True}}
    with pytest.raises(Refused, match="no kubeconfig to replace"):
        clusters.rotate(db, cluster, text=KUBECONFIG, by=ada)


def test_a_cluster_with_targets_stays(db, ada, service):
    cluster = make_cluster(db)
    target = make_target(db, service, cluster=cluster)
    with pytest.raises(Refused, match="deployment/login in shop lives on it"):
        clusters.archive(db, cluster, by=ada)
    targets.archive(db, target, by=ada)
    clusters.archive(db, cluster, by=ada)

    assert queries.clusters(db) == []


# --- allowed addresses -------------------------------------------------------------------------------------------------


def test_an_administrator_allows_an_address_once(db, ada):
    for _ in range(2):
        addresses.allow(db, host="Metrics.Internal.", port=9090, reason="Prometheus", by=ada)

    assert credentials.allowed_addresses(db) == {("metrics.internal", 9090)}
    assert audited(db) == ["address.allow"]
    addresses.forbid(db, queries.addresses(db)[0], by=ada)
    assert credentials.allowed_addresses(db) == frozenset()


def test_nobody_else_allows_an_address(db, ada):
    with pytest.raises(Forbidden, match="takes an administrator"):
        addresses.allow(db, host="10.0.0.1", port=80, by=make_person(db, "Ben", Role.COMMANDER))


@pytest.mark.parametrize(("host", "port"), [("", 80), ("a b", 80), ("x/y", 80), ("10.0.0.1", 0)])
def test_an_address_has_a_host_and_a_port(db, ada, host, port):
    with pytest.raises(Invalid):
        addresses.allow(db, host=host, port=port, by=ada)
