"""Our own bare copy of a repository, and the git programs that read it and talk to where it came from."""

import fcntl
import hashlib
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app.core import processes
from app.core.processes import Captured
from app.core.redact import redact
from app.executors.base import Context, StepFailed, Unreachable
from app.executors.git.remotes import Road, road

_FIRST_FETCH_S = 120.0  # a first copy is whole, later ones are what is new
_SETTINGS = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "credential.helper=", "gc.auto=0", "maintenance.auto=false",
    "submodule.recurse=false", "protocol.version=2", "push.gpgSign=false", "commit.gpgSign=false", "advice.detachedHead=false",
)  # fmt: skip
_ENV = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_ASKPASS": "true",
    "LC_ALL": "C",
}
_COMMIT = re.compile(r"[0-9a-f]{40}")
_BRANCH = re.compile(r"(?!-)(?!.*(?:\.\.|//|@\{|\.lock(?:/|$)|/\.))[^\s~^:?*\[\\\x00-\x1f\x7f/.][^\s~^:?*\[\\\x00-\x1f\x7f]*(?<![/.])")
_BROKEN = ("object file", "is corrupt", "bad object", "unable to read tree", "not a git repository: ")
NEVER_SENT = (
    "could not resolve host", "connection refused", "permission denied", "authentication failed", "could not read username",
    "host key verification failed", "repository not found", "does not appear to be a git repository", "does not exist",
    "returned error: 403", "returned error: 401", "ssl certificate problem", "no route to host",
)  # fmt: skip


@dataclass(frozen=True)
class Commit:
    """One commit as people name it."""

    sha: str
    tree: str
    author: str
    at: str  # ISO 8601, when it was committed
    subject: str

    @property
    def short(self) -> str:
        return self.sha[:8]

    @property
    def shown(self) -> str:
        return f"{self.short} by {self.author}: {self.subject}"


def commit_name(value: str) -> str:
    """A full commit id. StepFailed for anything else: short ids and names mean something else tomorrow."""
    if not _COMMIT.fullmatch(value):
        raise StepFailed(f"{value} is not the full id of a commit (40 hexadecimal digits). Nothing was changed.")
    return value


def branch_name(value: str) -> str:
    """The name of a branch as git takes it. StepFailed for anything else."""
    if not _BRANCH.fullmatch(value) or len(value) > 200:
        raise StepFailed(f"{value} is not the name of a branch. Write it like main or release/2026. Nothing was changed.")
    return value


@contextmanager
def before_effect() -> Iterator[None]:
    """For `apply`: a read that fails before the one effect, or after the server refused it, means that nothing was changed."""
    try:
        yield
    except Unreachable as error:
        raise StepFailed(f"{error.sentence} Nothing was changed.") from error


@contextmanager
def opened(address: str, ctx: Context, *, local: bool = False) -> Iterator["Repository"]:
    """Our copy of a repository, locked while it is used. Without `ctx.folder` it is made for this once."""
    with road(address, ctx, local=local) as way:
        if ctx.folder is None:
            with tempfile.TemporaryDirectory(prefix="lastgood-repository-") as once:
                yield Repository(Path(once), address, way, ctx)
            return
        folder = ctx.folder / "repositories" / hashlib.sha256(address.encode()).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            _wait_for(lock, ctx)
            yield Repository(folder, address, way, ctx)


def _wait_for(lock: IO[str], ctx: Context) -> None:
    deadline = time.monotonic() + max(ctx.deadline_s, 1.0)
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline or ctx.cancelled():
                raise Unreachable("Another look at this repository is still going on. Try again in a moment.") from None
            time.sleep(0.05)
        else:
            return


class Repository:
    """A bare copy in a folder. Reads answer from the copy; `fetch`, `tip` and `push` ask the place that it came from."""

    def __init__(self, folder: Path, address: str, way: Road, ctx: Context) -> None:
        self.bare = folder / "bare.git"
        self.address = address
        self._way = way
        self._ctx = ctx
        self._make_usable()

    def _make_usable(self) -> None:
        """Make the copy where there is none, and take away the locks of git programs that were killed: ours is the only hand here."""
        if not (self.bare / "config").exists():
            shutil.rmtree(self.bare, ignore_errors=True)
            half = self.bare.with_name("half.git")
            shutil.rmtree(half, ignore_errors=True)
            self._checked(processes.capture(["git", "init", "--quiet", "--bare", str(half)], cwd=half.parent, env=_ENV, deadline_s=10))
            half.rename(self.bare)
        for lock in [*self.bare.glob("*.lock"), *(self.bare / "refs").rglob("*.lock")]:
            lock.unlink(missing_ok=True)

    def git(
        self, *arguments: str, env: dict[str, str] | None = None, deadline_s: float | None = None, cancellable: bool = True
    ) -> Captured:
        """Run git in the copy. Unreachable where it does not end in time."""
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        argv = ["git", "--no-pager", *settings, *self._way.settings, *arguments]
        try:
            return processes.capture(
                argv,
                cwd=self.bare,
                env=_ENV | self._way.env | {"GIT_DIR": str(self.bare)} | (env or {}),
                deadline_s=deadline_s or self._ctx.deadline_s,
                cancelled=self._ctx.cancelled if cancellable else _never,
            )
        except processes.NotStarted as error:
            raise Unreachable(f"{error.sentence} The console's runner needs git: install it there.") from error
        except processes.Cancelled as error:
            raise Unreachable(f"The look at {self.address} was cancelled.") from error
        except processes.Stopped as error:
            raise Unreachable(f"{self.address} did not answer in time ({arguments[0]}). Check that the server can be reached.") from error

    def text(self, *arguments: str) -> str:
        """What a reading command answers. Unreachable where it fails."""
        return self._checked(self.git(*arguments)).out.decode("utf-8", errors="replace").strip()

    def fetch(self, branch: str) -> None:
        """Bring the branch and all tags. StepFailed where there is no such branch, Unreachable where there is no answer."""
        done = self._fetched(branch)
        if done.code and any(sign in done.err for sign in _BROKEN):
            shutil.rmtree(self.bare)  # the disk lost a part of our copy: make another one
            self._make_usable()
            done = self._fetched(branch)
        if done.code and "find remote ref" in done.err:
            raise StepFailed(f"There is no branch {branch} in {self.address}. Nothing was changed. Check its name on the target's page.")
        self._checked(done)

    def _fetched(self, branch: str) -> Captured:
        is_first = not any((self.bare / "objects" / "pack").glob("*.pack")) and not any((self.bare / "refs" / "heads").iterdir())
        limit = max(self._ctx.deadline_s, _FIRST_FETCH_S) if is_first else None
        options = ["--quiet", "--no-tags", "--no-write-fetch-head", "--prune", "--force"]
        refs = [f"+refs/heads/{branch}:refs/heads/{branch}", "+refs/tags/*:refs/tags/*"]
        return self.git("fetch", *options, "--", self.address, *refs, deadline_s=limit)

    def commit(self, name: str) -> Commit | None:
        """The commit that a full id or a full ref ("refs/heads/main") stands for, None where the copy has none."""
        found = self.log(name, most=1)
        return found[0] if found else None

    def log(self, revisions: str, *, most: int = 200) -> list[Commit]:
        """The commits of a range, the newest first. Empty where the names mean nothing here."""
        form = "--format=%H%x1f%T%x1f%an%x1f%cI%x1f%s"
        done = self.git("log", "--no-show-signature", "-z", form, f"--max-count={most}", "--end-of-options", revisions)
        if done.code:
            return []
        records = done.out.decode("utf-8", errors="replace").split("\0")
        return [Commit(*record.split("\x1f", 4)) for record in records if record]

    def is_ancestor(self, commit: str, of: str) -> bool:
        return self.git("merge-base", "--is-ancestor", commit, of).code == 0

    def tags(self) -> dict[str, list[str]]:
        """Commit id to the names of its tags, the newest tag first."""
        listed = self.text("for-each-ref", "--sort=-creatordate", "--format=%(objectname) %(*objectname) %(refname:strip=2)", "refs/tags")
        found: dict[str, list[str]] = {}
        for line in listed.splitlines():
            own, peeled, name = line.split(" ", 2)
            found.setdefault(peeled or own, []).append(name)
        return found

    def has_path(self, commit: str, path: str) -> bool:
        return self.git("cat-file", "-e", f"{commit}:{path}").code == 0

    def check_out(self, commit: str, folder: Path) -> None:
        """Make a working copy of one commit in a new folder. It borrows our objects and knows no remote but our copy."""
        local = {"GIT_ALLOW_PROTOCOL": "file", "GIT_LFS_SKIP_SMUDGE": "1"}
        self._checked(self.git("clone", "--quiet", "--shared", "--no-checkout", "--", str(self.bare), str(folder), env=local))
        own = local | {"GIT_DIR": str(folder / ".git"), "GIT_WORK_TREE": str(folder)}
        self._checked(self.git("checkout", "--quiet", "--force", "--detach", commit, "--", env=own, deadline_s=_FIRST_FETCH_S))

    def why(self, done: Captured) -> str:
        """The last word of a git program that failed, for people."""
        lines = [
            line.strip()
            for line in done.err.splitlines()
            if line.strip() and not line.startswith(("hint:", "Please make sure", "and the repo"))
        ]
        told = [line for line in lines if line.startswith(("fatal:", "error:", "remote:", "ssh:", "!"))] or lines
        return (
            redact(told[-1].removeprefix("fatal: ").removeprefix("error: "))[:300].rstrip(".")
            if told
            else f"git ended with code {done.code}"
        )

    def _checked(self, done: Captured) -> Captured:
        if done.code:
            raise Unreachable(f"{self.address} cannot be read: {self.why(done)}. {_advice(done.err)}")
        return done


def _never() -> bool:
    return False


def _advice(text: str) -> str:
    text = text.lower()
    if any(sign in text for sign in ("authentication failed", "could not read username", "permission denied", "returned error: 40")):
        return "Check the credential on the target's page."
    if "host key verification failed" in text:
        return "Add the server's key to the known hosts of the credential."
    if "could not resolve host" in text or "not found" in text or "does not exist" in text or "not appear to be" in text:
        return "Check the repository's address on the target's page."
    return "Check that the server can be reached from the runner."
