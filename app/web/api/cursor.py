"""Cursors: where the next page begins, opaque to the script that carries it."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from datetime import datetime
from typing import Annotated

import fastapi

from app.core.errors import Refused

Query = Annotated[str | None, fastapi.Query(alias="cursor", description="`next` of the page before.")]


def write(*parts: object) -> str:
    """A cursor from the key of the last item."""
    text = json.dumps([part.isoformat() if isinstance(part, datetime) else part for part in parts])
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_id(cursor: str | None) -> int | None:
    """The id that a page begins after. Refused for a cursor that this API did not write."""
    if not cursor:
        return None
    (number,) = _read(cursor, 1)
    if not isinstance(number, int):
        raise _unknown()
    return number


def read_moment(cursor: str | None) -> tuple[datetime, int] | None:
    """The moment and id that a page begins after."""
    if not cursor:
        return None
    moment, number = _read(cursor, 2)
    try:
        return datetime.fromisoformat(str(moment)), int(str(number))
    except ValueError as error:
        raise _unknown() from error


def _read(cursor: str, length: int) -> list[object]:
    try:
        parts = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (NotBase64, ValueError) as error:
        raise _unknown() from error
    if not isinstance(parts, list) or len(parts) != length:
        raise _unknown()
    return parts


def _unknown() -> Refused:
    return Refused("This cursor is not one of ours. Start again without it.", field="cursor")
