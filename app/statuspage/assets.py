"""What the public pages need beside their words: style, script, icons, fonts, named by their content so that browsers keep them."""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from app.core.paths import STATIC, TEMPLATES

FOLDER = "assets"
STYLES = ("css/tokens.css", "css/public.css")
OTHERS = ("js/public.js", "icons.svg", "favicon.svg")
_URL = re.compile(r"url\(\.\./(vendor/[^)]+)\)")


@dataclass(frozen=True)
class Bundle:
    """`addresses`: name below static/ to the address in the page's folder; `files`: that address to the content.
    `fingerprint` changes when the software draws or looks otherwise, so that standing pages are drawn anew."""

    addresses: dict[str, str]
    files: dict[str, bytes]
    fingerprint: str


@lru_cache(maxsize=1)
def bundle() -> Bundle:
    """Read once in a process."""
    addresses: dict[str, str] = {}
    files: dict[str, bytes] = {}

    def keep(name: str, content: bytes) -> str:
        path = PurePosixPath(name)
        called = f"{path.stem}-{hashlib.sha256(content).hexdigest()[:12]}{path.suffix}"
        addresses[name] = f"{FOLDER}/{called}"
        files[addresses[name]] = content
        return called

    for name in STYLES:
        text = (STATIC / name).read_text()
        fonts = {font: keep(font, (STATIC / font).read_bytes()) for font in _URL.findall(text)}
        keep(name, _URL.sub(lambda found, fonts=fonts: f"url({fonts[found[1]]})", text).encode())  # type: ignore[misc]
    for name in OTHERS:
        keep(name, (STATIC / name).read_bytes())
    drawn = b"".join(path.read_bytes() for path in sorted((TEMPLATES / "public").glob("*.html")))
    fingerprint = hashlib.sha256(drawn + "".join(sorted(files)).encode()).hexdigest()[:12]
    return Bundle(addresses, files, fingerprint)
