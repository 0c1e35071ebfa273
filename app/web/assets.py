"""Static files: read once, compressed once, addressed by their content so that browsers may keep them for ever."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import lru_cache

from app.core.errors import NotFound
from app.core.paths import STATIC

TYPES = {".woff2": "font/woff2", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Asset:
    body: bytes
    zipped: bytes | None
    media_type: str
    tag: str


@lru_cache(maxsize=512)
def _read(name: str, stamp: int) -> Asset:  # noqa: ARG001 - the time of its last change is part of the key
    path = STATIC / name
    body = path.read_bytes()
    media_type = TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    zipped = None if path.suffix == ".woff2" else gzip.compress(body, 9, mtime=0)
    return Asset(body, zipped, media_type, hashlib.sha256(body).hexdigest()[:12])


def asset(name: str) -> Asset:
    """A file below static/. NotFound where there is none, also for a path that leads out of the folder."""
    path = (STATIC / name).resolve()
    if not path.is_relative_to(STATIC.resolve()) or not path.is_file():
        raise NotFound
    return _read(name, path.stat().st_mtime_ns)


def static(name: str) -> str:
    """The address of a static file, with the hash of its content."""
    return f"/static/{name}?v={asset(name).tag}"
