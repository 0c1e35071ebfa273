"""A small web shop: a page, log-in, health, version and metrics. It needs nothing but Python.

    python3 shop.py PORT        serves on 127.0.0.1 until its standard input ends

The version stands in the file RELEASE beside this one; the deploy writes it.
"""

import hashlib
import json
import secrets
import sys
import threading
import time
from collections import Counter, OrderedDict, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

GOODS = {"Enamel mug": "14.00", "Oak tray": "39.00", "Linen towel": "22.50", "Beeswax candle": "17.00"}
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
ROUTES = ("/", "/login", "/health", "/version", "/metrics")


class Sessions:
    """Who is logged in, in memory: the oldest go when there are many."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._open: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, customer: str) -> str:
        token = secrets.token_urlsafe(16)
        with self._lock:
            self._open[token] = customer
            if len(self._open) > self._most:
                self._open.popitem(last=False)
        return token


class Metrics:
    """Requests by route and code, and how long they took, in the text format of Prometheus."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._buckets: Counter[tuple[str, float]] = Counter()
        self._counts: Counter[str] = Counter()
        self._sums: defaultdict[str, float] = defaultdict(float)

    def count(self, route: str, code: int, seconds: float) -> None:
        with self._lock:
            self._requests[route, code] += 1
            self._counts[route] += 1
            self._sums[route] += seconds
            for bound in BUCKETS:
                self._buckets[route, bound] += seconds <= bound

    def text(self, release: dict[str, str]) -> str:
        lines = ["# TYPE shop_build_info gauge", f'shop_build_info{{version="{release["version"]}"}} 1']
        with self._lock:
            lines.append("# TYPE http_requests_total counter")
            lines += [f'http_requests_total{{route="{route}",code="{code}"}} {n}' for (route, code), n in sorted(self._requests.items())]
            lines.append("# TYPE http_request_duration_seconds histogram")
            for route in sorted(self._counts):
                name = f'http_request_duration_seconds_bucket{{route="{route}",le='
                lines += [f'{name}"{bound}"}} {self._buckets[route, bound]}' for bound in BUCKETS]
                lines.append(f'{name}"+Inf"}} {self._counts[route]}')
                lines.append(f'http_request_duration_seconds_sum{{route="{route}"}} {self._sums[route]:.6f}')
                lines.append(f'http_request_duration_seconds_count{{route="{route}"}} {self._counts[route]}')
        return "\n".join(lines) + "\n"


def read_release() -> dict[str, str]:
    release = Path(__file__).with_name("RELEASE")
    return dict(json.loads(release.read_text())) if release.exists() else {"version": "unreleased", "commit": ""}


RELEASE = read_release()
SESSIONS = Sessions()
METRICS = Metrics()


def log_in(customer: str) -> str:
    """Open a session for a customer and return its token."""
    hashlib.pbkdf2_hmac("sha256", customer.encode(), b"shop", 2_000)
    return SESSIONS.open(customer)


class Shop(BaseHTTPRequestHandler):
    """One request. What it could not do is a 500, with the reason in the log."""

    server_version = "shop"

    def do_POST(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        began = time.monotonic()
        url = urlsplit(self.path)
        route = url.path if url.path in ROUTES else "other"
        try:
            code, kind, body = self.answer(url.path, url.query)
        except Exception as error:  # noqa: BLE001 - a shop that stays up for the next customer
            print(f"{self.command} {url.path} failed: {error!r}", file=sys.stderr, flush=True)  # noqa: T201 - this is its log
            code, kind, body = 500, "text/plain", "Something went wrong. Try again in a moment.\n"
        METRICS.count(route, code, time.monotonic() - began)
        data = body.encode()
        self.send_response(code)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def answer(self, path: str, query: str) -> tuple[int, str, str]:
        if path == "/":
            return 200, "text/html", page()
        if path == "/login":
            length = min(int(self.headers.get("Content-Length") or 0), 10_000)
            form = parse_qs(self.rfile.read(length).decode() or query)
            log_in(form.get("customer", ["guest"])[0])
            return 200, "text/plain", "You are logged in.\n"
        if path == "/health":
            return 200, "application/json", '{"status": "ok"}\n'
        if path == "/version":
            return 200, "application/json", json.dumps(RELEASE) + "\n"
        if path == "/metrics":
            return 200, "text/plain", METRICS.text(RELEASE)
        return 404, "text/plain", "There is no such page.\n"

    def log_message(self, *_: object) -> None:
        """The metrics say it better."""


def page() -> str:
    goods = "".join(f"<li>{name} <b>€ {price}</b></li>" for name, price in GOODS.items())
    form = '<form method="post" action="/login"><input name="customer" placeholder="Your name"> <button>Log in</button></form>'
    return f"<!doctype html><title>Shop</title><h1>Shop</h1><ul>{goods}</ul>{form}<p>{RELEASE['version']}</p>\n"


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def main() -> None:
    server = Server(("127.0.0.1", int(sys.argv[1])), Shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
