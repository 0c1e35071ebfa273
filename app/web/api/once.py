"""POST once: the first answer under an `Idempotency-Key` is the answer to every repeat."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.orm import Session

from app.accounts.policy import Person
from app.core import idempotency
from app.core.errors import Refused

HEADER = "Idempotency-Key"
LONGEST_KEY = 200
MISSING = (
    f"A POST needs the header {HEADER}, so that a repeat does not do it twice. Nothing was done: "
    "send any text of your own, a new one for each new request."
)

# its absence is refused below, in our words; the description of the API calls it required
Key = Annotated[
    str,
    Header(alias=HEADER, description="Any text of your own, new for each new request: a repeat gets the first answer again."),
]


def once(
    request: Request, db: Session, me: Person, key: str, asked: BaseModel | None, make: Callable[[], BaseModel], *, status: int = 200
) -> JSONResponse:
    """Carry `make` out and remember its answer in the same transaction, or give the answer that is remembered.

    A refusal rolls the transaction back and is not remembered: the same key may be tried again.
    """
    if not key:
        raise Refused(MISSING, field=HEADER)
    if len(key) > LONGEST_KEY:
        raise Refused(f"An {HEADER} has up to {LONGEST_KEY} characters. Nothing was done.", field=HEADER)
    body: Any = asked.model_dump(mode="json", exclude_unset=True) if asked else None
    fingerprint = idempotency.fingerprint(request.method, request.url.path, body)
    row = idempotency.begin(db, owner=me.actor, key=key, asked=fingerprint)
    if row.answer is None:
        row.answer, row.status = make().model_dump(mode="json"), status
        db.flush()
        return JSONResponse(row.answer, row.status)
    return JSONResponse(row.answer, row.status or 200, headers={"Idempotent-Replayed": "true"})
