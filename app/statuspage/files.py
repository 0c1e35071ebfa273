"""The public folder: one whole generation of files a page, swapped in at once.

    LASTGOOD_STATUS_DIR/
        oakline -> .generations/oakline/42-9f2c    what a server serves; the link is replaced by a rename, so nobody sees half of two
        .generations/oakline/42-9f2c/index.html, index.html.gz, index.html.br, …, .generation

`.generation` is the only thing that says what a folder holds, so any number of notifiers may share a folder or have one each: whoever finds
theirs behind writes it. A file whose content is as it was is linked, not written: it keeps its time, and with it the ETag that servers
make of time and size. One that changed gets a time of its own second, since two versions of one size in one second would look the same.
"""

import fcntl
import gzip
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import brotli

from app.core.settings import settings
from app.statuspage.assets import FOLDER, bundle
from app.statuspage.drawing import documents
from app.statuspage.picture import Picture

GENERATIONS, MARKER = ".generations", ".generation"
SQUEEZED = {".html", ".json", ".atom", ".ics", ".css", ".js", ".svg"}
GZIP_LEVEL, BROTLI_QUALITY = 9, 9  # brotli 11 makes 5 % less of it and takes ten times as long, within the second that publishing has


@dataclass(frozen=True)
class Generation:
    """What a folder holds: the revision, the software's look that drew it, and until when it is true by itself (ISO 8601)."""

    revision: int
    fingerprint: str
    until: str

    def is_behind(self, revision: int, now: datetime) -> bool:
        """Whether it has to be written anew."""
        return self.revision != revision or self.fingerprint != bundle().fingerprint or datetime.fromisoformat(self.until) <= now


def root() -> Path:
    """The public folder."""
    return settings().status_dir or settings().state_dir / "status"


def standing(slug: str) -> Generation | None:
    """What stands in the folder of a page; None where nothing whole does."""
    try:
        return Generation(**json.loads((root() / slug / MARKER).read_text()))
    except (OSError, ValueError, TypeError):
        return None


@contextmanager
def alone(slug: str) -> Iterator[None]:
    """One writer a page on one folder; the lock dies with its holder."""
    folder = root() / GENERATIONS / slug
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    handle = os.open(folder.parent / f"{slug}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write(picture: Picture) -> None:
    """Put the picture into its folder. The caller is `alone` and took the picture since: the last writer knows most."""
    old = (root() / picture.slug).resolve()
    new = root() / GENERATIONS / picture.slug / f"{picture.revision}-{secrets.token_hex(4)}"
    (new / FOLDER).mkdir(parents=True)
    for folder in (new, new / FOLDER, new.parent, root() / GENERATIONS):
        folder.chmod(0o755)  # a server of another account reads them, whatever our umask is
    contents = {name: draw() for name, draw in documents(picture).items()} | bundle().files
    for name, content in contents.items():
        _put(new, old, name, content)
    marker = Generation(picture.revision, bundle().fingerprint, picture.until.isoformat())
    _store(new / MARKER, json.dumps(asdict(marker)).encode())
    _flush(new)
    _swap(picture.slug, new)
    _sweep(picture.slug, {new.name, old.name})


def remove(slug: str) -> None:
    """Take a page off: its link first, then its files."""
    (root() / slug).unlink(missing_ok=True)
    shutil.rmtree(root() / GENERATIONS / slug, ignore_errors=True)


def _put(new: Path, old: Path, name: str, content: bytes) -> None:
    """The file and what is squeezed of it, from the generation before where it has the same content."""
    before, variants = old / name, [name]
    if Path(name).suffix in SQUEEZED:
        variants += [f"{name}.gz", f"{name}.br"]
    try:
        same, was_at = before.read_bytes() == content, before.stat().st_mtime_ns
    except OSError:
        same, was_at = False, 0
    if same and all((old / variant).exists() for variant in variants):
        for variant in variants:
            os.link(old / variant, new / variant)
        return
    _store(new / name, content)
    if len(variants) > 1:
        _store(new / f"{name}.gz", gzip.compress(content, GZIP_LEVEL, mtime=0))
        _store(new / f"{name}.br", brotli.compress(content, quality=BROTLI_QUALITY))
    second = max(int((new / name).stat().st_mtime), int(was_at / 1e9) + 1)
    for variant in variants:
        os.utime(new / variant, (second, second))


def _store(path: Path, content: bytes) -> None:
    """Write, and wait for the disk: after a power cut the page has to be there."""
    with path.open("wb") as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    for path in (folder, folder / FOLDER, folder.parent):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _swap(slug: str, new: Path) -> None:
    """A rename over a symbolic link is one step: before it the old generation is served, after it the new one."""
    link = root() / f".{slug}.{secrets.token_hex(4)}"
    link.symlink_to(new.relative_to(root()))
    link.replace(root() / slug)


def _sweep(slug: str, kept: set[str]) -> None:
    """Take away what nobody is served any more. The one before stays: a reader may be half-way through its links."""
    for folder in (root() / GENERATIONS / slug).iterdir():
        if folder.is_dir() and folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)
    for link in root().glob(f".{slug}.????????"):
        link.unlink(missing_ok=True)
