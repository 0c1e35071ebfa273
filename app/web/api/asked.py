"""What a script sends, and how what it names is looked up."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from app.core.errors import NotFound, Refused

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


def _plausible(moment: datetime) -> datetime:
    if moment < _EARLIEST:
        raise ValueError("a moment before the year 2000 is a slip of the pen")
    return moment


Id = Annotated[int, Field(ge=1, lt=2**31)]
Moment = Annotated[AwareDatetime, AfterValidator(_plausible)]


class Asked(BaseModel):
    """Parent of every body. A field that nobody knows is refused: a misspelt `release_id` must not roll back to another release."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _without_nul(cls, body: Any) -> Any:
        if _holds_nul(body):
            raise ValueError("a text holds the character NUL, which cannot be stored")
        return body


@contextmanager
def named(what: str, field: str) -> Iterator[None]:
    """Look up what a body names: not there is a refusal of the body, since the address itself is right."""
    try:
        yield
    except NotFound:
        raise Refused(f"There is no {what}, or you may not see it. Nothing was done.", field=field) from None


def _holds_nul(value: Any) -> bool:
    match value:
        case str():
            return "\0" in value
        case dict():
            return any(_holds_nul(part) for pair in value.items() for part in pair)
        case list():
            return any(_holds_nul(part) for part in value)
    return False
