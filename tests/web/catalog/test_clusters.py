"""The pages of clusters and private addresses."""

import pytest

from app.accounts.policy import Role
from app.catalog.models import AllowedAddress, Cluster, Secret
from app.core.database import transaction
from app.core.sealing import unseal
from app.web import catalog_questions
from tests import factories
from tests.web.catalog.scene import saved, text_of

KUBECONFIG = """
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {token: very-secret-token}}]
"""


@pytest.fixture
def form():
    return {"name": "new", "kind": "kubeconfig", "kubeconfig": KUBECONFIG}


def test_the_page_of_a_cluster_lists_what_is_missing_and_the_role_that_mends_it(client, ada, rows):
    text = text_of(client.get(f"/clusters/{rows['prod'].id}"))

    assert "One right is missing. Without it the console cannot do its work here" in text
    assert text.index("patch deployments.apps login") < text.index("get deployments.apps login")
    assert "resourceNames: [login], verbs: [patch, watch]" in text
    assert "Log-in production, deployment/login in shop" in text


def test_a_cluster_that_lets_nobody_in_is_not_stored_unless_somebody_says_so(client, ada, form, runner):
    refused = client.post("/clusters", data=form)
    assert refused.status_code == 422
    assert "127.0.0.1:1" in text_of(refused)
    assert "Save unchecked" in text_of(refused)
    assert len(saved(Cluster)) == 2

    answer = client.post("/clusters", data=form | {"unchecked": "1"})
    page = client.get(answer.headers["location"]).text
    assert "http://127.0.0.1:1" in page
    assert "very-secret-token" not in page
    assert "very-secret-token" in unseal(saved(Secret)[-1].sealed)


def test_a_kubeconfig_that_starts_a_program_is_refused_before_anybody_is_asked(client, ada, form):
    refused = client.post("/clusters", data=form | {"kubeconfig": KUBECONFIG.replace("token: very-secret-token", "exec: {command: aws}")})

    assert refused.status_code == 422
    assert "signs in by starting a program" in text_of(refused)


def test_where_no_runner_answers_the_page_says_so(client, ada, form, monkeypatch):
    monkeypatch.setattr(catalog_questions, "WAIT_S", 0.1)
    assert "The runner does not answer." in text_of(client.post("/clusters", data=form))


def test_a_cluster_on_which_a_target_lives_stays(client, ada, rows):
    client.post(f"/clusters/{rows['prod'].id}/archive")
    assert "prod-eu stays: deployment/login in shop lives on it." in text_of(client.get(f"/clusters/{rows['prod'].id}"))


def test_a_new_kubeconfig_takes_the_place_of_the_old_one(client, ada, rows):
    answer = client.post(f"/clusters/{rows['prod'].id}/kubeconfig", data={"kubeconfig": KUBECONFIG, "unchecked": "1"})
    assert answer.status_code == 303
    cluster = next(cluster for cluster in saved(Cluster) if cluster.id == rows["prod"].id)
    assert cluster.server == "http://127.0.0.1:1"

    refused = client.post(f"/clusters/{rows['prod'].id}/kubeconfig", data={"kubeconfig": "no"})
    assert refused.status_code == 422
    assert "This is not a kubeconfig" in text_of(refused)


def test_the_account_of_the_runners_pod_needs_no_kubeconfig(client, ada):
    answer = client.post("/clusters", data={"name": "here", "kind": "in_cluster", "unchecked": "1"})
    assert "Replace the kubeconfig" not in client.get(answer.headers["location"]).text


def test_addresses_are_allowed_and_taken_back(client, ada):
    assert client.post("/addresses", data={"host": "a b", "port": "80"}).status_code == 422
    client.post("/addresses", data={"host": "10.0.0.9", "port": "9090", "reason": "metrics"})
    assert "10.0.0.9:9090" in client.get("/clusters").text

    address = next(address for address in saved(AllowedAddress) if address.host == "10.0.0.9")
    client.post(f"/addresses/{address.id}/remove")
    assert "10.0.0.9:9090" not in client.get("/clusters").text.replace("on port", "")


def test_clusters_are_for_administrators(client, sign_in, rows):
    with transaction() as session:
        ben = factories.make_person(session, "Ben", Role.COMMANDER)
    sign_in(client, ben)

    assert client.get("/clusters").status_code == 403
    assert client.get(f"/clusters/{rows['prod'].id}").status_code == 403
    assert client.post("/addresses", data={"host": "10.0.0.9", "port": "9090"}).status_code == 403
