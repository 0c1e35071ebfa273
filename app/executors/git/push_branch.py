"""Push a branch `rollback/VERSION` with the old content, for people to merge where the branch itself is protected."""

from typing import ClassVar

from app.executors.base import ActionClass, Body, Context, Drifted, Params, Resolved, Seen, Standing, StepFailed, Undo
from app.executors.git import returning
from app.executors.git.repository import Commit, Repository, before_effect, branch_name, commit_name, opened

_PUSH_MARGIN_S = 5.0


class PushBranchParams(Params):
    repository: str
    branch: str
    commit: str
    version: str = ""
    local: bool = False


class PushBranch:
    """Make the branch, if there is none of that name yet."""

    name: ClassVar[str] = "git.push_branch"
    title: ClassVar[str] = "Push a branch that returns to an earlier commit"
    tool: ClassVar[str] = "git"
    cls: ClassVar[ActionClass] = ActionClass.A
    destructive: ClassVar[bool] = False
    point_of_no_return: ClassVar[bool] = False
    cancellable: ClassVar[bool] = False
    Params: ClassVar[type[Params]] = PushBranchParams

    def resolve(self, params: PushBranchParams, ctx: Context) -> Resolved:
        branch, commit = branch_name(params.branch), commit_name(params.commit)
        with opened(params.repository, ctx, local=params.local) as copy:
            copy.fetch(branch)
            tip, good, facts = returning.pinned(copy, branch, commit, params.version)
            to = branch_name(f"rollback/{facts['version']}")
            body = {"repository": params.repository, "local": params.local, **facts, "to": to}
            there = self._there(copy, to)
            if there and there.tree != good.tree:
                raise StepFailed(f"There is a branch {to} with another content ({there.shown}). Delete or rename it, then plan again.")
            changes = returning.differences(copy, body)
            warnings = returning.cautions(copy, body, changes, pushes_to=to)
            dry_run, problems = ("", []) if there else returning.rehearsal(copy, body, to, ctx, expected="")
            return Resolved(
                body=body,
                pin={name: body[name] for name in ("repository", "branch", "to", "tip", "commit", "tree")},
                title=f"Push the branch {to} for people to merge into {branch}",
                target=f"{to} in {params.repository}",
                version_now=body["version_now"],
                version_after=body["version"],
                already=there is not None or tip.tree == good.tree,
                changes=changes,
                warnings=warnings + problems,
                facts=returning.facts(copy, body, changes),
                not_restored=[f"{branch} itself: it stays as it is until somebody merges {to}", "what runs: nothing is deployed"],
                effect_deadline_s=ctx.deadline_s + _PUSH_MARGIN_S,
                expected_s=2.0,
                dry_run=dry_run,
            )

    def observe(self, body: Body, ctx: Context) -> Seen:
        with opened(body["repository"], ctx, local=body["local"]) as copy:
            return self._seen(self._there(copy, body["to"]), body)

    def apply(self, body: Body, ctx: Context) -> Body:
        to = body["to"]
        with before_effect(), opened(body["repository"], ctx, local=body["local"]) as copy:
            copy.fetch(body["branch"])
            seen = self._seen(self._there(copy, to), body)
            if seen.standing is Standing.DONE:
                return seen.evidence
            if seen.standing is Standing.DRIFTED:
                raise Drifted(f"{seen.sentence} Nothing was changed. Delete or rename it, then plan again.", evidence=seen.evidence)
            new = returning.make_commit(copy, body, ctx)
            done = returning.push(copy, new, to, ctx, expected="")
            if done.code:
                returning.refuse(copy, done, body, to)
            ctx.output(f"pushed {new[:8]} to {to}: merge it into {body['branch']}, then deploy")
            return {"tip": new, "tree": body["tree"]}

    def undo(self, body: Body, ctx: Context) -> Undo | None:  # noqa: ARG002 - the contract of every action
        return None  # a branch that nobody merged changes nothing

    def _there(self, copy: Repository, to: str) -> Commit | None:
        try:
            copy.fetch(to)
        except StepFailed:
            return None
        return copy.commit(f"refs/heads/{to}")

    def _seen(self, there: Commit | None, body: Body) -> Seen:
        to = body["to"]
        if there is None:
            return Seen(standing=Standing.NOT_STARTED, sentence=f"There is no branch {to} yet.")
        evidence = {"tip": there.sha, "tree": there.tree}
        if there.tree == body["tree"]:
            return Seen(standing=Standing.DONE, sentence=f"{to} has the content of {body['version']} ({there.short}).", evidence=evidence)
        return Seen(standing=Standing.DRIFTED, sentence=f"{to} exists with another content: {there.shown}.", evidence=evidence)
