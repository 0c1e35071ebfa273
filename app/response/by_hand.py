"""The commands of each recovery, for the day when the console is down: what a person types, with everything filled in that is known.

Only images, commits and names stand in them. A secret never does: credentials in addresses are masked, and templates of workloads, which
may hold any, are never opened.
"""

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.catalog.models import Release, Target
from app.core.redact import MASK, redact

_COMMIT = '"$(git rev-parse HEAD)"'


@dataclass(frozen=True)
class Recipe:
    """One recovery: what it does, the lines to type, and what to know before."""

    title: str
    lines: Sequence[str]
    notes: Sequence[str] = ()


def of_target(target: Target, slug: str, running: Release | None, good: Release | None) -> list[Recipe]:
    """Every recovery of a target, the console's own terminal first: it works as long as its database does."""
    own = [_by_terminal(target, slug)] if good else []
    theirs = _of_workload(target, running, good) if target.kind == "kubernetes" else _of_repository(target, good)
    return own + theirs


def _by_terminal(target: Target, slug: str) -> Recipe:
    line = shlex.join(["lastgood", "rollback", slug, "--environment", target.environment, "--here"])
    notes = ("Works without the pages and without a runner, on a machine with the console's settings and keys.",)
    return Recipe("Roll back by the console's own terminal", (line,), notes)


def _of_workload(target: Target, running: Release | None, good: Release | None) -> list[Recipe]:
    kubectl = ["kubectl", "-n", target.config["namespace"]]
    workload = f"{target.config['kind'].lower()}/{target.config['name']}"

    def line(*words: str) -> str:
        return shlex.join([*kubectl, *words])

    status = line("rollout", "status", workload, "--timeout=10m")
    found = [Recipe("See what runs", (line("get", workload, "-o", "wide"), line("rollout", "history", workload)))]
    if good:
        found += _back(line, workload, status, running, good)
    found.append(Recipe("Restart it", (line("rollout", "restart", workload), status)))
    if target.config["kind"] != "DaemonSet":
        replicas = target.seen.get("replicas")
        stop, start = line("scale", workload, "--replicas=0"), line("scale", workload, f"--replicas={replicas or 'N'}")
        back = f"It had {replicas} when it was last seen." if replicas else "How many it had is not known: look before you stop it."
        found.append(Recipe("Stop it, and start it again", (stop, start, status), (back,)))
    return found


def _back(line: Callable[..., str], workload: str, status: str, running: Release | None, good: Release) -> list[Recipe]:
    images = [str(image) for image in good.facts.get("images", ())]
    shown = ", ".join(images) or "the images of that release"
    revision = line("rollout", "history", workload, "--revision=N")
    whole = Recipe(
        f"Roll back to {good.version}: the whole template",
        (revision, line("rollout", "undo", workload, "--to-revision=N"), status),
        (f"N is the number in the history whose images are {shown}. Look at it first; never undo without a number.",),
    )
    if not images:
        return [whole]
    patch = [
        {"op": "replace", "path": f"/spec/template/spec/containers/{place}/image", "value": image} for place, image in enumerate(images)
    ]
    notes = ["Takes back the images only: settings of the newer release stay."]
    if running and len(running.facts.get("images", images)) != len(images):
        notes.append("The number of containers has changed since: use the whole template instead.")
    patched = line("patch", workload, "--type=json", "-p", json.dumps(patch, separators=(",", ":")))
    return [whole, Recipe(f"Roll back to {good.version}: only the images, where the history is gone", (patched, status), tuple(notes))]


def _of_repository(target: Target, good: Release | None) -> list[Recipe]:
    config = target.config
    repository, branch = redact(config["repository"]), config["branch"]
    clone = [shlex.join(["git", "clone", "--branch", branch, repository, "recovery"]), "cd recovery", "git log --oneline -10"]
    if good is None:
        return [Recipe("See what is there", clone, ("No release is known that a rollback could lead to.",))]
    back = [
        shlex.join(["git", "read-tree", "--reset", "-u", good.digest]),
        shlex.join(["git", "commit", "-m", f"Return to {good.version}"]),
        shlex.join(["git", "push", "origin", f"HEAD:{branch}"]),
    ]
    folder = [shlex.join(["cd", config["deploy_folder"]])] if config.get("deploy_folder") else []
    deploy = " ".join(_filled(redact(part), good.version) for part in config["deploy"])
    notes = ["One new commit with the old content on top of the branch: nothing is rewritten, and it can be taken back the same way."]
    if MASK in repository or MASK in deploy:
        notes.append(f"{MASK} stands where a secret does: take it from your vault.")
    return [Recipe(f"Roll back to {good.version} and deploy it", (*clone, *back, *folder, deploy), tuple(notes))]


def _filled(part: str, version: str) -> str:
    """One argument for a shell; the commit is the new one, which nobody knows yet."""
    pieces = part.replace("{version}", version).split("{commit}")
    quoted = [shlex.quote(piece) if piece else "" for piece in pieces]
    return _COMMIT.join(quoted) or "''"
