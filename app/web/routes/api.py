"""The JSON API under /api/v1, and its description."""

import re
from functools import lru_cache
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from app.accounts.policy import P
from app.web.api import (
    checklist_templates,
    checklists,
    checks,
    decisions,
    drills,
    incidents,
    notices,
    once,
    paging,
    plans,
    releases,
    reviews,
    runs,
    services,
    status,
    targets,
    timeline,
    verifications,
)
from app.web.guard import Guard, may

router = APIRouter(prefix="/api/v1")
for part in (
    services,
    targets,
    checks,
    releases,
    incidents,
    timeline,
    notices,
    paging,
    checklists,
    checklist_templates,
    decisions,
    plans,
    runs,
    verifications,
    reviews,
    status,
    drills,
):
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
    """OpenAPI of every route below /api/v1: the scope that each needs, and the one shape of every refusal."""
    text = get_openapi(
        title="Lastgood",
        version=version("lastgood"),
        description="Register, declare, preview, recover, verify: the same verbs as the pages.",
        routes=router.routes,
    )
    scopes = _scopes()
    text["components"]["securitySchemes"] = BEARER
    for path, operations in text["paths"].items():
        for method, operation in operations.items():
            operation["security"] = [{"bearer": [scopes[path, method]]}]
            operation["summary"] = operation["description"].split(". ")[0].removesuffix(".")
            operation["operationId"] = f"{operation['tags'][0]}.{operation['operationId'].split('_api_v1_')[0]}"
            operation["responses"].pop("422", None)
            operation["responses"]["4XX"] = PROBLEM
            operation["parameters"] = _in_path(path) + [_wanted(one) for one in operation.get("parameters", ()) if one["in"] != "path"]
    for name in ("HTTPValidationError", "ValidationError"):  # every refusal has our own shape instead
        text["components"]["schemas"].pop(name, None)
    return text


def _scopes() -> dict[tuple[str, str], str]:
    """The permission of each operation, by path and method."""
    found: dict[tuple[str, str], str] = {}
    for context in iter_route_contexts(router.routes):
        route = context.original_route
        if isinstance(route, APIRoute):
            guards = [needed.call for needed in route.dependant.dependencies if isinstance(needed.call, Guard)]
            found |= {(context.path or "", method.lower()): guard.permission.value for guard in guards for method in route.methods or ()}
    return found


def _in_path(path: str) -> list[dict[str, Any]]:
    """The parameters that guards read from the address, which FastAPI does not see."""
    names = re.findall(r"{(\w+)}", path)
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string" if name in {"slug", "section"} else "integer"}}
        for name in names
    ]


def _wanted(parameter: dict[str, Any]) -> dict[str, Any]:
    """A parameter as the description tells it: the key is refused in our words where it is missing, so FastAPI calls it optional."""
    if parameter["name"] != once.HEADER:
        return parameter
    return parameter | {"required": True, "schema": {"type": "string", "minLength": 1, "maxLength": once.LONGEST_KEY}}
