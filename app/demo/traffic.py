"""Customers of the shop: steady traffic, half of it log-ins, never more than so many at once.

python3 traffic.py PORT REQUESTS_PER_SECOND
"""

import http.client
import os
import random
import sys
import threading
import time

AT_ONCE = 16
CUSTOMERS = 1000


class Pace:
    """Gives each caller its moment. Moments that nobody was free for are let go: no crowd after a pause."""

    def __init__(self, per_second: float) -> None:
        self.gap = 1 / per_second
        self.next = time.monotonic()
        self.lock = threading.Lock()

    def wait(self) -> None:
        with self.lock:
            now = time.monotonic()
            moment = max(self.next, now - self.gap)
            self.next = moment + self.gap
        time.sleep(max(moment - now, 0))


def visit(port: int) -> None:
    """One request, by anybody."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        if random.random() < 0.5:  # noqa: S311 - who logs in is no secret
            body = f"customer=customer-{random.randrange(CUSTOMERS)}"  # noqa: S311
            connection.request("POST", "/login", body, {"Content-Type": "application/x-www-form-urlencoded"})
        else:
            connection.request("GET", "/")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        time.sleep(0.2)  # the shop restarts: customers try again
    finally:
        connection.close()


def main() -> None:
    port, pace, parent = int(sys.argv[1]), Pace(float(sys.argv[2])), os.getppid()

    def customers() -> None:
        while True:
            pace.wait()
            visit(port)

    for _ in range(AT_ONCE):
        threading.Thread(target=customers, daemon=True).start()
    while os.getppid() == parent:
        time.sleep(0.5)


if __name__ == "__main__":
    main()
