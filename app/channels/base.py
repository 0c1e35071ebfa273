"""What every channel takes and gives."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from app.core.database import Json

LONGEST_ANSWER = 300
AGAIN = frozenset({408, 425, 429})  # HTTP statuses below 500 that may pass


@dataclass(frozen=True)
class Message:
    """One text. `uid` is the same in every try; `facts` are for machines (webhooks), `type` names what happened ("notice.update")."""

    uid: str
    subject: str
    text: str
    at: datetime
    type: str = "message"
    url: str = ""
    facts: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """How long one try may take, and which private addresses (host, port) an administrator allowed."""

    timeout_s: float = 20.0
    allowed: Collection[tuple[str, int]] = ()


@dataclass(frozen=True)
class Receipt:
    """What the other side said when it took the message."""

    said: str


@dataclass(frozen=True)
class Checked:
    """Settings that a channel can use: what is sealed, and what pages may say of it."""

    settings: Json
    service: str  # "Mail", "Slack"
    shown: str  # "smtp.example.org:587"


class NotSent(Exception):
    """The message did not go out. The sentence is for the user and names what to check."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Passing(NotSent):
    """It did not go out now and may in a while; `after_s` is what the other side asked for."""

    def __init__(self, sentence: str, *, after_s: float | None = None) -> None:
        super().__init__(sentence)
        self.after_s = after_s


class Permanent(NotSent):
    """It will not go out until somebody changes something."""


class Doubtful(NotSent):
    """Nobody knows: the message was handed over, and contact was lost before the answer."""


class Channel(Protocol):
    """One kind of channel. An instance holds nothing, so any number of hands may use it at once."""

    kind: str
    repeatable: bool  # the receiver knows a repeat by its uid, so a machine may send again after a doubt

    def check(self, settings: Json) -> Checked:
        """What a form sent, as it is kept. Invalid with a sentence for each field that is wrong. Calls nobody."""

    def check_address(self, address: str) -> str:
        """One receiver on this channel, as it is kept. Invalid where it is none; channels that are their own receiver take none."""

    def send(self, message: Message, address: str, secret: Json, ctx: Context) -> Receipt:
        """Make one try within `ctx.timeout_s`. Passing, Permanent or Doubtful where it did not go out for sure."""


def clipped(text: str, limit: int = LONGEST_ANSWER) -> str:
    """What the other side said, on one line, fit to be shown."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= limit else f"{line[:limit]}…"


def one_line(text: str) -> str:
    """A subject without breaks: what follows a break would be read as another header."""
    return clipped(text, 200)
