"""What a branch holds, in the words of the product: commits with their versions."""

from dataclasses import dataclass, replace
from typing import Any

from app.executors.base import Body, Context, StepFailed
from app.executors.git.repository import Commit, Repository, branch_name, opened

_LOOKED_BACK = 100


@dataclass(frozen=True)
class Known:
    """One commit of a branch. `same_as` is the newest tagged commit before it with the same content, "" where there is none."""

    sha: str
    tree: str
    version: str
    author: str
    at: str
    subject: str
    tags: tuple[str, ...] = ()
    same_as: str = ""

    @property
    def release(self) -> str:
        """The commit that names this content: after a return to v1.2.3 the tip is a new commit, and the release is v1.2.3's."""
        return self.same_as or self.sha


@dataclass(frozen=True)
class Branch(Known):
    """The tip of a branch, and its commits, the newest first (`log[0]` is the tip)."""

    log: tuple[Known, ...] = ()

    @property
    def tip(self) -> str:
        return self.sha


def read_branch(credentials: Body, repository: str, branch: str, ctx: Context, *, local: bool = False) -> Branch:
    """Fetch a branch and say what it holds. StepFailed where there is no such branch, Unreachable where it cannot be read."""
    with opened(repository, replace(ctx, credentials=credentials), local=local) as copy:
        copy.fetch(branch_name(branch))
        log = known(copy, f"refs/heads/{branch}")
    if not log:
        raise StepFailed(f"The branch {branch} of {repository} holds no commit yet.")
    facts: dict[str, Any] = vars(log[0])
    return Branch(**facts, log=tuple(log))


def known(copy: Repository, revisions: str, *, most: int = _LOOKED_BACK) -> list[Known]:
    """The commits of a range with their versions: a commit's own tag, else the tag of the same content before it, else its short id."""
    tags = copy.tags()
    found: list[Known] = []
    tagged: dict[str, Commit] = {}  # content -> the newest tagged commit seen so far, going forward in time
    for commit in reversed(copy.log(revisions, most=most)):
        own = tuple(tags.get(commit.sha, ()))
        same = tagged.get(commit.tree)
        version = own[0] if own else tags[same.sha][0] if same else commit.short
        found.append(
            Known(commit.sha, commit.tree, version, commit.author, commit.at, commit.subject, own, same.sha if same and not own else "")
        )
        if own:
            tagged[commit.tree] = commit
    return found[::-1]


def version_of(copy: Repository, commit: Commit) -> str:
    """The version of one commit, as `known` says it."""
    found = known(copy, commit.sha)
    return found[0].version if found else commit.short
