"""What a form sent, as it was typed: kept to draw the form again, read by name and kind.

Reading a request's body is asynchronous in Starlette, so this file and `asgi.py` are, beside the stream, the only ones with `async`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from fastapi import Depends, Request

from app.core.errors import Refused

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
LARGEST_NUMBER = 2**31 - 1


class Fields(Mapping[str, str]):
    """The fields of a form by name; the last one wins, `every` gives all of a name."""

    def __init__(self, pairs: Sequence[tuple[str, str]] | Mapping[str, str] = ()) -> None:
        self._pairs = list(pairs.items()) if isinstance(pairs, Mapping) else list(pairs)
        self._last = dict(self._pairs)

    def __getitem__(self, name: str) -> str:
        return self._last[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._last)

    def __len__(self) -> int:
        return len(self._last)

    def text(self, name: str) -> str:
        """One line or several, without blanks around it; empty where the field is missing."""
        return self._last.get(name, "").strip()

    def every(self, name: str) -> list[str]:
        """All values of one name, in order: check boxes and repeated rows."""
        return [value for key, value in self._pairs if key == name]

    def ticked(self, name: str) -> bool:
        return name in self._last

    def whole(self, name: str) -> int | None:
        """A whole number, None where it was left empty. Refused for anything else."""
        typed = self.text(name)
        if not typed:
            return None
        if not typed.lstrip("-").isascii() or not typed.lstrip("-").isdigit() or abs(int(typed[:12])) > LARGEST_NUMBER:
            raise Refused(f"“{typed[:40]}” is not a whole number. Nothing was saved.", field=name)
        return int(typed)

    def number(self, name: str) -> float | None:
        """A number, None where it was left empty. Refused for anything else."""
        typed = self.text(name).replace(",", ".")
        if not typed:
            return None
        try:
            value = float(typed)
        except ValueError:
            value = float("nan")
        if not abs(value) <= LARGEST_NUMBER:  # also not a number
            raise Refused(f"“{typed[:40]}” is not a number. Nothing was saved.", field=name)
        return value


async def _sent(request: Request) -> Fields:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in FORMS:
        return Fields()
    form = await request.form()
    typed = ((name, value) for name, value in form.multi_items() if isinstance(value, str))
    return Fields([(name, value.replace("\r\n", "\n").replace("\0", "")) for name, value in typed])  # PostgreSQL stores no NUL


Sent = Annotated[Fields, Depends(_sent)]


async def _raw(request: Request) -> bytes:
    return await request.body()


Raw = Annotated[bytes, Depends(_raw)]  # the body as it came, for signatures
