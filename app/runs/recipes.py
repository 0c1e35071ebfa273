"""Which steps make up a plan: kind of plan by kind of target. Only names and parameters; nothing here looks at the world."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from app.catalog.models import Target
from app.core.database import Json
from app.core.errors import Refused


class Part(NamedTuple):
    """An action and its parameters, before they are resolved."""

    action: str
    params: dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """What a plan is about: `release` and `running` are {"version", "digest", …the opened body} or None where not known."""

    target: Target
    request: Json
    release: Json | None = None
    running: Json | None = None


Recipe = Callable[[Wanted], list[Part]]


def parts(kind: str, wanted: Wanted) -> list[Part]:
    """The steps, in order. Refused where this kind of target cannot do that."""
    recipe = _RECIPES.get((kind, wanted.target.kind))
    if recipe is None:
        raise Refused(f"{wanted.target.label} cannot do this ({kind.replace('_', ' ')}). Nothing was changed.")
    return recipe(wanted)


def waited_for(steps: list[Part], wanted: Wanted) -> list[Part]:
    """The same steps, and a wait for the pods after those that only ask a cluster for a change."""
    last = steps[-1]
    if not last.action.startswith("kubernetes.") or last.action in {"kubernetes.wait", "kubernetes.scale_to_zero"}:
        return steps
    return [*steps, _wait(wanted, last.params)]


def _workload(wanted: Wanted) -> dict[str, Any]:
    """Where it is, with the name that people know the cluster by."""
    cluster = wanted.target.cluster
    return {**{name: wanted.target.config[name] for name in ("namespace", "kind", "name")}, "cluster": cluster.name if cluster else ""}


def _wait(wanted: Wanted, release: Json) -> Part:
    """Wait for this release; without one, for what is live when the plan is made: our record of it may be some seconds old."""
    return Part("kubernetes.wait", {**_workload(wanted), "digest": release.get("digest", ""), "version": release.get("version", "")})


def _roll_back(wanted: Wanted) -> list[Part]:
    assert wanted.release  # noqa: S101 - a rollback is asked for with a release
    wanted_release = {name: wanted.release[name] for name in ("version", "digest", "template")}
    back = Part("kubernetes.rollback", {**_workload(wanted), **wanted_release})
    if not wanted.request.get("replace_broken_pods"):
        return [back, _wait(wanted, wanted.release)]
    what = {name: wanted.release[name] for name in ("version", "digest")}
    return [back, Part("kubernetes.replace_broken_pods", {**_workload(wanted), **what}), _wait(wanted, wanted.release)]


def _then_wait(name: str) -> Recipe:
    return lambda wanted: [Part(f"kubernetes.{name}", _workload(wanted)), _wait(wanted, {})]


def _scale(wanted: Wanted) -> list[Part]:
    replicas = wanted.request.get("replicas")
    if not isinstance(replicas, int) or not 0 <= replicas <= 10_000:
        raise Refused("Say how many replicas there should be, as a number from 0 to 10,000.", field="replicas")
    return [Part("kubernetes.scale", {**_workload(wanted), "replicas": replicas}), _wait(wanted, {})]


def _scale_to_zero(wanted: Wanted) -> list[Part]:
    return [Part("kubernetes.scale_to_zero", _workload(wanted))]


def _git_back(wanted: Wanted) -> list[Part]:
    """A new commit with the old tree and a deploy of it; or only the deploy; or only a branch for people to merge."""
    assert wanted.release  # noqa: S101 - as above
    config = wanted.target.config
    where = {"repository": config["repository"], "branch": config["branch"], "local": config.get("local", False)}
    release = {"commit": wanted.release["digest"], "version": wanted.release["version"]}
    deploy = _deploy(where, release, wanted)
    match wanted.request.get("mode", "commit"):
        case "commit":
            return [Part("git.return_to", {**where, **release, "mode": "commit"}), deploy]
        case "deploy_only":
            return [deploy]
        case "branch_only":
            return [Part("git.push_branch", {**where, **release})]
        case mode:
            raise Refused(f"A git target goes back by a commit, by a deploy only, or by a branch only; {mode} is none of them.")


def _deploy(where: dict[str, Any], release: dict[str, Any], wanted: Wanted) -> Part:
    config, running = wanted.target.config, wanted.running or {}
    seen_by = config.get("version_url", "")
    params = {
        **where,
        **release,
        "deploy": config["deploy"],
        "folder": config.get("deploy_folder", ""),
        "version_url": seen_by,
        "version_path": config.get("version_path", ""),
        "now_commit": running.get("digest", ""),
        "now_version": running.get("version", ""),
    }
    return Part("git.deploy" if seen_by else "git.deploy_blind", params)


_RECIPES: dict[tuple[str, str], Recipe] = {
    ("rollback", "kubernetes"): _roll_back,
    ("restart", "kubernetes"): _then_wait("restart"),
    ("scale", "kubernetes"): _scale,
    ("scale_to_zero", "kubernetes"): _scale_to_zero,
    ("scale_back", "kubernetes"): _then_wait("scale_back"),
    ("replace_broken_pods", "kubernetes"): _then_wait("replace_broken_pods"),
    ("rollback", "git"): _git_back,
}
KINDS = frozenset({kind for kind, _ in _RECIPES} | {"undo"})
