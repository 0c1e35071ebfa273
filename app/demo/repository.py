"""The shop's repository: its history up to v1.2.3, and v1.2.4 when it goes out."""

import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from app.core import processes
from app.core.clock import now
from app.core.errors import Refused

BRANCH = "main"
GOOD, BAD = "v1.2.3", "v1.2.4"
_HERE = Path(__file__).parent
_ENV = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}

# What v1.2.4 changes in shop.py: log-ins go to a store that all shops share, over a slow line, and not every account is there yet.
_IMPORT = ("import time\nfrom collections", "import time\nimport zlib\nfrom collections")
_STORE = (
    """    def open(self, customer: str) -> str:
        token = secrets.token_urlsafe(16)
""",
    """    def open(self, customer: str) -> str:
        token = secrets.token_urlsafe(16)
        shard = zlib.crc32(customer.encode()) % SHARDS
        for _ in range(2 + shard % 2):  # find the shard, ask it, and for half of them ask again
            time.sleep(ROUND_TRIP_S)
        if shard not in MOVED:
            raise KeyError(f"shard {shard} of the shared session store is empty")
""",
)
_FACTS = (
    'ROUTES = ("/", ',
    """SHARDS = 25
MOVED = range(22)  # the last three are moved tonight
ROUND_TRIP_S = 0.25  # the shared store is in the other data centre
ROUTES = ("/", """,
)


@dataclass(frozen=True)
class Author:
    name: str
    email: str


@dataclass(frozen=True)
class Facts:
    """One commit of the shop."""

    sha: str
    tree: str
    author: str
    subject: str
    at: datetime


MIA = Author("Mia Chen", "mia.chen@shop.example")
TOM = Author("Tom Weber", "tom.weber@shop.example")


class ShopRepository:
    """A bare repository in a folder, and what its people commit to it."""

    def __init__(self, bare: Path) -> None:
        self.bare = bare

    def prepare(self) -> None:
        """Make the history up to v1.2.3, unless it is there."""
        if self.commit_of(GOOD):
            return
        shop = (_HERE / "shop.py").read_text()
        readme = "# Shop\n\n`python3 shop.py PORT` serves it on this machine.\n"
        with tempfile.TemporaryDirectory(dir=self.bare.parent) as folder:
            half, work = Path(folder) / "half.git", Path(folder) / "work"
            work.mkdir()
            _git("init", "--quiet", "--bare", f"--initial-branch={BRANCH}", str(half), cwd=work)
            _git("init", "--quiet", f"--initial-branch={BRANCH}", cwd=work)
            began = now() - timedelta(days=34)
            _commit(work, "A page, log-in, health, version and metrics", {"shop.py": shop}, MIA, began)
            _commit(work, "Say how to start it", {"README.md": readme}, TOM, began + timedelta(days=2))
            _commit(work, f"Release {GOOD}", {"VERSION": f"{GOOD}\n"}, MIA, began + timedelta(days=25), tag=GOOD)
            _git("push", "--quiet", "--follow-tags", str(half), BRANCH, cwd=work)
            half.rename(self.bare)

    def publish(self) -> str:
        """Push v1.2.4 on top of the branch, unless it was, and return its commit."""
        if known := self.commit_of(BAD):
            return known
        with self.checkout(f"refs/heads/{BRANCH}") as work:
            source = (work / "shop.py").read_text()
            for old, new in (_IMPORT, _STORE, _FACTS):
                if source.count(old) != 1:
                    raise Refused("The demo's shop is not the one that its next release was written for. Start with an empty state folder.")
                source = source.replace(old, new)
            _git("checkout", "--quiet", "-B", BRANCH, cwd=work)
            _commit(work, "Log-in: one session for all our shops", {"shop.py": source}, TOM, now() - timedelta(minutes=9))
            _commit(work, f"Release {BAD}", {"VERSION": f"{BAD}\n"}, TOM, now() - timedelta(minutes=1), tag=BAD)
            _git("push", "--quiet", "--follow-tags", str(self.bare), BRANCH, cwd=work)
        return self.commit_of(BAD)

    def commit_of(self, version: str) -> str:
        """The commit that is tagged so, "" where none is."""
        if not self.bare.is_dir():
            return ""
        found = _run("rev-parse", "--verify", "--quiet", f"refs/tags/{version}^{{commit}}", cwd=self.bare)
        return found.out.decode().strip() if found.code == 0 else ""

    def facts_of(self, version: str) -> "Facts":
        """Who made a version, and when. Refused where there is none."""
        lines = _git("log", "-1", "--format=%H%n%T%n%an%n%s%n%cI", f"refs/tags/{version}", "--", cwd=self.bare).splitlines()
        sha, tree, author, subject, at = lines
        return Facts(sha, tree, author, subject, datetime.fromisoformat(at))

    def checkout(self, revision: str) -> "Checkout":
        """A working copy for as long as a `with` block lasts."""
        return Checkout(self.bare, revision)


class Checkout:
    def __init__(self, bare: Path, revision: str) -> None:
        self._bare = bare
        self._revision = revision
        self._place = tempfile.TemporaryDirectory(dir=bare.parent)

    def __enter__(self) -> Path:
        work = Path(self._place.name) / "work"
        _git("clone", "--quiet", "--no-checkout", str(self._bare), str(work), cwd=self._bare)
        found = _git("rev-parse", f"{self._revision}^{{commit}}", cwd=self._bare)
        _git("checkout", "--quiet", "--detach", found, cwd=work)
        return work

    def __exit__(self, *_: object) -> None:
        self._place.cleanup()


def _commit(work: Path, subject: str, files: dict[str, str], author: Author, at: datetime, *, tag: str = "") -> None:
    for name, text in files.items():
        (work / name).write_text(text)
    env = {
        f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", author.name), ("EMAIL", author.email))
    }
    env |= {f"GIT_{who}_DATE": at.isoformat() for who in ("AUTHOR", "COMMITTER")}
    _git("add", "--all", cwd=work)
    _git("commit", "--quiet", "--no-gpg-sign", "-m", subject, cwd=work, env=env)
    if tag:
        _git("tag", "--annotate", "--no-sign", "-m", subject, tag, cwd=work, env=env)


def _git(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = _run(*arguments, cwd=cwd, env=env)
    if done.code:
        raise Refused(f"The demo's repository could not be made: git {arguments[0]} said “{done.err.strip()}”.")
    return done.out.decode().strip()


def _run(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> processes.Captured:
    try:
        return processes.capture(["git", *arguments], cwd=cwd, env=_ENV | (env or {}), deadline_s=30)
    except processes.NotStarted as error:
        raise Refused(f"{error.sentence} The demo needs git: install it, then start again.") from error
