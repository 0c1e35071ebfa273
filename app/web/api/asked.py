"""What a script sends, and how what it names is looked up."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from math import isfinite
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from app.core.errors import Conflict, Invalid, NotFound, Refused

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
    def _storable(cls, body: Any) -> Any:
        if _holds(body, lambda part: isinstance(part, str) and "\0" in part):
            raise ValueError("a text holds the character NUL, which cannot be stored")
        if _holds(body, lambda part: isinstance(part, float) and not isfinite(part)):
            raise ValueError("a number is none, or has no end, and cannot be stored")
        return body


class Described:
    """How the description tells settings that the domain checks itself, so that the sentences are those of the pages.

    A `part` may leave out any of them.
    """

    def __init__(self, *models: type[BaseModel], part: bool = False) -> None:
        self.models, self.part = models, part

    def __get_pydantic_json_schema__(self, _: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        told = [handler.resolve_ref_schema(handler(model.__pydantic_core_schema__)) for model in self.models]
        left_out = {"required"} if self.part else set()
        return {"anyOf": [{name: value for name, value in one.items() if name not in left_out} for one in told]}


@contextmanager
def named(what: str, field: str) -> Iterator[None]:
    """Look up what a body names: not there is a refusal of the body, since the address itself is right."""
    try:
        yield
    except NotFound:
        raise Refused(f"There is no {what}, or you may not see it. Nothing was done.", field=field) from None


@contextmanager
def placed(place: Callable[[str], str]) -> Iterator[None]:
    """Say of a refusal which part of the body it is about: the domain names a field by its form, `place` by its path in the body."""
    try:
        yield
    except Conflict:
        raise
    except Invalid as invalid:
        raise Invalid({place(field): sentence for field, sentence in invalid.problems.items()}) from invalid
    except Refused as refused:
        raise Refused(refused.sentence, field=place(refused.field) if refused.field else None) from refused


def in_config(*beside: str) -> Callable[[str], str]:
    """The place of a field in a body with `config`: those named stand beside it, all others in it."""

    def place(field: str) -> str:
        return field if field in beside else f"config.{field}" if field else "config"

    return place


def _holds(value: Any, unusable: Callable[[Any], bool]) -> bool:
    match value:
        case dict():
            return any(_holds(part, unusable) for pair in value.items() for part in pair)
        case list():
            return any(_holds(part, unusable) for part in value)
    return unusable(value)
