"""A command's output as lines that can be stored and shown: decoded, without terminal codes, of bounded length and amount."""

import re
from collections import deque
from collections.abc import Callable

LONGEST = 8 * 1024
HEAD = 1024 * 1024  # passed on as it comes
TAIL = 256 * 1024  # of what comes after that, only this much at the end is kept

_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]")


def clean(raw: bytes) -> str:
    """One line for people: of a progress line only its last state, no colours, nothing that PostgreSQL or a browser refuses."""
    last = raw.rstrip(b"\r").rpartition(b"\r")[2]
    return _CONTROL.sub("", _TERMINAL.sub("", last.decode("utf-8", errors="replace")))


class Lines:
    """Give it bytes as they come; it gives whole lines to `output`. What it leaves out, it counts and says."""

    def __init__(self, output: Callable[[str], None], *, head: int = HEAD, tail: int = TAIL) -> None:
        self._output = output
        self._head = head
        self._tail = tail
        self._open = bytearray()  # the line that has not ended yet
        self._cut = 0  # bytes of it that were not kept
        self._held: deque[str] = deque()
        self._held_size = 0
        self._left_out = 0

    def feed(self, data: bytes) -> None:
        *whole, rest = data.split(b"\n")
        for part in whole:
            self._grow(part)
            self._end_line()
        self._grow(rest)

    def close(self) -> None:
        """The last line, where it had no end, and what was held back."""
        if self._open:
            self._end_line()
        if self._left_out:
            self._output(f"… {self._left_out:,} lines were left out here: the output is longer than what is kept …")
        while self._held:
            self._output(self._held.popleft())

    def _grow(self, part: bytes) -> None:
        if b"\r" in part.rstrip(b"\r"):  # progress that overwrites itself
            self._open.clear()
            self._cut = 0
            part = part.rstrip(b"\r").rpartition(b"\r")[2]
        room = LONGEST - len(self._open)
        self._open += part[:room]
        self._cut += max(len(part) - room, 0)

    def _end_line(self) -> None:
        line = clean(bytes(self._open))
        if self._cut:
            line += f" … ({self._cut:,} more bytes of this line)"
        self._open.clear()
        self._cut = 0
        if self._head > 0:
            self._head -= len(line) + 1
            self._output(line)
            return
        self._held.append(line)
        self._held_size += len(line) + 1
        while self._held_size > self._tail:
            self._held_size -= len(self._held.popleft()) + 1
            self._left_out += 1
