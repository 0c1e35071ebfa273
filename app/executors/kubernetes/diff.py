"""What differs between two pod templates, in the words of the field and without showing secrets.

The settings that people look for have names of their own ("login: image"); whatever is left is compared leaf by leaf, so that
nothing that differs goes unsaid.
"""

import json
import re
from typing import Any, NamedTuple

from app.core.redact import MASK, redact
from app.executors.base import Body, Change
from app.executors.kubernetes.digests import normalise

_SECRET_NAME = re.compile(r"(?i)pass|pwd|secret|token|key|credential|private|auth|dsn|cert|salt|signature")
_SECRET_VALUE = re.compile(r"^(?=.*[A-Za-z])(?=.*\d)[A-Za-z0-9+/=_\-]{24,}$")
_LONGEST = 200
_PROBES = {"livenessProbe": "liveness probe", "readinessProbe": "readiness probe", "startupProbe": "startup probe"}


class _Setting(NamedTuple):
    """A value as it may be shown; where it is hidden, `hidden` still tells two values apart."""

    shown: str
    hidden: str | None = None


_Settings = dict[str, _Setting]


def changes(now: Body, after: Body) -> list[Change]:
    """Every setting that differs, images first. Empty where both are the same release."""
    before, then = _settings(normalise(now)), _settings(normalise(after))
    found = [_change(name, before.get(name), then.get(name)) for name in before | then if before.get(name) != then.get(name)]
    return sorted(found, key=lambda change: not change.setting.endswith(": image"))


def in_words(found: list[Change], limit: int = 3) -> str:
    """ "login: image login:v1.2.3 → login:v1.2.4, and 2 more"."""
    said = [change.setting if change.masked else f"{change.setting} {change.now or 'none'} → {change.after or 'none'}" for change in found]
    more = len(said) - limit
    return "; ".join(said[:limit]) + (f", and {more} more" if more > 0 else "")


def _change(name: str, before: _Setting | None, after: _Setting | None) -> Change:
    masked = any(side is not None and side.hidden is not None for side in (before, after))
    return Change(setting=name, now=before.shown if before else None, after=after.shown if after else None, masked=masked)


def _settings(template: Body) -> _Settings:
    metadata, spec = template["metadata"], dict(template["spec"])
    found: _Settings = {}
    for kind, word in (("containers", ""), ("initContainers", "init ")):
        for container in spec.pop(kind, None) or []:
            found |= _of_container(f"{word}{container.get('name', '')}", dict(container))
    for volume in spec.pop("volumes", None) or []:
        found[f"volume {volume.get('name')}"] = _plain(_source(volume))
    for name, label in (("serviceAccountName", "service account"), ("securityContext", "pod security")):
        _take(found, spec, name, label)
    spec.pop("serviceAccount", None)  # the old name of serviceAccountName, filled in by the server
    for name, value in (metadata.get("labels") or {}).items():
        found[f"label {name}"] = _plain(value)
    for name, value in (metadata.get("annotations") or {}).items():
        found[f"annotation {name}"] = _guarded(name, value)
    found |= _leaves("pod", spec)
    return found


def _of_container(name: str, container: Body) -> _Settings:
    container.pop("name", None)
    found: _Settings = {}
    _take(found, container, "image", f"{name}: image")
    for variable in container.pop("env", None) or []:
        found[f"{name}: env {variable.get('name')}"] = _variable(variable)
    for position, source in enumerate(container.pop("envFrom", None) or []):
        found[f"{name}: env from {_env_from(source, position)}"] = _plain(source.get("prefix") or "all its keys")
    resources = container.pop("resources", None) or {}
    for bound in ("requests", "limits"):
        for resource, amount in (resources.get(bound) or {}).items():
            found[f"{name}: {resource} {bound.removesuffix('s')}"] = _plain(amount)
    for probe, label in _PROBES.items():
        _take(found, container, probe, f"{name}: {label}")
    for mount in container.pop("volumeMounts", None) or []:
        found[f"{name}: mount {mount.get('mountPath')}"] = _plain({key: mount[key] for key in sorted(mount) if key != "mountPath"})
    for port in container.pop("ports", None) or []:
        found[f"{name}: port {port.get('containerPort')}/{port.get('protocol', 'TCP')}"] = _plain(port.get("name") or "open")
    for key, label in (("command", "command"), ("args", "arguments"), ("securityContext", "security")):
        _take(found, container, key, f"{name}: {label}")
    return found | _leaves(name, container)


def _take(found: _Settings, holder: Body, key: str, label: str) -> None:
    value = holder.pop(key, None)
    if value not in (None, {}, []):
        found[label] = _plain(value)


def _variable(variable: Body) -> _Setting:
    source = variable.get("valueFrom")
    if not source:
        return _guarded(str(variable.get("name", "")), str(variable.get("value", "")))
    kind, where = next(iter(source.items()))
    words = {"secretKeyRef": "Secret", "configMapKeyRef": "ConfigMap"}
    if kind in words:
        return _plain(f"from {words[kind]} {where.get('name')}, key {where.get('key')}")
    return _plain(f"from {kind}: {where.get('fieldPath') or where.get('resource') or _text(where)}")


def _env_from(source: Body, position: int) -> str:
    for kind, word in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
        if kind in source:
            return f"{word} {source[kind].get('name')}"
    return f"source {position + 1}"


def _source(volume: Body) -> Any:
    rest = {key: value for key, value in volume.items() if key != "name"}
    for kind, word, key in (
        ("secret", "Secret", "secretName"),
        ("configMap", "ConfigMap", "name"),
        ("persistentVolumeClaim", "claim", "claimName"),
    ):
        if kind in rest:
            extra = {name: value for name, value in rest[kind].items() if name not in (key, "defaultMode")}
            return f"{word} {rest[kind].get(key)}" + (f" {_text(extra)}" if extra else "")
    return rest


def _leaves(path: str, value: Any) -> _Settings:
    """What nothing above named, down to the single values."""
    if isinstance(value, dict):
        found: _Settings = {}
        for key, below in value.items():
            found |= _leaves(f"{path}: {key}" if ": " not in path else f"{path}.{key}", below)
        return found
    return {path: _guarded(path, value)}


def _plain(value: Any) -> _Setting:
    """A value whose name is no reason to hide it; what looks like a secret inside is still blotted out."""
    text = _text(value)
    shown = redact(text)
    return _Setting(_cut(shown), text if shown != text or len(shown) > _LONGEST else None)


def _guarded(name: str, value: Any) -> _Setting:
    text = _text(value)
    if text and (_SECRET_NAME.search(name) or _SECRET_VALUE.match(text)):
        return _Setting(MASK, text)
    return _plain(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
