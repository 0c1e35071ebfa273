"""Where a deploy command runs, and where it is written down how it went."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core import processes
from app.core.processes import Recorded
from app.executors.base import Body, Context
from app.executors.git.repository import opened

_KEPT_S = 7 * 24 * 3600.0


def described(repository: str, folder: str, commit: str) -> str:
    """The place in words, for the preview."""
    return f"{folder or 'the top'} of a checkout of {commit[:8]}" if repository else "an empty folder"


@contextmanager
def made(body: Body, ctx: Context) -> Iterator[Path]:
    """A working copy of the commit, or an empty folder where no repository is needed. It lives as long as the command."""
    if ctx.folder:
        ctx.folder.mkdir(parents=True, exist_ok=True)
        _sweep(ctx.folder)
    with tempfile.TemporaryDirectory(prefix="checkout-", dir=ctx.folder, ignore_cleanup_errors=True) as place:
        if not body["repository"]:
            yield Path(place)
            return
        work = Path(place) / "work"
        with opened(body["repository"], ctx, local=body["local"]) as copy:
            if copy.commit(body["commit"]) is None:
                copy.fetch(body["branch"])
            copy.check_out(body["commit"], work)
        yield work / body["folder"]


def record(ctx: Context) -> Path | None:
    """Where the tether of this operation's command writes how it goes."""
    return ctx.folder / "commands" / ctx.operation if ctx.folder else None


def recorded(ctx: Context) -> Recorded:
    """How this operation's command went, as far as this machine knows."""
    folder = record(ctx)
    return processes.recorded(folder) if folder else Recorded("absent")


def _sweep(folder: Path) -> None:
    """Remove what runners that were killed left behind, and records of commands that ended long ago."""
    old = time.time() - _KEPT_S
    for left in [*folder.glob("checkout-*"), *folder.glob("commands/*")]:
        if left.stat().st_mtime < old:
            shutil.rmtree(left, ignore_errors=True)
