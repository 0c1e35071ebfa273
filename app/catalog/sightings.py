"""Look at a target and say what it shows, in the catalog's words. No session: the world may take its time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.catalog.releases import Sighting
from app.catalog.targets import GitTarget, KubernetesTarget
from app.core.database import Json
from app.core.redact import redact
from app.executors.base import Body, Context, StepFailed
from app.executors.git import reading as git
from app.executors.git.reading import Known as Commit
from app.executors.git.running import version as running_version
from app.executors.kubernetes import reading as cluster
from app.executors.kubernetes.reading import Known, Workload

_UNTAGGED = 10  # so many earlier commits are taken for releases where nothing is tagged
_SHORTEST_ID = 7


@dataclass(frozen=True)
class Seen:
    """One look. `remembered` is oldest first, without what runs; `facts` may be shown.

    facts["settled"] says that what runs is all there is: every replica is up, and none is of another release.
    """

    running: Sighting
    remembered: list[Sighting] = field(default_factory=list)
    facts: Json = field(default_factory=dict)


def of_target(config: KubernetesTarget | GitTarget, ctx: Context) -> Seen:
    """Look at a target of any kind. Unreachable where it cannot be read, StepFailed where it is not there."""
    return of_workload(ctx.credentials, config) if isinstance(config, KubernetesTarget) else of_branch(config, ctx)


def of_workload(credentials: Body, target: KubernetesTarget) -> Seen:
    """Unreachable where the cluster cannot be read, StepFailed where there is no such workload."""
    workload = cluster.read_workload(credentials, target.namespace, target.kind, target.name)
    running = _release(workload)
    remembered = [_release(known) for known in reversed(workload.history) if known.digest != workload.digest]
    return Seen(running, remembered, _state(workload))


def _release(release: Workload | Known) -> Sighting:
    facts: dict[str, Any] = {"images": release.images, "change_cause": redact(release.change_cause)}
    if isinstance(release, Workload):
        facts["image_ids"] = release.image_ids
    # the controller makes the revision when the release goes out
    return Sighting(release.digest, release.version, release.template, facts, release.made_at, went_out_at=release.made_at)


def _state(workload: Workload) -> Json:
    pods = [pod for pod in workload.pods if not pod.stopping and not pod.finished]
    # image_ids are those of ready pods of the template of now: with one revision among the pods, it is that one
    one_release = len({pod.revision for pod in pods}) == 1 and bool(workload.image_ids)
    return {
        "uid": workload.uid,
        "replicas": workload.replicas,
        "ready": workload.ready,
        "paused": workload.paused,
        "strategy": workload.strategy,
        "settled": 0 < workload.replicas == len(pods) == sum(pod.ready for pod in pods) and one_release,
        "pods": [{"name": pod.name, "version": pod.version, "state": pod.state, "mood": pod.mood, "note": pod.note} for pod in pods[:50]],
    }


def of_branch(target: GitTarget, ctx: Context) -> Seen:
    """What runs is what the version address says; without one, the tip of the branch is taken for it.

    Unreachable where one of them cannot be read; StepFailed where there is no such branch, or it holds nothing of that version.
    """
    branch = git.read_branch(ctx.credentials, target.repository, target.branch, ctx, local=target.local)
    said = running_version(target.version_url, target.version_path, ctx) if target.version_url else ""
    place = next((place for place, commit in enumerate(branch.log) if _is(commit, said)), None) if said else 0
    if place is None:
        raise StepFailed(
            f"{target.version_url} says that {said} runs, which is neither a tag nor one of the last {len(branch.log)} commits of "
            f"{target.branch}. Push the tag, or correct the address."
        )
    before = [commit for commit in branch.log[place + 1 :] if commit.tags] or list(branch.log[place + 1 : place + 1 + _UNTAGGED])
    names = _names(branch.log)
    found = {names[commit.sha]: _commit(commit, names) for commit in reversed(before)}
    running = _commit(branch.log[place], names)
    found.pop(running.digest, None)
    return Seen(running, list(found.values()), {"tip": branch.tip, "by_tip": not said, "settled": True})


def _is(commit: Commit, said: str) -> bool:
    """Whether the version that a service says is this commit: a tag of it with or without the v, or its id, whole or short."""
    plain = said.removeprefix("v")
    if plain in {name.removeprefix("v") for name in (*commit.tags, commit.version)}:
        return True
    return len(said) >= _SHORTEST_ID and commit.sha.startswith(said.lower())


def _names(log: Sequence[Commit]) -> dict[str, str]:
    """Which release each commit is: the commit that first had its content, so that a return to it is not a new release."""
    names: dict[str, str] = {}
    first: dict[str, str] = {}  # content -> the release that had it first
    for commit in reversed(log):
        named = commit.release if commit.tags or commit.same_as else first.get(commit.tree, commit.sha)
        names[commit.sha] = first[commit.tree] = named
    return names


def _commit(commit: Commit, names: Mapping[str, str]) -> Sighting:
    digest = names[commit.sha]
    facts = {"commit": digest, "author": commit.author, "subject": redact(commit.subject)}
    body = {"commit": digest, "version": commit.version, "tree": commit.tree}
    return Sighting(digest, commit.version, body, facts, made_at=datetime.fromisoformat(commit.at))
