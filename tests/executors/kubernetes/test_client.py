"""The one way to talk to an API server, against small servers of our own."""

import base64
import json
import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from app.executors.kubernetes.client import connect
from app.executors.kubernetes.kubeconfig import BadKubeconfig
from app.executors.kubernetes.problems import Answered, Silent


@contextmanager
def server(answer, tls=None):
    """An API server that answers every request by `answer(method, path)`: (status, text, headers), or None to hang up."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append((self.command, self.path, dict(self.headers), body))
            found = answer(self.command, self.path)
            if found is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            status, text, headers = found
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PATCH = do_DELETE = _any  # noqa: N815 - the names are http.server's

        def log_message(self, *_):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        running.socket = tls.wrap_socket(running.socket, server_side=True)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{running.server_address[1]}", asked
    finally:
        running.shutdown()
        running.server_close()


def kubeconfig(url, cluster=None, user=None):
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "lab", "user": "u"}}],
        "clusters": [{"name": "lab", "cluster": {"server": url} | (cluster or {})}],
        "users": [{"name": "u", "user": user or {"token": "t0ken"}}],
    }
    return {"kubeconfig": yaml.safe_dump(config)}


def ok(*_):
    return 200, "{}", {}


def test_a_change_says_who_makes_it_and_when_the_server_shall_give_up():
    with server(ok) as (url, asked):
        connect(kubeconfig(url)).patch("/apis/x", {"a": None}, dry_run=True, timeout_s=7)
    ((method, path, headers, body),) = asked
    assert (method, path) == ("PATCH", "/apis/x?fieldManager=lastgood&timeout=7s&dryRun=All")
    assert headers["Content-Type"] == "application/strategic-merge-patch+json"
    assert headers["authorization"] == "Bearer t0ken"
    assert json.loads(body) == {"a": None}


def test_a_read_whose_connection_is_cut_is_asked_once_more_and_a_change_never():
    with server(lambda *_: None) as (url, asked):
        api = connect(kubeconfig(url))
        for call, times in ((lambda: api.get("/x"), 2), (lambda: api.patch("/x", {}), 1), (lambda: api.delete("/x", {}), 1)):
            asked.clear()
            with pytest.raises(Silent) as silent:
                call()
            assert silent.value.sent
            assert len(asked) == times


def test_a_slow_answer_ends_in_time_and_may_have_had_an_effect():
    late = threading.Event()

    def slow(*_):
        late.wait(5)
        return ok()

    with server(slow) as (url, asked):
        with pytest.raises(Silent) as silent:
            connect(kubeconfig(url)).get("/x", timeout_s=0.2)
        late.set()
    assert silent.value.sent
    assert len(asked) == 1


def test_a_closed_port_is_known_to_have_had_no_effect():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with pytest.raises(Silent, match="the connection was refused") as silent:
        connect(kubeconfig(url)).patch("/x", {})
    assert not silent.value.sent


def test_redirects_are_not_followed():
    with server(lambda *_: (302, "", {"Location": "http://169.254.169.254/"})) as (url, asked):
        with pytest.raises(Answered) as answered:
            connect(kubeconfig(url)).get("/x")
        assert answered.value.status == 302
    assert len(asked) == 1


def test_an_answer_that_is_no_json_is_still_an_answer():
    with server(lambda *_: (502, "<html>bad gateway</html>", {})) as (url, _), pytest.raises(Answered, match="bad gateway"):
        connect(kubeconfig(url)).get("/x")


def test_the_same_credentials_share_one_pool():
    assert connect(kubeconfig("http://127.0.0.1:1")) is connect(kubeconfig("http://127.0.0.1:1"))
    assert connect(kubeconfig("http://127.0.0.1:1")) is not connect(kubeconfig("http://127.0.0.1:2"))


@pytest.mark.parametrize(
    ("given", "said"),
    [({"in_cluster": True}, "does not run inside a cluster"), ("", "No kubeconfig is stored"), (None, "No kubeconfig is stored")],
)
def test_credentials_that_cannot_work_are_said_so(given, said, monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(BadKubeconfig, match=said):
        connect({"kubeconfig": given})


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs the openssl command: apt-get install openssl")
def test_a_client_certificate_signs_in_and_leaves_no_file_behind(tmp_path, monkeypatch):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    argv += ["-keyout", key, "-out", certificate, "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(argv, check=True, capture_output=True)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificate)
    tls.load_cert_chain(certificate, key)
    tls.verify_mode = ssl.CERT_REQUIRED
    files = tmp_path / "files"
    files.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(files))

    def data(path):
        return base64.b64encode(path.read_bytes()).decode()

    user = {"client-certificate-data": data(certificate), "client-key-data": data(key)}
    with server(ok, tls) as (url, asked):
        assert connect(kubeconfig(url, {"certificate-authority-data": data(certificate)}, user)).get("/x") == {}
        with pytest.raises(Silent, match="certificate is not signed by the authority") as silent:
            connect(kubeconfig(url, {}, user)).get("/x")
    assert not silent.value.sent
    assert len(asked) == 1
    assert list(files.iterdir()) == []
