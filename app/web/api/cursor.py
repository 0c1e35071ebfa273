"""Cursors: where the next page begins, opaque to the script that carries it."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, TypeVar

import fastapi

from app.core.errors import Refused

LONGEST = 200
LARGEST_ID = 2**31 - 1
Query = Annotated[str | None, fastapi.Query(alias="cursor", description="`next` of the page before.", max_length=LONGEST)]


PAGE = 100
Row = TypeVar("Row")


def cut(rows: Sequence[Row], key: Callable[[Row], tuple[object, ...]]) -> tuple[Sequence[Row], str | None]:
    """One page of rows that were read with `limit=PAGE + 1`, and the cursor of the next; None where this was the last."""
    return rows[:PAGE], write(*key(rows[PAGE - 1])) if len(rows) > PAGE else None


def write(*parts: object) -> str:
    """A cursor from the key of the last item."""
    text = json.dumps([part.isoformat() if isinstance(part, datetime) else part for part in parts])
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_id(cursor: str | None) -> int | None:
    """The id that a page begins after. Refused for a cursor that this API did not write."""
    if not cursor:
        return None
    (number,) = _read(cursor, 1)
    return _id(number)


def read_moment(cursor: str | None) -> tuple[datetime, int] | None:
    """The moment and id that a page begins after."""
    if not cursor:
        return None
    moment, number = _read(cursor, 2)
    try:
        at = datetime.fromisoformat(str(moment))
    except ValueError as error:
        raise _unknown() from error
    if at.tzinfo is None:
        raise _unknown()
    return at, _id(number)


def _read(cursor: str, length: int) -> list[object]:
    try:
        parts = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (NotBase64, ValueError) as error:
        raise _unknown() from error
    if not isinstance(parts, list) or len(parts) != length:
        raise _unknown()
    return parts


def _id(number: object) -> int:
    if type(number) is not int or not 0 < number <= LARGEST_ID:
        raise _unknown()
    return number


def _unknown() -> Refused:
    return Refused("This cursor is not one of ours. Start again without it.", field="cursor")
