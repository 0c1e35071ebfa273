"""Version: is the intended release what really runs, on every replica, and does the service say the same."""

import re
from collections import Counter
from typing import Any, NamedTuple

from app.core.gateway import AddressBlocked, Answer, NoAnswer
from app.executors.base import Body, Context, StepFailed, Unreachable
from app.executors.checks import calls
from app.executors.checks.configs import VersionConfig
from app.executors.checks.readings import Reading, Unclear
from app.executors.kubernetes import reading as cluster
from app.executors.kubernetes.pods import Pod


class Pods(NamedTuple):
    """How many pods run the intended release, as the cluster knows it."""

    total: int
    right: int
    shown: list[dict[str, Any]]  # {"name", "version", "state", "age_s", "right"}
    sentence: str

    @property
    def all_right(self) -> bool:
        return 0 < self.total == self.right


def read(config: VersionConfig, ctx: Context, expected: Body) -> Reading:
    """`expected` is {"version", "image_ids", "target": {"namespace", "kind", "name"}}; what is missing is not compared."""
    if config.source == "pods":
        if not expected.get("target"):
            raise Unclear("This check counts pods, and the service has no Kubernetes target. Read the version from an address.", "config")
        pods = _pods(ctx, expected)
        parts = {"pods": pods.shown}
        return Reading(outcome="pass" if pods.all_right else "fail", value=float(pods.right), sentence=pods.sentence, parts=parts)
    return _said(config, ctx, expected)


def _said(config: VersionConfig, ctx: Context, expected: Body) -> Reading:
    """What the service says of itself, told apart from what the pods are where there is a cluster to ask."""
    wanted = str(expected.get("version") or "")
    answers = Counter(_ask(config, ctx) for _ in range(config.tries))
    said = ", ".join(f"{version} ({count} of {config.tries})" for version, count in answers.most_common())
    if not wanted:
        raise Unclear(f"The service says {said}; nothing says which version should run.", "config")
    right = sum(count for version, count in answers.items() if _same(version, wanted))
    facts: Body = {"answers": dict(answers)}
    if expected.get("target") and ctx.credentials.get("kubeconfig"):
        pods = _pods(ctx, expected)
        facts["pods"] = pods.shown
        if right and not pods.all_right:
            sentence = f"The version endpoint says {wanted}, but {pods.sentence} The endpoint does not tell the truth."
            return Reading(outcome="fail", value=float(right), sentence=sentence, parts=facts)
        if not right and pods.all_right:
            sentence = f"{pods.sentence} But the version endpoint says {said}: a cache, or another service, answers there."
            return Reading(outcome="fail", value=0.0, sentence=sentence, parts=facts)
    if right == config.tries:
        return Reading(outcome="pass", value=float(right), sentence=f"{wanted} in {right} of {config.tries} answers.", parts=facts)
    return Reading(outcome="fail", value=float(right), sentence=f"{wanted} should run; the service says {said}.", parts=facts)


def _ask(config: VersionConfig, ctx: Context) -> str:
    place = calls.where(config.url)
    try:
        answer = calls.call(ctx, config.url, timeout_s=config.timeout_s)
    except AddressBlocked as error:
        raise Unclear(error.sentence, "config") from error
    except NoAnswer as error:
        raise Unclear(error.sentence, "unreachable") from error
    if answer.status != 200:
        raise Unclear(f"{place} answers {answer.status}, so it says no version.", "unreachable")
    return _version_in(answer, config, place)


def _version_in(answer: Answer, config: VersionConfig, place: str) -> str:
    if config.header:
        found = answer.headers.get(config.header.lower())
        if found is None:
            raise Unclear(f"{place} sends no header {config.header}.", "config")
        return found.strip()[:100]
    if config.json_path:
        try:
            return calls.plain(calls.field_of(answer, config.json_path))[:100]
        except LookupError as error:
            raise Unclear(f"{place} says no version: {error}.", "config") from error
    if config.pattern:
        match = re.search(config.pattern, answer.text[:10_000])
        if match is None:
            raise Unclear(f"The pattern {config.pattern} finds no version in the answer of {place}.", "config")
        return match[1].strip()[:100]
    return answer.text.strip()[:100]


def _same(said: str, wanted: str) -> bool:
    """v1.2.3 and 1.2.3 are one version; a commit may be said in short."""
    one, other = said.removeprefix("v"), wanted.removeprefix("v")
    if one == other:
        return True
    short, long = sorted((one, other), key=len)
    return len(short) >= 7 and re.fullmatch("[0-9a-f]+", long) is not None and long.startswith(short)


def _pods(ctx: Context, expected: Body) -> Pods:
    target = expected["target"]
    try:
        workload = cluster.read_workload(ctx.credentials, target["namespace"], target["kind"], target["name"])
    except (Unreachable, StepFailed) as error:
        raise Unclear(error.sentence, "unreachable") from error
    wanted = str(expected.get("version") or workload.version)
    images = {_digest(image) for image in expected.get("image_ids") or ()}
    # stopping and finished pods serve nobody any more; a pod that is not ready does not serve yet
    shown = [_judged(pod, wanted, images) for pod in workload.pods if not (pod.stopping or pod.finished)]
    total = max(len(shown), workload.replicas)
    sentence = _counted(shown, total, wanted, f"{target['kind'].lower()}/{target['name']}")
    return Pods(total, sum(pod["right"] for pod in shown), shown, sentence)


def _judged(pod: Pod, wanted: str, images: set[str]) -> dict[str, Any]:
    same_version = _same(pod.version, wanted)
    same_image = not images or not pod.image_ids or images <= {_digest(image) for image in pod.image_ids}
    note = ""
    if same_version and not same_image:
        note = "another image under the same tag"
    elif same_version and not pod.ready:
        note = "not ready"
    right = same_version and same_image and pod.ready
    return {"name": pod.name, "version": pod.version, "state": pod.state, "age_s": pod.age_s, "right": right, "note": note}


def _counted(pods: list[dict[str, Any]], total: int, wanted: str, name: str) -> str:
    if not total:
        return f"{name} has no pods."
    right = sum(pod["right"] for pod in pods)
    if right == total:
        return f"{wanted} on {right} of {total} pods."
    others = Counter(f"{pod['version']} ({pod['note']})" if pod["note"] else pod["version"] for pod in pods if not pod["right"])
    rest = [f"{count} on {version or 'an unknown version'}" for version, count in others.most_common(3)]
    rest += [f"{total - len(pods)} not there"] if total > len(pods) else []
    return f"{wanted} on {right} of {total} pods; {', '.join(rest)}."


def _digest(image: str) -> str:
    """The part of an image id that names the content: registries and runtimes put different words before it."""
    return image.rpartition("@")[2]
