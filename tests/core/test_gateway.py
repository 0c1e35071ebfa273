"""The gateway, against real sockets."""

import ipaddress
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest

from app.core import addresses, gateway
from app.core.gateway import AddressBlocked, NoAnswer, fetch


@contextmanager
def serving(reply, *, tls=None):
    """A server on 127.0.0.1 that gives each connection to `reply(connection, request_bytes)`; yields (port, requests)."""
    listener = socket.create_server(("127.0.0.1", 0))
    requests = []

    def work():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    peer = tls.wrap_socket(connection, server_side=True) if tls else connection
                    received = b""
                    while b"\r\n\r\n" not in received:
                        got = peer.recv(4096)
                        if not got:
                            break
                        received += got
                    requests.append(received)
                    reply(peer, received)
                except OSError:
                    continue

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield listener.getsockname()[1], requests
    listener.close()


def says(head, body=b""):
    return lambda peer, _: peer.sendall(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)


def resolve_to(monkeypatch, *addresses):
    """Names resolve to `addresses` (a list of answers, one a call, where several lists are given). Returns the log of calls."""
    asked = []
    answers = list(addresses) if addresses and isinstance(addresses[0], list) else None

    real = socket.getaddrinfo

    def getaddrinfo(host, port, *rest, **_):
        if rest:  # the socket module's own reading of a literal address
            return real(host, port, *rest)
        asked.append(host)
        now = answers.pop(0) if answers else addresses
        return [(socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in now]

    monkeypatch.setattr(gateway.socket, "getaddrinfo", getaddrinfo)
    return asked


BLOCKED = [
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "100.127.255.254",
    "169.254.1.1", "192.0.0.8", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1",
    "::1", "::", "fc00::1", "fd12::1", "fe80::1", "fec0::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "2002:7f00:1::", "2002:a00:1::", "64:ff9b::7f00:1", "64:ff9b::a00:1",
    "64:ff9b:1::a00:1", "2001:0:0:0:0:0:80ff:fffe",
]  # fmt: skip


@pytest.mark.parametrize("address", BLOCKED)
def test_an_address_that_is_not_public_is_refused(monkeypatch, address):
    resolve_to(monkeypatch, address)
    with pytest.raises(AddressBlocked):
        fetch("GET", "http://shop.example.org/")


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822", "::ffff:93.184.216.34", "2002:5db8:d822::1"]
)
def test_a_public_address_is_fit(address):
    assert addresses.is_public(ipaddress.ip_address(address))


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch):
    resolve_to(monkeypatch, "93.184.216.34", "10.0.0.7")
    with pytest.raises(AddressBlocked, match=r"leads to 10\.0\.0\.7"):
        fetch("GET", "http://shop.example.org/")


def test_the_refusal_names_what_an_administrator_can_allow():
    with pytest.raises(AddressBlocked, match=r"allow host 127\.0\.0\.1 with port 8123") as refusal:
        fetch("GET", "http://127.0.0.1:8123/health")
    assert (refusal.value.host, refusal.value.port) == ("127.0.0.1", 8123)


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f.0.0.1", "2130706433", "[::1]", "LOCALHOST.", "127.0.0.1."])
def test_other_ways_to_write_our_own_machine_do_not_pass(host):
    with pytest.raises(AddressBlocked):
        fetch("GET", f"http://{host}:8123/")


def test_an_allowed_host_and_port_is_called_and_another_port_is_not():
    with serving(says("200 OK", b"fine")) as (port, requests):
        answer = fetch("GET", f"http://127.0.0.1:{port}/health?deep=1", headers={"X-Token": "t"}, allowed={("127.0.0.1", port)})
        assert (answer.status, answer.body, answer.text) == (200, b"fine", "fine")
        assert answer.elapsed_s > 0
        assert requests[0].startswith(b"GET /health?deep=1 HTTP/1.1\r\n")
        assert b"X-Token: t\r\n" in requests[0]
        with pytest.raises(AddressBlocked):
            fetch("GET", f"http://127.0.0.1:{port}/", allowed={("127.0.0.1", port + 1), ("localhost", port)})
        assert len(requests) == 1


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "100.100.100.200"])
def test_a_metadata_address_is_refused_even_when_allowed(monkeypatch, address):
    resolve_to(monkeypatch, address)
    with pytest.raises(AddressBlocked, match="never called"):
        fetch("GET", "http://shop.example.org/", allowed={("shop.example.org", 80)})


def test_the_name_is_resolved_once_and_the_connection_goes_to_the_judged_address(monkeypatch):
    """A name server that changes its mind between check and call (rebinding) finds nobody who asks it again."""
    with serving(says("200 OK")) as (port, requests):
        asked = resolve_to(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])
        fetch("GET", f"http://shop.internal:{port}/", allowed={("Shop.Internal", port)})
        assert asked == ["shop.internal"]
        assert f"Host: shop.internal:{port}".encode() in requests[0]


def test_the_next_judged_address_is_tried_when_one_does_not_listen(monkeypatch):
    with serving(says("200 OK")) as (port, _):
        resolve_to(monkeypatch, "127.0.0.9", "127.0.0.1")
        assert fetch("GET", f"http://shop.internal:{port}/", allowed={("shop.internal", port)}).status == 200


def test_a_redirect_is_an_answer_and_is_not_followed():
    with serving(says("302 Found\r\nLocation: http://169.254.169.254/")) as (port, requests):
        answer = fetch("GET", f"http://127.0.0.1:{port}/", allowed={("127.0.0.1", port)})
        assert (answer.status, answer.headers["location"]) == (302, "http://169.254.169.254/")
        assert len(requests) == 1


def test_proxies_of_the_environment_are_not_asked(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with serving(says("200 OK")) as (port, _):
        assert fetch("GET", f"http://127.0.0.1:{port}/", allowed={("127.0.0.1", port)}).status == 200


def test_a_body_is_sent_whole():
    got = []

    def echo(peer, received):
        while b"\r\n\r\nname=ana" not in received:
            received += peer.recv(4096)
        got.append(received)
        says("204 No Content")(peer, b"")

    with serving(echo) as (port, _):
        fetch("POST", f"http://127.0.0.1:{port}/login", body=b"name=ana", allowed={("127.0.0.1", port)})
    assert b"Content-Length: 8\r\n" in got[0]


def test_reading_stops_at_the_limit():
    def endless(peer, _):
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            peer.sendall(b"x" * 65536)

    with serving(endless) as (port, _), pytest.raises(NoAnswer, match="more than 100 kB"):
        fetch("GET", f"http://127.0.0.1:{port}/", limit_bytes=100_000, allowed={("127.0.0.1", port)})


def test_an_answer_that_drips_does_not_outlast_the_limit():
    def drip(peer, _):
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            peer.sendall(b"x")
            time.sleep(0.05)

    with serving(drip) as (port, _):
        began = time.monotonic()
        with pytest.raises(NoAnswer, match=r"did not answer within 0\.4 s"):
            fetch("GET", f"http://127.0.0.1:{port}/", timeout_s=0.4, allowed={("127.0.0.1", port)})
        assert time.monotonic() - began < 2


def test_a_name_server_that_is_silent_does_not_outlast_the_limit(monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(gateway.socket, "getaddrinfo", lambda *_, **__: release.wait(20))
    began = time.monotonic()
    with pytest.raises(NoAnswer, match="looked up in time"):
        fetch("GET", "http://shop.example.org/", timeout_s=0.2)
    release.set()
    assert time.monotonic() - began < 2


def test_a_refused_connection_and_a_cut_answer_are_told_apart():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(NoAnswer, match="nothing listens there"):
        fetch("GET", f"http://127.0.0.1:{port}/", allowed={("127.0.0.1", port)})
    cut = lambda peer, _: peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")  # noqa: E731
    with serving(cut) as (port, _), pytest.raises(NoAnswer, match="before its answer was complete"):
        fetch("GET", f"http://127.0.0.1:{port}/", allowed={("127.0.0.1", port)})


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://shop.example.org/", "not a web address"),
        ("file:///etc/passwd", "not a web address"),
        ("http://", "not a web address"),
        ("http://shop.example.org:99999/", "not a web address"),
        ("http://ana:secret@shop.example.org/", "before the @"),
        ("http://shop.example.org\\@169.254.169.254/", "does not belong"),
        ("http://shop.example.org/ a", "does not belong"),
        ("http://shop.example.org/\r\nHost: x", "does not belong"),
    ],
)
def test_an_address_that_is_none_is_said_to_be_none(url, says):
    with pytest.raises(NoAnswer, match=says) as refusal:
        fetch("GET", url)
    assert "secret" not in refusal.value.sentence


def test_a_header_that_would_split_the_request_is_refused():
    with serving(says("200 OK")) as (port, requests):
        with pytest.raises(NoAnswer, match="could not be put together"):
            fetch("GET", f"http://127.0.0.1:{port}/", headers={"X-A": "1\r\nX-B: 2"}, allowed={("127.0.0.1", port)})
        assert not any(b"X-B" in request for request in requests)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=shop.internal"]
    argv += ["-addext", "subjectAltName=DNS:shop.internal", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    try:
        subprocess.run(argv, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs openssl: apt-get install openssl")
    return folder


def test_the_certificate_is_checked_against_the_name_while_the_address_is_the_judged_one(monkeypatch, certificate):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    names = []
    server.sni_callback = lambda _socket, name, _context: names.append(name)
    with serving(says("200 OK"), tls=server) as (port, _):
        resolve_to(monkeypatch, "127.0.0.1")
        with pytest.raises(NoAnswer, match="is not trusted"):
            fetch("GET", f"https://shop.internal:{port}/", allowed={("shop.internal", port)})
        trusting = ssl.create_default_context(cafile=certificate / "cert.pem")
        monkeypatch.setattr(gateway, "_trust", lambda: trusting)
        assert fetch("GET", f"https://shop.internal:{port}/", allowed={("shop.internal", port)}).status == 200
        assert set(names) == {"shop.internal"}
        with pytest.raises(NoAnswer, match="is not trusted"):
            fetch("GET", f"https://other.internal:{port}/", allowed={("other.internal", port)})
