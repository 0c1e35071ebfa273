"""Where a refused button leads: to a page that shows what is true, with the sentence on it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.core.errors import Refused
from app.web.errors import Redrawn
from app.web.render import back


@contextmanager
def landing(url: str | Callable[[], str]) -> Iterator[None]:
    """Run a verb; where it refuses, the request is rolled back and the reader lands on `url` with the sentence."""
    try:
        yield
    except Refused as refused:
        raise Redrawn(back(url if isinstance(url, str) else url(), flash=refused.sentence)) from refused
