"""Pods as people read them: how each stands, and why those that do not come up do not."""

from datetime import UTC, datetime
from typing import NamedTuple

from pydantic import Field

from app.core.redact import redact
from app.executors.base import Body, Part
from app.executors.kubernetes.digests import version_of

# waiting reasons that waiting alone rarely mends
STUCK = {
    "CrashLoopBackOff": "the container keeps exiting",
    "ImagePullBackOff": "the image cannot be pulled",
    "ErrImagePull": "the image cannot be pulled",
    "InvalidImageName": "the image's name is not valid",
    "CreateContainerConfigError": "something that the container refers to is missing",
    "CreateContainerError": "the container cannot be created",
    "RunContainerError": "the container cannot be started",
}
_LONGEST = 200


class Pod(Part):
    """One pod. `revision` is the hash that its controller gave it; `image_ids` what really runs, by digest."""

    uid: str = ""
    revision: str = ""
    ready: bool = False
    stopping: bool = False
    finished: bool = False  # phase Succeeded or Failed: no container of it runs any more
    restarts: int = 0
    node: str = ""
    image_ids: list[str] = Field(default_factory=list)

    @property
    def is_stuck(self) -> bool:
        return self.mood == "bad"

    @property
    def ordinal(self) -> int:
        """The number at the end of a StatefulSet pod's name; -1 for others."""
        number = self.name.rpartition("-")[2]
        return int(number) if number.isdigit() else -1


class _How(NamedTuple):
    state: str
    mood: str
    note: str = ""


def read(raw: Body, now: datetime | None = None) -> Pod:
    """The pod that the API server described."""
    metadata, status = raw["metadata"], raw.get("status") or {}
    containers = status.get("containerStatuses") or []
    how = _how(raw)
    return Pod(
        name=metadata["name"],
        version=version_of({"metadata": metadata, "spec": raw.get("spec") or {}}),
        state=how.state,
        mood=how.mood,
        note=how.note,
        age_s=_age(metadata.get("creationTimestamp"), now or datetime.now(UTC)),
        uid=metadata["uid"],
        revision=_revision(metadata),
        ready=_is(status, "Ready") and not metadata.get("deletionTimestamp"),
        stopping=bool(metadata.get("deletionTimestamp")),
        finished=status.get("phase") in ("Succeeded", "Failed"),
        restarts=sum(int(container.get("restartCount") or 0) for container in containers),
        node=(raw.get("spec") or {}).get("nodeName") or "",
        image_ids=[str(container.get("imageID") or "") for container in containers],
    )


def by_state(pods: list[Pod]) -> str:
    """ "2 Ready, 1 ImagePullBackOff"."""
    counts: dict[str, int] = {}
    for pod in pods:
        counts[pod.state] = counts.get(pod.state, 0) + 1
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items(), key=lambda entry: -entry[1])) or "no pods"


def _revision(metadata: Body) -> str:
    labels = metadata.get("labels") or {}
    return str(labels.get("controller-revision-hash") or labels.get("pod-template-hash") or "")


def _how(raw: Body) -> _How:
    status = raw.get("status") or {}
    if raw["metadata"].get("deletionTimestamp"):
        return _How("Stopping", "idle")
    if status.get("phase") == "Failed":
        reason = status.get("reason") or "Failed"
        return _How(reason, "bad", _short(status.get("message") or "the pod ended with a failure"))
    if status.get("phase") == "Succeeded":
        return _How("Finished", "idle")
    for prefix, statuses in (("Init: ", status.get("initContainerStatuses")), ("", status.get("containerStatuses"))):
        for container in statuses or []:
            held = _held(container)
            if held:
                return held._replace(state=prefix + held.state)
    scheduled = _condition(status, "PodScheduled")
    if scheduled.get("status") == "False":
        note = _short(scheduled.get("message") or "no node takes the pod")
        return _How(scheduled.get("reason") or "Unschedulable", "bad", note)
    if _is(status, "Ready"):
        return _How("Ready", "ok")
    if status.get("phase") == "Running":
        return _How("Not ready", "run", "running; its readiness check does not pass yet")
    return _How("Starting", "run")


def _held(container: Body) -> _How | None:
    """Why a container waits, where that is a reason to worry."""
    waiting = (container.get("state") or {}).get("waiting") or {}
    reason = waiting.get("reason") or ""
    if reason not in STUCK:
        return None
    note = f"{STUCK[reason]}: {waiting['message']}" if waiting.get("message") else STUCK[reason]
    restarts = int(container.get("restartCount") or 0)
    ended = (container.get("lastState") or {}).get("terminated") or {}
    if ended:
        note += f" (last exit: {ended.get('reason') or 'Error'}, code {ended.get('exitCode')})"
    if restarts:
        note += f"; {restarts} restart{'s' if restarts != 1 else ''}"
    return _How(reason, "bad", _short(note))


def _condition(status: Body, kind: str) -> Body:
    for found in status.get("conditions") or []:
        if found.get("type") == kind:
            result: Body = found
            return result
    return {}


def _is(status: Body, kind: str) -> bool:
    return _condition(status, kind).get("status") == "True"


def _age(stamp: str | None, now: datetime) -> float | None:
    return max(0.0, (now - datetime.fromisoformat(stamp)).total_seconds()) if stamp else None


def _short(text: str) -> str:
    text = redact(" ".join(text.split()))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
