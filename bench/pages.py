"""Pages that grow: an incident's timeline from 100 to 10,000 lines, the board from 100 to 10,000 incidents.

    uv run python -m bench.pages [REQUESTS]

Measured: the time of a whole page over loopback, one request after another, and the growth of its 95th percentile.
"""

import sys
import time

import httpx
from sqlalchemy import text

from app.incidents import actions as incidents
from bench import scene

SIZES = (100, 10_000)
LINES = text("""
    INSERT INTO timeline_entries (incident_id, at, kind, actor_name, body, is_system)
    SELECT :incident, now() - make_interval(secs => n), CASE WHEN n % 4 = 0 THEN 'system' ELSE 'note' END, 'Ana Ruiz',
           'Line ' || n || ': error rate fell, **two** of three pods serve v1.2.3', n % 4 = 0
    FROM generate_series(1, CAST(:count AS int)) AS n
""")
INCIDENTS = text("""
    INSERT INTO incidents (title, severity, state, form_nonce, declared_at, state_since)
    SELECT 'Log-in fails for some users, case ' || n, (ARRAY['critical', 'high', 'medium', 'low'])[1 + n % 4], 'detected',
           'bench-' || n, now() - make_interval(mins => n), now()
    FROM generate_series(CAST(:first AS int), CAST(:last AS int)) AS n
""")


def timed(browser: httpx.Client, path: str, requests: int) -> list[float]:
    """Milliseconds of each request, after ten that warm up."""
    values = []
    for number in range(requests + 10):
        began = time.perf_counter()
        browser.get(path).raise_for_status()
        if number >= 10:
            values.append(1000 * (time.perf_counter() - began))
    return values


def main(requests: int) -> None:
    with scene.console() as console:
        with scene.transaction() as session:
            ana, _ = scene.make_commander(session)
            cookie = scene.make_browser(session, ana)
            pages = {}
            for size in SIZES:
                incident = incidents.declare(session, title=f"{size} lines", form_nonce=f"size-{size}", by=ana)
                session.execute(LINES, {"incident": incident.id, "count": size})
                pages[size] = f"/incidents/{incident.id}"
        cookies = "; ".join(f"{name}={value}" for name, value in cookie.items())
        browser = httpx.Client(base_url=console.url, headers={"Cookie": cookies}, timeout=30)
        results = {f"incident page, {size:,} lines": timed(browser, pages[size], requests) for size in SIZES}
        first = 1
        for size in SIZES:
            with scene.transaction() as session:
                session.execute(INCIDENTS, {"first": first, "last": size})
            first = size + 1
            results[f"board, {size:,} incidents"] = timed(browser, "/", requests)
    print("| what | median | p95 | requests |\n|---|---|---|---|")
    for what, values in results.items():
        print(scene.row(what, values))
    small, large, few, many = (scene.quantile(values, 0.95) for values in results.values())
    print(f"\nGrowth of the 95th percentile: incident page {large / small:.2f}, board {many / few:.2f} (at most 1.5)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
