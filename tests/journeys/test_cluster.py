"""The main job on a real cluster, judged by a real Prometheus, from `lastgood up` on an empty state folder."""

import json
import os
import re
import urllib.request
from pathlib import Path

import pytest

from tests.lab.kubernetes.conftest import HOW, KUBECONFIG, Shop
from tests.lab.kubernetes.conftest import shop as shop

PROMETHEUS, APPS = (os.environ.get(f"LASTGOOD_TEST_{name}_URL", "") for name in ("PROMETHEUS", "APPS"))
pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not (os.environ.get(KUBECONFIG) and PROMETHEUS and APPS), reason=HOW.replace(" kubernetes", "")),
    pytest.mark.filterwarnings("ignore:Unverified HTTPS"),
]
PASSWORD = "a horse, a battery and a staple"


@pytest.fixture(scope="session")
def kubeconfig():
    return Path(os.environ[KUBECONFIG]).read_text()


def test_from_an_empty_folder_to_a_verdict_on_a_real_cluster(shop, kubeconfig, starts, arrives):
    shop.create("Deployment")
    console = starts("up", LASTGOOD_OBSERVE_EVERY_S="2")
    ida = arrives(console)
    the_link_makes_the_first_administrator(console, ida)
    the_cluster_is_registered(ida, kubeconfig)
    login_gets_a_target(ida, shop)
    the_rights_on_the_cluster_are_listed(ida)
    login_gets_its_checks(ida, shop)
    somebody_says_that_what_runs_is_good(ida)
    token = a_token_is_made(ida)
    a_bad_release_goes_out_and_the_board_says_so(ida, shop)
    the_token_reads_the_same(console, token)
    ida_declares_and_previews(ida, shop)
    pods_come_up_and_prometheus_agrees(ida, shop)
    ida_resolves(ida)


def the_link_makes_the_first_administrator(console, ida):
    link = console.said("/setup/").split()[-1]
    ida.opens(link)
    ida.fills("Your name", "Ida Berg")
    ida.fills("E-mail address", "ida@example.org")
    ida.fills("Password", PASSWORD)
    ida.fills("The same password again", PASSWORD)
    ida.presses("Make the account")
    ida.sees("Command board", "This console watches nothing yet.")
    with ida.forgiving("status of 40"):
        ida.opens(link)
        ida.sees(re.compile("was used before|has an administrator already"))


def the_cluster_is_registered(ida, kubeconfig):
    ida.opens("/clusters")
    ida.presses("Add the first one")
    ida.fills("Name", "lab")
    ida.fills("Kubeconfig", kubeconfig)
    ida.presses("Add cluster")
    ida.sees("It lets us in.")
    assert "certificate-authority" not in ida.page.content()


def login_gets_a_target(ida, shop: Shop):
    ida.opens("/services")
    ida.presses("Add the first one")
    ida.fills("Name", "Log-in")
    ida.selects("A release counts as good", "1 minute")
    ida.presses("Add service")
    ida.presses("Say where it runs")
    ida.presses("On Kubernetes")
    ida.fills("Namespace", shop.namespace)
    ida.fills("Name of the workload", "log-in")
    with ida.forgiving("status of 422"):
        ida.presses("Add target")
        ida.sees("found login")
    assert ida.page.get_by_label("Namespace").input_value() == shop.namespace
    ida.fills("Name of the workload", "login")
    ida.presses("Add target")
    ida.sees("is watched from now on", "Runs v1.2.3")


def the_rights_on_the_cluster_are_listed(ida):
    ida.opens("/clusters")
    ida.presses("lab")
    ida.presses("Ask again")
    ida.sees("Every right that the console needs here is there.", "patch deployments.apps login", "resourceNames: [login]")


def login_gets_its_checks(ida, shop):
    where = f'namespace="{shop.namespace}",app="login"'
    ida.opens("/services/log-in/checks/new?kind=version")
    ida.presses("Add check")
    ida.sees("The check Version is read from now on.")

    ida.opens("/services/log-in/checks/new?kind=health")
    ida.fills("Address", f"{APPS}/{shop.namespace}/login/health")
    ida.presses("Try it")
    ida.presses("Allow 127.0.0.1")
    ida.sees("It would pass now.")
    ida.presses("Add check")
    ida.sees("The check Health is read from now on.")

    ida.opens("/services/log-in/checks/new?kind=metric&source=prometheus")
    ida.fills("Name", "Error rate")
    ida.fills("Address of Prometheus", PROMETHEUS)
    ida.fills("PromQL: requests", f"sum(rate(http_requests_total{{{where}}}[{{window}}]))")
    ida.fills("PromQL: what is counted", f'sum(rate(http_requests_total{{{where},code=~"5.."}}[{{window}}]))')
    ida.fills("Limit", "1")
    ida.fills("Window in seconds", "5")
    ida.presses("Add check")
    ida.presses("Allow 127.0.0.1")
    ida.sees("It would pass now.")
    ida.presses("Add check")
    ida.sees("The check Error rate is read from now on.")
    ida.sees("All 3 hold", within=30)


def somebody_says_that_what_runs_is_good(ida):
    ida.presses("v1.2.3", exact=True)
    ida.chooses("Good")
    ida.fills("Why", "in use since spring without a complaint")
    ida.presses("Mark release")
    ida.sees("v1.2.3 is marked good.", "in use since spring without a complaint, by Ida Berg")


def a_token_is_made(ida):
    ida.opens("/me")
    ida.unfolds("Make a token")
    ida.fills("What uses it", "deploy pipeline")
    ida.page.locator("input[name=scopes][value=read]").check()
    ida.presses("Make the token")
    token = ida.page.locator(".lg-secret").inner_text()
    ida.presses("It is copied")
    ida.sees("deploy pipeline")
    assert token not in ida.page.content()
    return token


def the_token_reads_the_same(console, token):
    request = urllib.request.Request(f"{console.url}/api/v1/services", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer:
        assert "log-in" in answer.read().decode()


def a_bad_release_goes_out_and_the_board_says_so(ida, shop):
    ida.opens("/")
    ida.sees("No open incidents.")
    with ida.without_reloading():
        shop.set_image("Deployment", "v1.2.4-bad")
        ida.sees("Log-in: Error rate", re.compile("since v1.2.4-bad went out"), within=60)


def ida_declares_and_previews(ida, shop):
    ida.presses("Declare incident for Log-in")
    ida.fills("What fails?", "Log-ins answer 500")
    ida.presses("Declare incident")
    ida.presses("Roll back Log-in to v1.2.3")
    ida.lands_on(r"/plans/\d+")
    ida.is_offered("Roll back Log-in to v1.2.3")
    page = ida.reads()
    for words in ("v1.2.4-bad", "last good", "shop/login:v1.2.3", "Dry run", "Error rate under 1 %"):
        assert words in page, (words, page)
    ida.unfolds("Change it for this run")
    ida.fills("Holds for", "6 s")


def pods_come_up_and_prometheus_agrees(ida, shop):
    ida.presses("Roll back Log-in to v1.2.3")
    ida.lands_on(r"/runs/\d+")
    with ida.without_reloading():
        ida.sees("3 of 3 pods serve v1.2.3", within=60)
        ida.sees("The rollback is done.")
    template = shop.get("Deployment")["spec"]["template"]
    assert json.dumps(template).count("shop/login:v1.2.3") == 1
    ida.presses("See whether it helped")
    ida.sees("Log-in has recovered", within=90)
    assert re.search(r"Error rate .*\b0 %", ida.reads())


def ida_resolves(ida):
    ida.resolves("INC-1")
    ida.sees("Resolved after")
    ida.opens("/services/log-in")
    ida.sees("named by INC-1")
