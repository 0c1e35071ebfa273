"""Reading and pushing over real https: the token is asked for, the judged address is the one that is called."""

import base64
import contextlib
import http.server
import os
import ssl
import subprocess
import threading

import pytest

from app.core import gateway
from app.executors.base import Standing, Unreachable
from app.executors.git import repository
from app.executors.git.reading import read_branch
from app.executors.git.return_to import ReturnTo

TOKEN = "a-token-that-nobody-guesses"


class GitOverHttp(http.server.BaseHTTPRequestHandler):
    """git's own http-backend behind basic authentication."""

    protocol_version = "HTTP/1.0"

    def do_GET(self):
        expected = "Basic " + base64.b64encode(f"bot:{TOKEN}".encode()).decode()
        if self.headers.get("Authorization") != expected:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environment = {
            "GIT_PROJECT_ROOT": self.server.root,
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": "bot",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=os.environ | environment, capture_output=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(lines.pop("Status", "200").split()[0]))
        for name, value in lines.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self):
        self.do_GET()

    def finish(self):
        super().finish()
        with contextlib.suppress(OSError):
            self.connection.unwrap()  # GnuTLS takes a connection without a goodbye for a cut one

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture
def address(remote, tmp_path, monkeypatch):
    """The repository at https://git.internal:PORT/shop.git, a name that only our resolver knows."""
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=git.internal"]
    argv += ["-addext", "subjectAltName=DNS:git.internal", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"]
    try:
        subprocess.run(argv, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs openssl: apt-get install openssl")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), GitOverHttp)
    server.root = str(remote.bare.parent)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(gateway.socket, "getaddrinfo", lambda host, port, **_: [(2, 1, 6, "", ("127.0.0.1", port))])
    monkeypatch.setitem(repository._ENV, "GIT_SSL_CAINFO", str(tmp_path / "cert.pem"))
    yield f"https://git.internal:{server.server_port}/shop.git"
    server.shutdown()
    server.server_close()


@pytest.fixture
def allowed(address):
    return frozenset({("git.internal", int(address.split(":")[2].split("/")[0]))})


def test_a_branch_is_read_and_returned_with_the_token(remote, address, allowed, as_step):
    ctx = as_step("run-12-step-1", allowed=allowed, credentials={"git": {"token": TOKEN, "username": "bot"}})
    assert read_branch(ctx.credentials, address, "main", ctx).version == "v1.2.4"
    step = ReturnTo()
    plan = step.resolve(step.Params(repository=address, branch="main", commit=remote.good, version="v1.2.3"), ctx)
    step.apply(plan.body, ctx)
    assert step.observe(plan.body, ctx).standing is Standing.DONE
    assert remote.at("main^{tree}") == remote.at("v1.2.3^{tree}")


@pytest.mark.parametrize("credential", [{}, {"git": {"token": "wrong", "username": "bot"}}])
def test_without_the_right_token_it_is_said_what_to_check(address, allowed, as_step, credential):
    ctx = as_step("look", allowed=allowed, credentials=credential)
    with pytest.raises(Unreachable, match="Check the credential") as refusal:
        read_branch(credential, address, "main", ctx)
    assert "wrong" not in refusal.value.sentence
