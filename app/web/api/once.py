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

LONGEST_KEY = 200

Key = Annotated[
    str,
    Header(alias="Idempotency-Key", description="Any text of your own, new for each new request: a repeat gets the first answer again."),
]


def once(
    request: Request, db: Session, me: Person, key: str, asked: BaseModel | None, make: Callable[[], BaseModel], *, status: int = 200
) -> JSONResponse:
    """Carry `make` out and remember its answer in the same transaction, or give the answer that is remembered.

    A refusal rolls the transaction back and is not remembered: the same key may be tried again.
    """
    if not 1 <= len(key) <= LONGEST_KEY:
        raise Refused(f"An Idempotency-Key has 1 to {LONGEST_KEY} characters. Nothing was done.", field="Idempotency-Key")
    body: Any = asked.model_dump(mode="json") if asked else None
    fingerprint = idempotency.fingerprint(request.method, request.url.path, body)
    row = idempotency.begin(db, owner=me.actor, key=key, asked=fingerprint)
    if row.answer is None:
        row.answer, row.status = make().model_dump(mode="json"), status
        db.flush()
        return JSONResponse(row.answer, row.status)
    return JSONResponse(row.answer, row.status or 200, headers={"Idempotent-Replayed": "true"})
