"""Files of the public folder over the console, for those who run no other server: as they lie there, squeezed, with their ETag.

A server made for files does this faster; `deploy/nginx` has one. No database is asked.
"""

import re
from functools import lru_cache
from pathlib import Path

from fastapi import Request
from starlette.responses import Response

from app.core.errors import NotFound
from app.statuspage import files
from app.statuspage.assets import FOLDER
from app.statuspage.pages import SLUG

_NAME = re.compile(rf"({FOLDER}/)?[a-z0-9]+(-[a-zA-Z0-9-]+)?\.[a-z0-9]{{2,5}}")
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".atom": "application/atom+xml; charset=utf-8",
    ".ics": "text/calendar; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


def media_type(name: str) -> str:
    return TYPES.get(Path(name).suffix, "application/octet-stream")


def served(request: Request, slug: str, name: str) -> Response:
    """One file, or 304 where the reader has it. NotFound for everything that is not a file of a page."""
    if not SLUG.fullmatch(slug) or not _NAME.fullmatch(name) or Path(name).suffix not in TYPES:
        raise NotFound
    path = files.root() / slug / name
    wanted = request.headers.get("accept-encoding", "")
    for encoding, suffix in (("br", ".br"), ("gzip", ".gz"), ("", "")):
        if encoding in wanted and (found := _read(path.with_name(path.name + suffix))):
            body, tag = found
            break
    else:
        raise NotFound
    headers = {"ETag": tag, "Vary": "Accept-Encoding", "Cache-Control": "no-cache"}
    if name.startswith(FOLDER):
        headers["Cache-Control"] = "public, max-age=31536000, immutable"
    if encoding:
        headers["Content-Encoding"] = encoding
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type(name))


def _read(path: Path) -> tuple[bytes, str] | None:
    """None where there is none; also where its generation is swept away between the two looks, and the next request finds the new one."""
    try:
        about = path.stat()
        return _content(path, about.st_mtime_ns, about.st_size)
    except OSError:
        return None


@lru_cache(maxsize=256)
def _content(path: Path, stamp: int, size: int) -> tuple[bytes, str]:
    """The file as long as its time and size are the same."""
    return path.read_bytes(), f'"{stamp:x}-{size:x}"'
