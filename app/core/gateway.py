"""The one way out: every HTTP call that the console makes to an address that somebody typed goes through here.

Decision: the name is resolved once, every address of it is judged, and the connection is made to a judged address while
Host and SNI keep the name. A check that lets the HTTP client resolve again is the classic hole (DNS rebinding). There are no
redirects, no proxies of the environment, no cookies; time and size have limits. An address inside our own network is
refused unless an administrator listed (host, port); addresses that hand out cloud credentials are refused even then.
"""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

import httpcore

from app.core.addresses import Address, gives_credentials, is_public

Allowed = Collection[tuple[str, int]]

_URL_SIGNS = "/?%:@!$&'()*+,;=~-._"
_OURS = {"host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "accept-encoding"}


class NoAnswer(Exception):
    """The call was not made, or brought no usable answer. The text is for the user and names what to check."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class AddressBlocked(NoAnswer):
    """Nothing was sent: the address is inside our own network. An administrator can allow `host` and `port`."""

    def __init__(self, sentence: str, host: str, port: int) -> None:
        super().__init__(sentence)
        self.host = host
        self.port = port


@dataclass(frozen=True)
class Answer:
    """What came back, whole. Header names are in lower case; `elapsed_s` runs from the call to the last byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed_s: float

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")


@dataclass(frozen=True)
class Destination:
    """A parsed address: what we connect to is exactly what was judged."""

    scheme: str
    host: str  # lower case, ASCII, no brackets, no final dot
    port: int
    target: str  # path and query

    @property
    def shown(self) -> str:
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def fetch(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout_s: float = 10.0,
    limit_bytes: int = 1_000_000,
    allowed: Allowed = (),
) -> Answer:
    """Make one call and read its answer whole. AddressBlocked or NoAnswer otherwise; any status is an answer."""
    began = time.monotonic()
    to = parse(url)
    road = _CheckedRoad(to, began + timeout_s, allowed)
    sent = [(name, value) for name, value in (headers or {}).items() if name.lower() not in _OURS]
    sent += [("Host", _host_header(to)), ("Accept-Encoding", "identity")]
    if body is not None:
        sent.append(("Content-Length", str(len(body))))
    if not any(name.lower() == "user-agent" for name, _ in sent):
        sent.append(("User-Agent", "Lastgood"))
    try:
        with httpcore.ConnectionPool(ssl_context=_trust(), network_backend=road) as pool:
            address = httpcore.URL(scheme=to.scheme, host=to.host, port=to.port, target=to.target)
            encoded = [(name.encode("ascii"), value.encode("utf-8")) for name, value in sent]
            with pool.stream(method.upper(), address, headers=encoded, content=body) as response:
                content = _read(response.iter_stream(), to, limit_bytes)
    except (httpcore.TimeoutException, TimeoutError) as error:
        raise NoAnswer(f"{to.shown} did not answer within {timeout_s:g} s.") from error
    except (httpcore.LocalProtocolError, UnicodeEncodeError) as error:
        raise NoAnswer(f"The call to {to.shown} could not be put together. Check its method, and its headers for line breaks.") from error
    except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError) as error:
        raise NoAnswer(_reason(to, error)) from error
    answered: dict[str, str] = {}
    for name, value in ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.headers):
        answered[name] = f"{answered[name]}\n{value}" if name in answered else value  # a site may set several cookies
    return Answer(response.status, answered, content, time.monotonic() - began)


def parse(url: str) -> Destination:
    """Split an http or https address. NoAnswer where it is none, or where two readers could read it differently."""
    if any(sign.isspace() or not sign.isprintable() for sign in url) or "\\" in url:
        raise NoAnswer("The address holds a space or a sign that does not belong in one. Write it like https://shop.example.org/health.")
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        if ":" not in host:
            host = host.encode("idna").decode("ascii").lower()
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except (ValueError, UnicodeError) as error:
        raise NoAnswer(f"{url} is not a web address ({error}). Write it like https://shop.example.org/health.") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise NoAnswer(f"{url} is not a web address. Write it like https://shop.example.org/health.")
    if parts.username is not None or parts.password is not None:
        raise NoAnswer("The address holds a name or password before the @. Take it out, and send it as a header instead.")
    query = f"?{quote(parts.query, safe=_URL_SIGNS)}" if parts.query else ""
    target = quote(parts.path or "/", safe=_URL_SIGNS) + query
    return Destination(parts.scheme, host, port, target)


def judged(to: Destination, *, allowed: Allowed = (), timeout_s: float = 5.0) -> list[str]:
    """The addresses of the host, in the order to try, after every one of them was found fit. AddressBlocked or NoAnswer where not.

    Also for callers with a protocol of their own (git, SMTP): they connect to one of these and to nothing else.
    """
    found = _resolve(to, timeout_s)
    for address in found:
        if gives_credentials(address):
            raise AddressBlocked(
                f"{to.shown} leads to {address}, which hands out this machine's own credentials. It is never called.", to.host, to.port
            )
    is_allowed = (to.host, to.port) in {(host.lower().strip("[]").rstrip("."), port) for host, port in allowed}
    inside = None if is_allowed else next((address for address in found if not is_public(address)), None)
    if inside is not None:
        where = "is an address" if str(inside) == to.host else f"leads to {inside}, an address"
        raise AddressBlocked(
            f"{to.shown} {where} inside the private network, and nobody has allowed it. "
            f"An administrator can allow host {to.host} with port {to.port}.",
            to.host,
            to.port,
        )
    return [str(address) for address in found]


def _resolve(to: Destination, timeout_s: float) -> list[Address]:
    """Ask the resolver once. It has no time-out of its own, so it works on a thread that may be left behind."""
    answer: list[Any] = []

    def ask() -> None:
        try:
            answer.append(socket.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answer.append(error)

    thread = threading.Thread(target=ask, name="resolve", daemon=True)
    thread.start()
    thread.join(max(timeout_s, 0.0))
    if not answer:
        raise NoAnswer(f"The name {to.host} could not be looked up in time. Check the name server.")
    if isinstance(answer[0], Exception):
        raise NoAnswer(f"The name {to.host} is not known. Check its spelling, and that the name server knows it.")
    texts = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in answer[0])
    return [ipaddress.ip_address(text) for text in texts]


class _CheckedRoad(httpcore.NetworkBackend):
    """Connects to the judged addresses of one destination and to nothing else; every wait ends at one deadline."""

    def __init__(self, to: Destination, deadline: float, allowed: Allowed) -> None:
        self._to = to
        self._deadline = deadline
        self._allowed = allowed
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline of the whole call holds
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        if (host, port) != (self._to.host, self._to.port):
            raise httpcore.ConnectError("another destination than the judged one")
        last: httpcore.ConnectError | None = None
        for address in judged(self._to, allowed=self._allowed, timeout_s=_left(self._deadline)):
            try:
                stream = self._plain.connect_tcp(address, port, _left(self._deadline), local_address, socket_options)
            except httpcore.ConnectError as error:
                last = error
            else:
                return _TimedStream(stream, self._deadline)
        raise last or httpcore.ConnectError("no address")


class _TimedStream(httpcore.NetworkStream):
    """A stream whose every wait ends at the deadline of the whole call, so that drops now and then do not prolong it."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline)), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    """Seconds until `deadline` (of the monotonic clock). TimeoutError where it has passed."""
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    """The machine's own certificate authorities (a company's are there) beside the bundled ones. Read once: it takes 30 ms."""
    return httpcore.default_ssl_context()


def _host_header(to: Destination) -> str:
    usual = {"http": 80, "https": 443}[to.scheme] == to.port
    return to.shown.rpartition(":")[0] if usual else to.shown


def _read(chunks: Iterator[bytes], to: Destination, limit: int) -> bytes:
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > limit:
            raise NoAnswer(f"{to.shown} sent more than {limit / 1000:,.0f} kB, and the rest was not read. Choose a shorter page.")
    return bytes(content)


def _reason(to: Destination, error: Exception) -> str:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        why = text.partition("certificate verify failed: ")[2].partition(" (_ssl")[0] or "it cannot be verified"
        return f"The certificate of {to.shown} is not trusted: {why}. Renew it, or install its authority on this machine."
    if "Connection refused" in text:
        return f"{to.shown} refused the connection: nothing listens there. Check that the service runs and the port is right."
    if isinstance(error, ssl.SSLError) or "[SSL" in text:
        return f"{to.shown} does not speak TLS as expected ({text}). Check whether the address should begin with http://."
    if isinstance(error, httpcore.RemoteProtocolError | httpcore.ReadError):
        return f"{to.shown} closed the connection before its answer was complete ({text})."
    return f"{to.shown} cannot be reached ({text}). Check the network and the address."
