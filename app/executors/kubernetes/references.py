"""What a pod template refers to. The API server does not check any of it, not even in a dry run."""

from collections.abc import Iterator
from typing import NamedTuple

from app.executors.base import Body


class Reference(NamedTuple):
    """One object by name. Optional ones may be missing."""

    kind: str  # "ConfigMap"
    resource: str  # "configmaps"
    name: str


_RESOURCES = {
    "ConfigMap": "configmaps",
    "Secret": "secrets",
    "ServiceAccount": "serviceaccounts",
    "PersistentVolumeClaim": "persistentvolumeclaims",
}


def of(template: Body) -> list[Reference]:
    """The ConfigMaps, Secrets, ServiceAccounts and claims without which the pods of this template do not start."""
    return sorted({Reference(kind, _RESOURCES[kind], name) for kind, name in _all(template.get("spec") or {}) if name})


def _all(spec: Body) -> Iterator[tuple[str, str]]:
    for container in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
        yield from _of_container(container)
    for volume in spec.get("volumes") or []:
        yield from _of_volume(volume)
        for source in (volume.get("projected") or {}).get("sources") or []:
            yield from _of_volume(source)
    account = spec.get("serviceAccountName")
    if account and account != "default":
        yield "ServiceAccount", account
    for pull in spec.get("imagePullSecrets") or []:
        yield "Secret", pull.get("name", "")


def _of_container(container: Body) -> Iterator[tuple[str, str]]:
    for variable in container.get("env") or []:
        source = variable.get("valueFrom") or {}
        yield from _named(source.get("configMapKeyRef"), "ConfigMap")
        yield from _named(source.get("secretKeyRef"), "Secret")
    for source in container.get("envFrom") or []:
        yield from _named(source.get("configMapRef"), "ConfigMap")
        yield from _named(source.get("secretRef"), "Secret")


def _of_volume(volume: Body) -> Iterator[tuple[str, str]]:
    yield from _named(volume.get("configMap"), "ConfigMap")
    secret = volume.get("secret") or {}
    if not secret.get("optional"):
        yield "Secret", secret.get("secretName") or secret.get("name") or ""
    yield "PersistentVolumeClaim", (volume.get("persistentVolumeClaim") or {}).get("claimName", "")


def _named(reference: Body | None, kind: str) -> Iterator[tuple[str, str]]:
    if reference and not reference.get("optional"):
        yield kind, reference.get("name", "")
