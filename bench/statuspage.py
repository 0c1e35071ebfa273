"""The public status page: from the POST to the file, and how fast the files are served.

    apt-get install nginx-light wrk
    uv run python -m bench.statuspage [POSTS] [SECONDS]

Measured: from sending the POST that publishes until the new words stand in the public index.html; then, in turns against one nginx with
the shipped configuration, the page and a plain file of just as many bytes, and the console's own /status/ as a further row. 200 webhook
subscribers are there while it is published, each to an address where nobody listens.
"""

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from app.accounts.policy import Permission
from app.core.sealing import seal
from app.core.settings import settings
from app.statuspage.models import Subscriber
from bench import scene
from tests.running import ROOT, free_port, until
from tests.statuspage.scene import full_page

SUBSCRIBERS, CONNECTIONS, ROUNDS = 200, 32, 6
GZIP = "Accept-Encoding: gzip"


def published(api: httpx.Client, page_id: int, index: Path, posts: int) -> tuple[list[float], list[float]]:
    """Milliseconds from the POST to its answer, and to the file."""
    answered, stands = [], []
    about = None
    for number in range(posts):
        words = f"Update {uuid.uuid4().hex}"
        body = {"text": words, "state": "identified", "title": "Bench", "about": about or ""}
        began = time.perf_counter()
        answer = api.post(f"/api/v1/status-pages/{page_id}/publish", json=body, headers={"Idempotency-Key": words})
        answer.raise_for_status()
        answered.append(1000 * (time.perf_counter() - began))
        until(lambda words=words: words in index.read_text(), every_s=0.002, what="the file")
        stands.append(1000 * (time.perf_counter() - began))
        if about is None:
            active = api.get(f"/api/v1/status-pages/{page_id}").json()["active"]
            about = next(one["public_id"] for one in active if one["title"] == "Bench")
        print(f"\r{number + 1} published", end="", file=sys.stderr)
    return answered, stands


@contextmanager
def nginx(folder: Path) -> Iterator[str]:
    """The shipped configuration on this folder, on a port of its own; with brotli where the module is."""
    port = free_port()
    text = (ROOT / "deploy" / "nginx" / "nginx.conf").read_text()
    with tempfile.TemporaryDirectory() as place:
        text = text.replace("/tmp/", f"{place}/").replace("listen 8080", f"listen 127.0.0.1:{port}").replace("/srv/status;", f"{folder};")
        (Path(place) / "nginx.conf").write_text(text)
        command = ["nginx", "-c", f"{place}/nginx.conf", "-g", "daemon off;"]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            until(lambda: _answers(f"http://127.0.0.1:{port}/health"), what="nginx")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def rate(url: str, seconds: float) -> float:
    """Requests a second, by wrk."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "-H", GZIP, url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in said, said
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])


def served(base: str, console: str, folder: Path, seconds: float) -> dict[str, list[float]]:
    """Requests a second of each, in turns, so that whatever else the machine does falls on all of them."""
    size = (folder / "oakline" / "index.html.gz").stat().st_size
    (folder / "plain").mkdir()
    (folder / "plain" / "file.bin").write_bytes(bytes(size))
    addresses = {
        f"nginx, a plain file of {size:,} bytes": f"{base}/plain/file.bin",
        "nginx, the status page": f"{base}/oakline/",
        "nginx, its index.html by name": f"{base}/oakline/index.html",
        "the console's own /status/": f"{console}/status/oakline/",
    }
    found: dict[str, list[float]] = {name: [] for name in addresses}
    for url in addresses.values():
        rate(url, 1)
    for _ in range(ROUNDS):
        for name, url in addresses.items():
            found[name].append(rate(url, seconds))
    return found


def main(posts: int, seconds: float) -> None:
    with scene.console() as console:
        with scene.transaction() as session:
            ana, _ = scene.make_commander(session)
            token = scene.api_tokens.create(session, name="publish", scopes=(Permission.READ, Permission.PUBLISH), days=1, by=ana)
            page = full_page(session, ana)
            for number in range(SUBSCRIBERS):
                facts = {
                    "address": f"https://hook{number}.invalid/status",
                    "state": "active",
                    "sealed": seal({"secret": ""}, to="notifier"),
                }
                session.add(Subscriber(page_id=page.id, kind="webhook", **facts))
        folder = settings().state_dir / "status"
        until(lambda: (folder / "oakline" / "index.html").exists(), what="the first files")
        api = httpx.Client(base_url=console.url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        published(api, page.id, folder / "oakline" / "index.html", 3)
        answered, stands = published(api, page.id, folder / "oakline" / "index.html", posts)
        print("\n| what | median | p95 | posts |\n|---|---|---|---|")
        print(scene.row("POST to its answer, 200 subscribers", answered))
        print(scene.row("POST to the public file", stands))
        if not (shutil.which("nginx") and shutil.which("wrk")):
            print("\nnginx or wrk is not here, so nothing was served: apt-get install nginx-light wrk")
            return
        with tempfile.TemporaryDirectory() as copy, nginx(Path(copy)) as base:
            shutil.copytree(folder, copy, symlinks=True, dirs_exist_ok=True)
            Path(copy).chmod(0o755)
            rates = served(base, console.url, Path(copy), seconds)
    plain = next(iter(rates.values()))
    print("\n| what | median requests/s | share of the plain file, round by round |\n|---|---|---|")
    for name, values in rates.items():
        shares = [value / whole for value, whole in zip(values, plain, strict=True)]
        print(f"| {name} | {statistics.median(values):,.0f} | {statistics.median(shares):.2f} ({min(shares):.2f} to {max(shares):.2f}) |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40, float(sys.argv[2]) if len(sys.argv) > 2 else 5)
