"""Take a branch back to the content of an earlier commit, by one new commit on top of its tip."""

from typing import ClassVar, Literal

from app.executors.base import ActionClass, Body, Context, Params, Resolved, Seen, Standing, StepFailed, Undo
from app.executors.git import returning
from app.executors.git.repository import Repository, before_effect, branch_name, commit_name, opened

_PUSH_MARGIN_S = 5.0  # what the server may still do with a push after our side was cut off


class ReturnToParams(Params):
    repository: str
    branch: str
    commit: str
    version: str = ""
    mode: Literal["commit"] = "commit"
    local: bool = False


class ReturnTo:
    """Push one commit with the old content, if the branch still is where the plan saw it."""

    name: ClassVar[str] = "git.return_to"
    title: ClassVar[str] = "Return a branch to the content of an earlier commit"
    tool: ClassVar[str] = "git"
    cls: ClassVar[ActionClass] = ActionClass.A
    destructive: ClassVar[bool] = False
    point_of_no_return: ClassVar[bool] = False
    cancellable: ClassVar[bool] = False
    Params: ClassVar[type[Params]] = ReturnToParams

    def resolve(self, params: ReturnToParams, ctx: Context) -> Resolved:
        branch, commit = branch_name(params.branch), commit_name(params.commit)
        with opened(params.repository, ctx, local=params.local) as copy:
            copy.fetch(branch)
            tip, good, facts = returning.pinned(copy, branch, commit, params.version)
            body = {"repository": params.repository, "local": params.local, **facts}
            changes = returning.differences(copy, body)
            already = tip.tree == good.tree
            warnings = [] if already else returning.cautions(copy, body, changes, pushes_to=branch)
            dry_run = ""
            if not already:
                dry_run, problems = returning.rehearsal(copy, body, branch, ctx, expected=tip.sha)
                warnings += problems
            return Resolved(
                body=body,
                pin={name: body[name] for name in ("repository", "branch", "tip", "commit", "tree")},
                title=f"Return {branch} to {body['version']} by a new commit",
                target=f"{branch} in {params.repository}",
                version_now=body["version_now"],
                version_after=body["version"],
                already=already,
                changes=changes,
                warnings=warnings,
                facts=returning.facts(copy, body, changes),
                not_restored=[
                    "the database: migrations that ran stay",
                    "settings and secrets that are kept outside the repository",
                    "what runs: that takes the deploy",
                ],
                effect_deadline_s=ctx.deadline_s + _PUSH_MARGIN_S,
                expected_s=2.0,
                dry_run=dry_run,
            )

    def observe(self, body: Body, ctx: Context) -> Seen:
        with opened(body["repository"], ctx, local=body["local"]) as copy:
            copy.fetch(body["branch"])
            return self._seen(copy, body, ctx)

    def apply(self, body: Body, ctx: Context) -> Body:
        branch = body["branch"]
        with before_effect(), opened(body["repository"], ctx, local=body["local"]) as copy:
            copy.fetch(branch)
            before = self._seen(copy, body, ctx)
            if before.standing is Standing.DONE:
                return before.evidence
            if before.standing is Standing.DRIFTED:
                raise returning.moved(copy, body, branch)
            new = returning.make_commit(copy, body, ctx)
            done = returning.push(copy, new, branch, ctx, expected=body["tip"])
            if done.code:
                returning.refuse(copy, done, body, branch)
            ctx.output(f"pushed {new[:8]} to {branch}: the content of {body['version']}")
            return {"tip": new, "tree": body["tree"]}

    def undo(self, body: Body, ctx: Context) -> Undo | None:  # noqa: ARG002 - the contract of every action
        same = {name: body[name] for name in ("repository", "branch", "local")}
        return Undo(action=self.name, params={**same, "commit": body["tip"], "version": body["version_now"], "mode": "commit"})

    def _seen(self, copy: Repository, body: Body, ctx: Context) -> Seen:
        branch = body["branch"]
        tip = copy.commit(f"refs/heads/{branch}")
        if tip is None:
            raise StepFailed(f"The branch {branch} holds no commit any more.")
        evidence = {"tip": tip.sha, "tree": tip.tree}
        if tip.tree == body["tree"]:
            return Seen(standing=Standing.DONE, sentence=f"{branch} has the content of {body['version']} ({tip.short}).", evidence=evidence)
        if tip.sha == body["tip"]:
            return Seen(standing=Standing.NOT_STARTED, sentence=f"{branch} is at {tip.short} ({body['version_now']}).", evidence=evidence)
        if returning.is_ours(copy, body, branch, ctx):
            sentence = f"{branch} was returned to {body['version']}, and {tip.shown} came after it."
            return Seen(standing=Standing.DONE, sentence=sentence, evidence=evidence)
        return Seen(standing=Standing.DRIFTED, sentence=f"{branch} has moved: it now ends with {tip.shown}.", evidence=evidence)
