"""A small real web server on loopback that answers as a test tells it to: it can lie, hang, redirect, and count."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from app.executors.base import Context


class Site:
    """`site.answers["/health"] = (200, "ok")`, or a function of the request's handler that returns such a pair or triple."""

    def __init__(self):
        self.answers = {}
        self.requests = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                self.body = self.rfile.read(length).decode()
                site.requests.append((self.command, self.path, dict(self.headers), self.body))
                given = site.answers.get(self.path.partition("?")[0], (404, "nothing here"))
                status, text, *headers = given(self) if callable(given) else given
                self.send_response(status)
                for name, value in (headers[0] if headers else {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def __getattr__(self, name):
                if name.startswith("do_"):
                    return self._answer
                raise AttributeError(name)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def allowed(self):
        return frozenset({("127.0.0.1", self.port)})

    def context(self, **credentials):
        return Context(operation="test", allowed=self.allowed, credentials=credentials)

    def hang(self, path, seconds=5):
        def wait(_handler):
            time.sleep(seconds)
            return 200, "late"

        self.answers[path] = wait

    def close(self):
        self.server.shutdown()
        self.server.server_close()
