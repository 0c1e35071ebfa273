"""Run the command that puts a commit to work, in a checkout of that commit, and see by the version address that it runs."""

from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from app.core import processes
from app.core.clock import uptime
from app.core.processes import Finished, Recorded
from app.executors.base import (
    ActionClass,
    Body,
    Caution,
    Change,
    Context,
    Fact,
    OutcomeUnknown,
    Params,
    Resolved,
    Seen,
    Standing,
    StepFailed,
    Undo,
    Unreachable,
)
from app.executors.git import commands, running, workplace
from app.executors.git.reading import version_of
from app.executors.git.repository import Repository, before_effect, branch_name, commit_name, opened

_CHECKOUT_S = 5.0  # what the checkout takes beyond this is taken from the command's own limit
_MARGIN_S = processes.GRACE_S + _CHECKOUT_S


class DeployParams(Params):
    """With a repository the command runs in a checkout of the commit (`folder` lies in it), else in an empty folder.

    `now_*` is what ran before, where it is known and no address or tag tells it: without them there may be no undo.
    """

    deploy: list[str] = Field(min_length=1)
    commit: str
    version: str
    repository: str = ""
    branch: str = ""
    folder: str = ""
    version_url: str = ""
    version_path: str = ""
    local: bool = False
    now_commit: str = ""
    now_version: str = ""
    limit_s: float = Field(default=600.0, gt=0, le=6 * 3600)


class Deploy:
    """Deploy a commit where a version address tells what runs: redone only after it was seen not to have happened."""

    name: ClassVar[str] = "git.deploy"
    title: ClassVar[str] = "Deploy a commit by the service's own command"
    tool: ClassVar[str] = "git"
    cls: ClassVar[ActionClass] = ActionClass.B
    destructive: ClassVar[bool] = False
    point_of_no_return: ClassVar[bool] = False
    cancellable: ClassVar[bool] = True
    Params: ClassVar[type[Params]] = DeployParams

    def resolve(self, params: DeployParams, ctx: Context) -> Resolved:
        commit = commit_name(params.commit)
        argv = commands.fill(params.deploy, {"version": params.version, "commit": commit})
        now_version, warnings = self._now(params, ctx)
        before = self._commit_before(params, now_version, ctx)
        body = params.model_dump() | {"argv": argv, "before": {"version": now_version, "commit": before}}
        return Resolved(
            body=body,
            pin={
                "argv": argv,
                "folder": params.folder,
                "repository": params.repository,
                "commit": commit,
                "version_url": params.version_url,
            },
            title=f"Deploy {params.version}",
            target=" ".join(argv),
            version_now=now_version,
            version_after=params.version,
            already=bool(params.version_url) and now_version == params.version,
            changes=[Change(setting="version", now=now_version or None, after=params.version)],
            warnings=warnings,
            facts=[
                Fact(label="Command", value=" ".join(argv)),
                Fact(label="Runs in", value=workplace.described(params.repository, params.folder, commit)),
                Fact(label="Is stopped after", value=f"{params.limit_s:g} s"),
                Fact(label="Proof", value=params.version_url or "the command's own word: no address tells what runs"),
            ],
            not_restored=["what the deploy command does besides: only its author knows"],
            effect_deadline_s=params.limit_s + _MARGIN_S,
            expected_s=30.0,
        )

    def observe(self, body: Body, ctx: Context) -> Seen:
        record = workplace.recorded(ctx)
        if record.state == "running":
            return Seen(standing=Standing.IN_PROGRESS, sentence="The deploy command is running.", evidence={"command": record.state})
        if not body["version_url"]:
            return self._by_its_word(body, record)
        runs = running.version(body["version_url"], body["version_path"], ctx)
        evidence = {"version": runs, "command": record.state, "code": record.code, "ended": record.ended}
        if runs == body["version"]:
            return Seen(standing=Standing.DONE, sentence=f"{body['version']} answers at {body['version_url']}.", evidence=evidence)
        went_well = record.ended == "exited" and record.code == 0
        if went_well:
            sentence = f"The command ended well, and {runs} still answers at {body['version_url']}."
            return Seen(standing=Standing.IN_PROGRESS, sentence=sentence, evidence=evidence)
        if record.ended in {"exited", "deadline"}:
            how = f"ended with code {record.code}" if record.ended == "exited" else "was stopped at its limit"
            return Seen(
                standing=Standing.FAILED, sentence=f"The command {how}, and {runs} answers at {body['version_url']}.", evidence=evidence
            )
        if runs == body["before"]["version"] or not body["before"]["version"]:
            sentence = f"{runs} answers at {body['version_url']}."
            return Seen(standing=Standing.NOT_STARTED, sentence=sentence, evidence=evidence, effect_over=record.state == "ended")
        sentence = f"{runs} answers at {body['version_url']}, which is neither {body['before']['version']} nor {body['version']}."
        return Seen(standing=Standing.DRIFTED, sentence=sentence, evidence=evidence)

    def apply(self, body: Body, ctx: Context) -> Body:
        end_by = uptime() + body["limit_s"] + _CHECKOUT_S
        with before_effect(), workplace.made(body, ctx) as folder:
            ctx.output(f"$ {' '.join(body['argv'])}")
            ctx.hit("before_command")
            try:
                done = _run(body, ctx, folder, end_by)
            except processes.NotStarted as error:
                raise StepFailed(f"{error.sentence} Nothing was changed.") from error
            except processes.Cancelled as error:
                raise StepFailed(f"{error.sentence} What it did until then stays: see which version answers.") from error
            except processes.Stopped as error:
                raise OutcomeUnknown(f"{error.sentence} How far it came is not known.") from error
            ctx.hit("after_call")
        if done.code:
            how = f"was ended by signal {-done.code}" if done.code < 0 else f"ended with code {done.code}"
            raise StepFailed(
                f"The deploy command {how} after {done.seconds:.0f} s. What it did until then stays. Its output says why.",
                evidence={"code": done.code, "seconds": round(done.seconds, 1)},
            )
        return {"code": done.code, "seconds": round(done.seconds, 1)}

    def undo(self, body: Body, ctx: Context) -> Undo | None:  # noqa: ARG002 - the contract of every action
        before = body["before"]
        if not before["commit"] or not before["version"]:
            return None
        same = {name: body[name] for name in DeployParams.model_fields}
        back = {"commit": before["commit"], "version": before["version"], "now_commit": body["commit"], "now_version": body["version"]}
        return Undo(action=self.name, params=same | back)

    def _commit_before(self, params: DeployParams, now_version: str, ctx: Context) -> str:
        """The commit that ran before, "" where nobody knows. StepFailed where what is wanted cannot be deployed."""
        if not params.repository:
            return params.now_commit
        with opened(params.repository, ctx, local=params.local) as copy:
            copy.fetch(branch_name(params.branch))
            if copy.commit(params.commit) is None:
                raise StepFailed(f"{params.version} ({params.commit[:8]}) is not in the repository any more. Nothing was changed.")
            if params.folder and not copy.has_path(params.commit, params.folder):
                raise StepFailed(f"{params.version} has no folder {params.folder} to deploy from. Nothing was changed.")
            return _commit_of(copy, now_version) or params.now_commit

    def _now(self, params: DeployParams, ctx: Context) -> tuple[str, list[Caution]]:
        """What runs before the deploy, and what to say where that is not known."""
        if not params.version_url:
            sentence = "No address tells which version runs, so only the command's own word tells whether the deploy worked."
            return params.now_version, [Caution(code="no-version-address", sentence=sentence)]
        try:
            return running.version(params.version_url, params.version_path, ctx), []
        except Unreachable as error:
            return params.now_version, [
                Caution(code="version-unknown", sentence=f"What runs now is not known. {error.sentence}", unknown=True)
            ]

    def _by_its_word(self, body: Body, record: Recorded) -> Seen:
        evidence = {"command": record.state, "code": record.code, "ended": record.ended}
        if record.state == "absent":
            return Seen(standing=Standing.NOT_STARTED, sentence="The command has not been started here.", evidence=evidence)
        if record.ended == "exited":
            standing = Standing.DONE if record.code == 0 else Standing.FAILED
            return Seen(standing=standing, sentence=f"The command ended with code {record.code}.", evidence=evidence)
        sentence = f"The deploy of {body['version']} was cut off, and no address tells which version runs: look at the service."
        return Seen(standing=Standing.DRIFTED, sentence=sentence, evidence=evidence, effect_over=record.state == "ended")


class BlindDeploy(Deploy):
    """The same without a version address: nobody but a person can tell whether a cut-off deploy happened, so it is never repeated."""

    name: ClassVar[str] = "git.deploy_blind"
    title: ClassVar[str] = "Deploy a commit by a command that nobody can look behind"
    cls: ClassVar[ActionClass] = ActionClass.C


def _run(body: Body, ctx: Context, folder: Path, end_by: float) -> Finished:
    """The command, started only while this run is ours.

    1. how long it is ours is noted  2. whether it is ours and wanted is asked  3. the command is executed until the moment of 1, or never

    Whoever freezes us between 2 and 3 for longer than that finds that nothing was started: the kernel holds it (`tether.py`).
    Where the lease only went on meanwhile, on a slow machine, it is asked again.
    """
    while True:
        ours_until = ctx.ours_until()
        if ctx.cancelled():  # the checkout took its time
            raise StepFailed("Stopped before the deploy command was started. Nothing was changed.")
        left_s = end_by - uptime()
        if left_s <= 0:
            raise StepFailed("The checkout took longer than the deploy command may take, so it was not started. Nothing was changed.")
        ctx.hit("before_start")
        with suppress(processes.TooLate):
            return processes.run(
                body["argv"],
                cwd=folder,
                deadline_s=min(body["limit_s"], left_s),
                output=ctx.output,
                cancelled=ctx.cancelled,
                operation=ctx.operation,
                folder=workplace.record(ctx),
                start_by=min(ours_until, end_by),
            )


def _commit_of(copy: Repository, version: str) -> str:
    """The commit whose version it is, "" where none is."""
    if commands.VALUES["commit"].fullmatch(version):
        return version if copy.commit(version) else ""
    tagged = next((sha for sha, names in copy.tags().items() if version in names), "")
    if tagged or not version:
        return tagged
    short = copy.commit(version) if version.isalnum() else None
    return short.sha if short and version_of(copy, short) == version else ""
