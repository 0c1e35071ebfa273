"""Clusters that cannot be reached, do not let us in, allow too little, or answer into the void."""

import http.client
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
import yaml

from app.executors.base import OutcomeUnknown, Standing, StepFailed, Unreachable
from app.executors.kubernetes import reading, rights


def replaced(kubeconfig, *, server=None, token=None):
    config = yaml.safe_load(kubeconfig)
    if server:
        config["clusters"][0]["cluster"] = {"server": server}
    if token:
        config["users"][0]["user"] = {"token": token}
    return {"kubeconfig": yaml.safe_dump(config)}


@pytest.fixture
def account(shop, kubeconfig):
    """Credentials of a service account that may do what this Role's rules say."""

    def make(rules):
        rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{shop.namespace}"
        shop.add("ServiceAccount", "console")
        shop.api.post(f"{rbac}/roles", {"metadata": {"name": "console"}, "rules": rules})
        subject = {"kind": "ServiceAccount", "name": "console", "namespace": shop.namespace}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "console"}
        shop.api.post(f"{rbac}/rolebindings", {"metadata": {"name": "console"}, "roleRef": role, "subjects": [subject]})
        token = shop.api.post(f"{shop.path('ServiceAccount', 'console')}/token", {"spec": {"expirationSeconds": 600}})
        return replaced(kubeconfig, token=token["status"]["token"])

    return make


def test_a_closed_port_is_said_at_once(kubeconfig):
    with pytest.raises(Unreachable, match=r"https://127\.0\.0\.1:1 does not answer: the connection was refused. Check that"):
        reading.read_workload(replaced(kubeconfig, server="https://127.0.0.1:1"), "shop", "Deployment", "login")


def test_a_token_that_is_not_accepted_says_what_to_store(kubeconfig):
    with pytest.raises(Unreachable, match=r"the token has expired or was revoked. Store a new kubeconfig"):
        reading.read_workload(replaced(kubeconfig, token="long-gone"), "shop", "Deployment", "login")


def test_a_certificate_of_another_authority_is_not_trusted(kubeconfig):
    server = yaml.safe_load(kubeconfig)["clusters"][0]["cluster"]["server"]
    with pytest.raises(Unreachable, match="certificate is not signed by the authority in the kubeconfig"):
        reading.read_workload(replaced(kubeconfig, server=server), "shop", "Deployment", "login")


def test_the_minimal_role_is_enough_for_everything(shop, account):
    shop.create("StatefulSet")
    shop.rolled_out("StatefulSet")
    good = shop.read("StatefulSet")
    shop.rolled_out("StatefulSet", "v1.2.4-bad")
    target = (shop.namespace, "StatefulSet", "login")
    (role,) = yaml.safe_load_all(rights.minimal_role([target]))
    credentials = account(role["rules"])
    checked = rights.check(credentials, [target])
    assert all(right.allowed for right in checked), [right.sentence for right in checked if not right.allowed]
    step = shop.back_to("StatefulSet", good, credentials=credentials)
    assert "rights-missing" not in step.codes()
    assert "unknown" not in step.codes()
    step.apply()
    step.until(Standing.DONE)
    shop.step("kubernetes.wait", "StatefulSet", credentials=credentials).until(Standing.DONE)


def test_missing_rights_are_listed_and_the_preview_still_appears(shop, account):
    shop.create("Deployment", pod={"serviceAccountName": "nobody"})
    good = shop.read("Deployment")
    watcher = account([{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}])
    missing = {
        f"{right.verb} {right.resource}" for right in rights.check(watcher, [(shop.namespace, "Deployment", "login")]) if not right.allowed
    }
    assert {"patch deployments.apps", "list replicasets.apps", "list pods"} <= missing
    assert "get deployments.apps" not in missing

    step = shop.back_to("Deployment", good, credentials=watcher)
    lacking = {warning.sentence: warning.blocking for warning in step.plan.warnings if warning.code == "rights-missing"}
    assert any(sentence.startswith("The console may not patch deployments.apps") and blocking for sentence, blocking in lacking.items())
    (unknown,) = [warning for warning in step.plan.warnings if warning.code == "unknown"]
    assert unknown.unknown
    assert not unknown.blocking
    for gap in ("autoscalers", "disruption budgets", "pods", "whether ServiceAccount nobody exists"):
        assert gap in unknown.sentence
    assert step.plan.dry_run.startswith("No dry run: The console may not patch deployments")
    with pytest.raises(StepFailed, match=r"The console may not patch deployments in .* Nothing was changed"):
        step.apply()


class Between:
    """An HTTP server that passes everything on to the API server, and can withhold the reply to a real change."""

    def __init__(self, kubeconfig):
        self.upstream = urlsplit(yaml.safe_load(kubeconfig)["clusters"][0]["cluster"]["server"])
        self.withholds = False
        self.answers_dry_run = None
        between = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                is_dry = "dryRun" in self.path
                if is_dry and between.answers_dry_run:
                    return self._answer(*between.answers_dry_run)
                status, text = between.ask(self.command, self.path, body, self.headers)
                if between.withholds and self.command in ("PATCH", "DELETE") and not is_dry:
                    self.close_connection = True
                    self.connection.close()
                    return None
                return self._answer(status, text)

            def _answer(self, status, text):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_PATCH = do_POST = do_DELETE = _pass_on  # noqa: N815 - the names are http.server's

            def log_message(self, *_):
                pass

            def handle(self):
                try:
                    super().handle()
                except (OSError, ValueError):
                    return  # we closed it ourselves

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def ask(self, method, path, body, headers):
        connection = http.client.HTTPSConnection(self.upstream.netloc, context=ssl._create_unverified_context())
        kept = {name: headers[name] for name in ("Authorization", "Content-Type", "Accept") if name in headers}
        connection.request(method, path, body or None, kept)
        answer = connection.getresponse()
        status, text = answer.status, answer.read()
        connection.close()
        return status, text

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def between(kubeconfig):
    proxy = Between(kubeconfig)
    yield proxy
    proxy.server.shutdown()
    proxy.server.server_close()


@pytest.fixture
def through(kubeconfig, between):
    return replaced(kubeconfig, server=between.url)


@pytest.mark.parametrize("what", ["kubernetes.rollback", "kubernetes.restart", "kubernetes.scale", "kubernetes.scale_to_zero"])
def test_a_reply_that_is_cut_after_the_effect_is_unknown_and_then_found_done(shop, between, through, what):
    shop.create("Deployment")
    shop.rolled_out("Deployment")
    good = shop.read("Deployment")
    shop.rolled_out("Deployment", "v1.2.4-bad")
    if what == "kubernetes.rollback":
        step = shop.back_to("Deployment", good, credentials=through)
    else:
        step = shop.step(what, "Deployment", credentials=through, **({"replicas": 5} if what == "kubernetes.scale" else {}))
    between.withholds = True
    with pytest.raises(OutcomeUnknown, match="no answer came back"):
        step.apply()
    between.withholds = False
    generation = shop.get("Deployment")["metadata"]["generation"]
    step.until(Standing.DONE)
    assert step.apply()["already"]
    assert shop.get("Deployment")["metadata"]["generation"] == generation


def test_a_webhook_that_refuses_dry_runs_costs_only_the_dry_run(shop, between, through):
    shop.create("Deployment")
    shop.rolled_out("Deployment")
    good = shop.read("Deployment")
    shop.set_image("Deployment", "v1.2.4-bad")
    message = 'admission webhook "audit.example" does not support dry run'
    between.answers_dry_run = (400, json.dumps({"kind": "Status", "reason": "BadRequest", "message": message}).encode())
    step = shop.back_to("Deployment", good, credentials=through)
    assert step.plan.dry_run.startswith("No dry run: A webhook of this cluster does not support a dry run")
    assert "our own" in step.plan.dry_run
    assert [change.setting for change in step.plan.changes] == ["login: image"]
    step.apply()
    step.until(Standing.DONE)
