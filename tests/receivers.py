"""Real receivers on loopback: an SMTP server, and an HTTP server that answers what a test tells it."""

import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller

from app.channels.base import Context


@dataclass
class Post:
    path: str
    headers: dict
    body: bytes


@dataclass
class Receiver:
    """An HTTP server: `answers` is (status, headers), `posts` what came."""

    port: int
    answers: list = field(default_factory=lambda: [(200, {})])
    posts: list = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    hangs: bool = False

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ctx(self):
        return Context(timeout_s=2, allowed={("127.0.0.1", self.port)})


def make_receiver():
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            receiver.posts.append(Post(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            if receiver.hangs:
                receiver.hold.wait(20)
            status, headers = receiver.answers[0] if len(receiver.answers) == 1 else receiver.answers.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = Receiver(server.server_address[1])
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return receiver, server


@pytest.fixture
def receiver():
    receiver, server = make_receiver()
    yield receiver
    receiver.hold.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def receivers():
    """`receivers()`: as many as a test wants."""
    made = []

    def run():
        made.append(make_receiver())
        return made[-1][0]

    yield run
    for receiver, server in made:
        receiver.hold.set()
        server.shutdown()
        server.server_close()


class Mailbox:
    """Handler of aiosmtpd: keeps what came, refuses what it is told to."""

    def __init__(self):
        self.mails = []
        self.rcpt_answer = self.data_answer = ""
        self.drops = False

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if self.rcpt_answer:
            return self.rcpt_answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.data_answer:
            return self.data_answer
        self.mails.append(envelope)
        if self.drops:
            server.transport.abort()
        return "250 Kept as 4711"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def smtp_server():
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    mailbox.port = controller.port
    try:
        yield mailbox
    finally:
        controller.stop()


@pytest.fixture
def mailbox():
    with smtp_server() as mailbox:
        yield mailbox
