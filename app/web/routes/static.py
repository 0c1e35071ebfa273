"""Style sheets, scripts, fonts and icons."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.accounts.policy import P
from app.web.assets import asset
from app.web.guard import may

router = APIRouter()


@router.get("/static/{name:path}")
def static(_: Annotated[None, may(P.PUBLIC)], request: Request, name: str, v: str = "") -> Response:
    found = asset(name)
    is_pinned = v == found.tag or name.startswith("vendor/")  # vendored files have their version in the folder's name
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if is_pinned else "no-cache",
        "ETag": f'"{found.tag}"',
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if found.zipped and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.zipped, headers=headers | {"Content-Encoding": "gzip"}, media_type=found.media_type)
    return Response(found.body, headers=headers, media_type=found.media_type)
