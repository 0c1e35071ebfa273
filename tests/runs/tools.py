"""Real tools under the crash harness: the same actions, with deadlines that a test can wait for, and a place to deploy to."""

import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from app.executors import registry
from app.executors.git.deploy import Deploy
from app.executors.git.return_to import ReturnTo


class _Brief:
    """On this machine an effect has landed within seconds, or never will."""

    def resolve(self, params, ctx):
        return super().resolve(params, ctx).model_copy(update={"effect_deadline_s": 5.0})


class BriefReturnTo(_Brief, ReturnTo):
    name = "brief.return_to"


class BriefDeploy(_Brief, Deploy):
    name = "brief.deploy"


BRIEF = (BriefReturnTo(), BriefDeploy())


def load():
    """Make them known in this process."""
    registry.register(*BRIEF)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Nobody reads it."""


@contextmanager
def serving(folder):
    """The files of a folder at 127.0.0.1; yields the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
