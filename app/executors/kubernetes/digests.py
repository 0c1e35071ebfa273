"""What makes two pod templates the same release, and what a release is called."""

import copy
import hashlib
import json
import re

from app.executors.base import Body

OURS = "lastgood/"  # every label and annotation that we write begins so
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
_HASHES = ("pod-template-hash", "rollouts-pod-template-hash")
_MAIN_CONTAINER = "kubectl.kubernetes.io/default-container"
_SHORT = 12


def bare(template: Body) -> Body:
    """The template as it may be written back: without the label that a controller puts on its copies, and without `$patch`."""
    result = copy.deepcopy(template)
    result.pop("$patch", None)
    metadata = result.get("metadata") or {}
    for name in _HASHES:
        (metadata.get("labels") or {}).pop(name, None)
    return result


def normalise(template: Body) -> Body:
    """The template without what changes from restart to restart: hashes, restart stamps, our own marks, empty maps."""
    result = bare(template)
    metadata = result.pop("metadata", None) or {}
    annotations = {
        name: value for name, value in (metadata.get("annotations") or {}).items() if name != RESTARTED_AT and not name.startswith(OURS)
    }
    kept = {"annotations": annotations, "labels": metadata.get("labels") or {}}
    return {"metadata": {name: value for name, value in kept.items() if value}, "spec": result.get("spec") or {}}


def digest(template: Body) -> str:
    """sha256 of the normalised template, in hex: the identity of a release on a workload."""
    return hashlib.sha256(json.dumps(normalise(template), sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def version_of(template: Body) -> str:
    """The image tag of the main container, or the short digest where the image is named by digest alone."""
    spec = template.get("spec") or {}
    containers = spec.get("containers") or []
    if not containers:
        return "unknown"
    main = ((template.get("metadata") or {}).get("annotations") or {}).get(_MAIN_CONTAINER)
    chosen = next((container for container in containers if container.get("name") == main), containers[0])
    return tag_of(str(chosen.get("image", "")))


def tag_of(image: str) -> str:
    """ "registry:5000/shop/login:v1.2.3" -> "v1.2.3"; "login@sha256:0a1b…" -> "0a1b…" (12 digits); "login" -> "latest"."""
    name, _, by_digest = image.partition("@")
    tagged = re.search(r":([^:/]+)$", name)
    if tagged:
        return tagged[1]
    return by_digest.partition(":")[2][:_SHORT] if by_digest else "latest"


def images_of(template: Body) -> list[str]:
    """The images of the containers, in order."""
    return [str(container.get("image", "")) for container in (template.get("spec") or {}).get("containers") or []]
