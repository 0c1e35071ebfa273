"""What Alertmanager, Grafana and a generic webhook send, read into one shape. Nothing of it is trusted beyond being text.

Alertmanager: webhook version 4 (groupKey, alerts: status, labels, annotations, startsAt, generatorURL, fingerprint). Grafana sends the
same and dashboardURL, panelURL. The generic webhook: {"title", "fingerprint", "status", "severity", "service", "url", "labels"}, or a list
of these under "alerts".
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.core.errors import Refused
from app.incidents.states import Severity
from app.notifications.alerting_models import Source

MOST = 200  # alerts of one message; of more, the sender is asked to group less
_LONGEST = {"title": 160, "label": 200, "url": 2000, "fingerprint": 200}
_WORDS = {
    Severity.CRITICAL: {"critical", "crit", "page", "emergency", "fatal", "disaster", "sev1", "p1"},
    Severity.HIGH: {"high", "error", "major", "sev2", "p2"},
    Severity.MEDIUM: {"medium", "warning", "warn", "minor", "average", "sev3", "p3"},
    Severity.LOW: {"low", "info", "information", "none", "notice", "debug", "sev4", "p4"},
}


@dataclass(frozen=True)
class Told:
    """One alert as the sender tells it. `severity` is empty where it names none that is known."""

    fingerprint: str
    is_firing: bool
    title: str
    severity: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    starts_at: datetime | None = None
    group: str = ""


def read(kind: str, body: bytes) -> list[Told]:
    """The alerts of one message. Refused with a sentence for the sender where it is not of this kind."""
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused("The body is not JSON. Nothing was opened.") from error
    if not isinstance(sent, dict):
        raise Refused("The body is not a JSON object. Nothing was opened.")
    if kind == Source.WEBHOOK and "alerts" not in sent:
        sent = {"alerts": [sent]}
    alerts = sent.get("alerts")
    if not isinstance(alerts, list) or not alerts or not all(isinstance(one, dict) for one in alerts):
        raise Refused(f"The body holds no list of alerts, as {_NAMES[Source(kind)]} sends it. Nothing was opened.")
    if len(alerts) > MOST:
        raise Refused(f"The body holds {len(alerts)} alerts; {MOST} are taken at once. Nothing was opened: send smaller groups.")
    group = _text(sent.get("groupKey"))
    key = hashlib.sha256(group.encode()).hexdigest()[:32] if group else ""
    return [_generic(one) if kind == Source.WEBHOOK else _grouped(one, key) for one in alerts]


_NAMES = {Source.ALERTMANAGER: "Alertmanager", Source.GRAFANA: "Grafana", Source.WEBHOOK: "a generic webhook"}


def _grouped(sent: Mapping[str, Any], group: str) -> Told:
    labels, notes = _labels(sent.get("labels")), _labels(sent.get("annotations"))
    title = notes.get("summary") or labels.get("alertname") or notes.get("description") or "An alert without a name"
    return Told(
        fingerprint=_text(sent.get("fingerprint"), "fingerprint") or _print_of(labels),
        is_firing=sent.get("status") != "resolved",
        title=_line(title),
        severity=severity_of(labels.get("severity", "") or labels.get("priority", "")),
        labels=labels,
        url=next((url for name in ("panelURL", "dashboardURL", "generatorURL") if (url := _url(sent.get(name)))), ""),
        starts_at=_moment(sent.get("startsAt")),
        group=group,
    )


def _generic(sent: Mapping[str, Any]) -> Told:
    title = _line(_text(sent.get("title")))
    if not title:
        raise Refused("An alert has no “title”. Nothing was opened: say in it what is wrong.")
    labels = _labels(sent.get("labels"))
    if service := _text(sent.get("service"), "label"):
        labels = labels | {"service": service}
    return Told(
        fingerprint=_text(sent.get("fingerprint"), "fingerprint") or _print_of({"title": title, **labels}),
        is_firing=sent.get("status", "firing") != "resolved",
        title=title,
        severity=severity_of(_text(sent.get("severity"))),
        labels=labels,
        url=_url(sent.get("url")),
        starts_at=_moment(sent.get("starts_at")),
    )


def severity_of(word: str) -> str:
    """What a label says, as one of ours; empty where it says nothing that is known."""
    return next((severity.value for severity, words in _WORDS.items() if word.strip().lower() in words), "")


def _text(value: Any, kind: str = "title") -> str:
    return value.replace("\0", "").strip()[: _LONGEST[kind]] if isinstance(value, str) else ""


def _line(text: str) -> str:
    return " ".join(text.split())[: _LONGEST["title"]]


def _labels(value: Any) -> dict[str, str]:
    pairs = value.items() if isinstance(value, dict) else ()
    return {_text(name, "label"): _text(str(told), "label") for name, told in list(pairs)[:50] if isinstance(told, str | int | float)}


def _url(value: Any) -> str:
    text = _text(value, "url")
    return text if re.fullmatch(r"https?://[^\s<>\"]+", text) else ""


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(value)) if value else None
    except ValueError:
        return None
    if moment is None or moment.year < 2000:  # Go's zero time
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _print_of(labels: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(dict(labels), sort_keys=True).encode()).hexdigest()[:32]
