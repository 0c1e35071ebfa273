"""The JSON API under /api/v1, and its description."""

from functools import lru_cache
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi

from app.accounts.policy import P
from app.web.api import incidents, recoveries, services
from app.web.guard import may

router = APIRouter(prefix="/api/v1")
for part in (services, incidents, recoveries):
    router.include_router(part.router)

BEARER = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token from your own page; it can do at most what its scopes say."}
}
PROBLEM = {
    "description": "Refused: `detail` is the sentence that the page shows (what happened, what is true now, what to do next).",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "required": ["title", "status", "detail"],
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                    "link": {"type": "string"},
                    "fields": {"type": "object", "additionalProperties": {"type": "string"}},
                },
            }
        }
    },
}


@router.get("/openapi.json", include_in_schema=False)
def openapi(_: Annotated[None, may(P.PUBLIC)]) -> dict[str, Any]:
    """The description of the API, for generators and for people."""
    return description()


@lru_cache(maxsize=1)
def description() -> dict[str, Any]:
    """OpenAPI of every route below /api/v1, with the one shape of every refusal."""
    text = get_openapi(
        title="Lastgood",
        version=version("lastgood"),
        description="Declare, preview, recover, verify: the same verbs as the pages.",
        routes=router.routes,
    )
    text["components"]["securitySchemes"] = BEARER
    text["security"] = [{"bearer": []}]
    for operations in text["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            operation["responses"]["4XX"] = PROBLEM
    return text
