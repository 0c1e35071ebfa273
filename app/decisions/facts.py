"""One fact of an assessment: its value, where it comes from, and when it was true."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.core.database import Json
from app.decisions.kinds import KINDS, Value, json_value


@dataclass(frozen=True)
class Fact:
    """What is known of one fact. `said` tells where it comes from, or why it is unknown.

    source   check | catalog | history | incident | person | none
    at       when it was true: of the reading, of the word; None where it has no moment
    measured what the machine says, where a person said otherwise
    """

    key: str
    value: Value
    said: str
    source: str = "none"
    at: datetime | None = None
    by: str = ""
    measured: "Fact | None" = None

    @property
    def name(self) -> str:
        return KINDS[self.key].name

    @property
    def shown(self) -> str:
        return KINDS[self.key].shown(self.value)

    @property
    def is_stated(self) -> bool:
        return self.source == "person"

    def as_json(self) -> Json:
        at, measured = self.at.isoformat() if self.at else None, self.measured.as_json() if self.measured else None
        return {"value": self.value, "said": self.said, "source": self.source, "at": at, "by": self.by, "measured": measured}


def from_json(key: str, body: Json) -> Fact:
    """A fact of a kept assessment."""
    at, measured = body["at"], body["measured"]
    return Fact(
        key,
        json_value(body["value"]),
        body["said"],
        body["source"],
        datetime.fromisoformat(at) if at else None,
        body["by"],
        from_json(key, measured) if measured else None,
    )


def with_words(found: Mapping[str, Fact], stated: Mapping[str, Fact]) -> dict[str, Fact]:
    """The measured facts with what people said over them; each keeps what was measured."""
    return {
        key: Fact(key, word.value, word.said, "person", word.at, word.by, measured=fact) if (word := stated.get(key)) else fact
        for key, fact in found.items()
    }
