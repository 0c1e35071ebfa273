"""Ask many small questions at once. Each has a time limit of its own; one that fails or dawdles takes only its own answer with it."""

import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from typing import Any

from app.executors.kubernetes.problems import Answered, Silent

WIDTH = 64  # threads come only as they are needed; a cluster that hangs must not hold up another
_askers: ThreadPoolExecutor | None = None


def start(question: Callable[[], Any]) -> "Future[Any]":
    """Ask in the background. Never from within a question: the pool has no room kept for that."""
    global _askers
    if _askers is None:
        _askers = ThreadPoolExecutor(WIDTH, thread_name_prefix="kubernetes")
    return _askers.submit(question)


def gather(questions: Mapping[str, Callable[[], Any]], *, within_s: float) -> dict[str, Any]:
    """The answers by name. What the API server refused or did not answer in time is there as the error itself."""
    return collect({name: start(question) for name, question in questions.items()}, until=time.monotonic() + within_s)


def collect(started: "Mapping[str, Future[Any]]", *, until: float) -> dict[str, Any]:
    """The answers to what was started, waiting until that moment of the monotonic clock."""
    return {name: _answer(future, until) for name, future in started.items()}


def together(*questions: Callable[[], Any]) -> list[Any]:
    """The answers to questions that are all needed, in order. Raises the first error."""
    if len(questions) == 1:
        return [questions[0]()]
    # the last one is asked by this thread: one hand-over less
    started = [start(question) for question in questions[:-1]]
    last = questions[-1]()
    return [*(future.result() for future in started), last]


def _answer(future: "Future[Any]", until: float) -> Any:
    try:
        return future.result(timeout=max(0.0, until - time.monotonic()))
    except (Answered, Silent) as error:
        return error
    except TooLate:
        future.cancel()
        return TooLate("no answer in time")


def _forget() -> None:
    """Threads do not survive a fork."""
    global _askers
    _askers = None


os.register_at_fork(after_in_child=_forget)
