"""One new commit with the content of an earlier one: what it takes back, how it is made, and how it is pushed.

The commit is made from facts that the plan pins (tree, parent, time, words) and the operation, so that making it again gives the same
id. The push names the tip that the plan was made for; the server refuses it when the branch has moved.
"""

import re
from typing import Any

from app.core.clock import now
from app.core.processes import Captured
from app.executors.base import Body, Caution, Change, Context, Drifted, Fact, OutcomeUnknown, StepFailed, Unreachable
from app.executors.git.reading import known, version_of
from app.executors.git.repository import NEVER_SENT, Commit, Repository

TRAILER = "Lastgood-Operation"
_MIGRATIONS = re.compile(r"(^|/)(migrations?|alembic|versions|migrate|db)/.+\.(py|sql|rb|js|ts|php|xml|ya?ml|go|kt|java)$")
_PIPELINES = (".github/workflows", ".gitlab-ci.yml", ".circleci", "Jenkinsfile", ".woodpecker.yml", ".drone.yml", "azure-pipelines.yml")
_SHOWN = 50
_IDENTITY = {"NAME": "Lastgood", "EMAIL": "lastgood@localhost"}


def pinned(copy: Repository, branch: str, commit: str, version: str) -> tuple[Commit, Commit, Body]:
    """The tip, the commit to return to, and what a plan has to remember of both. StepFailed where there is no way back."""
    tip = copy.commit(f"refs/heads/{branch}")
    good = copy.commit(commit)
    if tip is None:
        raise StepFailed(f"The branch {branch} holds no commit yet, so there is nothing to return from.")
    if good is None or not copy.is_ancestor(commit, tip.sha):
        why = "is not in the repository any more" if good is None else f"is not part of the history of {branch}"
        name = version or commit[:8]
        raise StepFailed(f"{name} ({commit[:8]}) {why}. Nothing was changed. Choose a commit that {branch} has held.")
    body = {
        "branch": branch,
        "tip": tip.sha,
        "tip_tree": tip.tree,
        "commit": commit,
        "tree": good.tree,
        "version": version or version_of(copy, good),
        "version_now": version_of(copy, tip),
        "made_at": int(now().timestamp()),
    }
    return tip, good, body


def make_commit(copy: Repository, body: Body, ctx: Context) -> str:
    """The id of the new commit. Made from the same facts it is the same commit."""
    message = (
        f"Return to {body['version']}\n\n"
        f"The content is that of {body['commit']} ({body['version']});\n"
        f"it follows {body['tip']} ({body['version_now']}). Made by Lastgood.\n\n"
        f"{TRAILER}: {ctx.operation}\nLastgood-Returns-To: {body['commit']}\n"
    )
    env = {f"GIT_{who}_{name}": value for who in ("AUTHOR", "COMMITTER") for name, value in _IDENTITY.items()}
    env |= {f"GIT_{who}_DATE": f"{body['made_at']} +0000" for who in ("AUTHOR", "COMMITTER")}
    done = copy.git("commit-tree", body["tree"], "-p", body["tip"], "-m", message, env=env)
    if done.code:
        raise Unreachable(f"The new commit could not be made in our copy: {copy.why(done)}.")
    return done.out.decode().strip()


def push(copy: Repository, new: str, to: str, ctx: Context, *, expected: str, dry: bool = False) -> Captured:
    """Push one commit to one branch, if that branch still is at `expected` ("" : if there is none)."""
    options = ["--porcelain", f"--force-with-lease=refs/heads/{to}:{expected}", *(["--dry-run"] if dry else [])]
    if not dry:
        ctx.hit("before_call")
    try:
        done = copy.git("push", "--no-verify", "--no-follow-tags", *options, "--", copy.address, f"{new}:refs/heads/{to}", cancellable=dry)
    except Unreachable as error:
        raise OutcomeUnknown(f"The push to {to} was cut off: it may have landed or not. {error.sentence}") from error
    if not dry:
        ctx.hit("after_call")
    return done


def refuse(copy: Repository, done: Captured, body: Body, to: str) -> None:
    """Turn a failed push into what is known of it: moved, refused, never sent, or unknown."""
    text = (done.out.decode("utf-8", errors="replace") + done.err).lower()
    if (
        "stale info" in text
        or "non-fast-forward" in text
        or "fetch first" in text
        or "incorrect old value" in text
        or "cannot lock ref" in text
    ):
        raise moved(copy, body, to)
    if "remote rejected" in text or "hook declined" in text or "protected branch" in text:
        raise StepFailed(
            f"The server refused the push to {to}: {_remote_word(done)}. Nothing was changed. Where {to} is protected, choose "
            f"the way by a pull request instead: it pushes a branch rollback/{body['version']} for people to merge."
        )
    if any(sign in text for sign in NEVER_SENT):
        raise StepFailed(f"Nothing was pushed to {to}: {copy.why(done)}. Check the credential's right to write, then plan again.")
    raise OutcomeUnknown(f"The push to {to} ended without an answer ({copy.why(done)}): it may have landed or not.")


def moved(copy: Repository, body: Body, to: str) -> Drifted:
    """The sentence for a branch that is no longer where the plan saw it."""
    copy.fetch(to)
    tip = copy.commit(f"refs/heads/{to}")
    what = f"it now ends with {tip.shown}" if tip else "it is gone"
    return Drifted(
        f"{to} has moved since the plan was made: {what}. Nothing was changed. "
        f"Plan again to see what a return to {body['version']} means now.",
        evidence={"tip": tip.sha if tip else ""},
    )


def is_ours(copy: Repository, body: Body, branch: str, ctx: Context) -> bool:
    """Whether this operation's commit is in the branch, also where others have pushed on top of it."""
    done = copy.git("log", "--format=%(trailers:key=" + TRAILER + ",valueonly)", f"{body['tip']}..refs/heads/{branch}")
    return done.code == 0 and ctx.operation in done.out.decode("utf-8", errors="replace").split()


def differences(copy: Repository, body: Body) -> list[Change]:
    """The files that change, each with how many lines come and go."""
    listed = copy.git("diff", "--numstat", "-z", "--no-renames", "--no-ext-diff", body["tip"], body["commit"])
    present = {sha: _paths(copy, sha) for sha in (body["tip"], body["commit"])}
    changes = []
    for entry in listed.out.decode("utf-8", errors="replace").split("\0"):
        if entry.count("\t") >= 2:
            added, removed, path = entry.split("\t", 2)
            size = "binary" if added == "-" else f"+{added} −{removed} lines"
            now_is = f"as in {body['version_now']}" if path in present[body["tip"]] else None
            then_is = f"as in {body['version']} ({size})" if path in present[body["commit"]] else None
            changes.append(Change(setting=path, now=now_is, after=then_is))
    return changes


def facts(copy: Repository, body: Body, changes: list[Change]) -> list[Fact]:
    """What the return takes back, commit by commit."""
    back = known(copy, f"{body['commit']}..{body['tip']}", most=_SHOWN + 1)
    count = int(copy.text("rev-list", "--count", f"{body['commit']}..{body['tip']}"))
    lines = [
        Fact(label=f"Taken back: {commit.version}", value=f"{commit.subject}, {commit.author}, {commit.at[:16]}")
        for commit in back[:_SHOWN]
    ]
    if count > _SHOWN:
        lines.append(Fact(label="Taken back", value=f"{count - _SHOWN} older commits"))
    return [
        Fact(label="Branch", value=f"{body['branch']} at {body['tip'][:8]}"),
        Fact(label="Commits taken back", value=str(count)),
        Fact(label="Files that change", value=str(len(changes))),
        *lines,
    ]


def cautions(copy: Repository, body: Body, changes: list[Change], *, pushes_to: str) -> list[Caution]:
    """What to know before the push: migrations that stay, pipelines that start."""
    found = []
    migrations = [change.setting for change in changes if _MIGRATIONS.search(change.setting)]
    if migrations:
        found.append(
            Caution(
                code="migrations",
                sentence=f"{len(migrations)} database migration{'s lie' if len(migrations) > 1 else ' lies'} between the two versions. "
                f"The database stays as it is: check that {body['version']} works with it.",
                detail="\n".join(migrations[:_SHOWN]),
            )
        )
    pipeline = next((path for path in _PIPELINES if copy.has_path(body["commit"], path)), None)
    if pipeline:
        found.append(
            Caution(
                code="pipeline",
                sentence=f"The repository has a pipeline ({pipeline}): the push to {pushes_to} may start it.",
                detail=pipeline,
            )
        )
    return found


def rehearsal(copy: Repository, body: Body, to: str, ctx: Context, *, expected: str) -> tuple[str, list[Caution]]:
    """The server's own word on the push, without pushing. Hooks and branch protection are only asked by a real push."""
    new = make_commit(copy, body, ctx)
    try:
        done = push(copy, new, to, ctx, expected=expected, dry=True)
    except OutcomeUnknown as error:
        return "", [Caution(code="dry-run", sentence=f"The push could not be tried out. {error.sentence}", unknown=True)]
    if done.code == 0:
        return f"The server lets us push to {to}. Whether a rule protects the branch shows only with the push itself.", []
    sentence = f"The push to {to} would fail: {copy.why(done)}. Give the credential the right to write, or only push a branch."
    return "", [Caution(code="rights-missing", sentence=sentence, blocking=True)]


def _paths(copy: Repository, sha: str) -> set[str]:
    done = copy.git("ls-tree", "-r", "-z", "--name-only", sha)
    return set(done.out.decode("utf-8", errors="replace").split("\0"))


def _remote_word(done: Captured) -> str:
    lines = [line.removeprefix("remote:").strip() for line in done.err.splitlines() if line.startswith("remote:")]
    rejected = re.search(r"\[remote rejected\] \(([^)]*)\)", done.out.decode("utf-8", errors="replace"))
    words: list[Any] = [line for line in lines if line][:3] or ([rejected.group(1)] if rejected else ["no reason given"])
    return " ".join(words)[:300].rstrip(".")
