"""What the forms of an incident send, as the domain takes it."""

import json
import re
import secrets
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from app.core.errors import Refused
from app.incidents import facts
from app.incidents.facts import Facts
from app.incidents.history import KINDS, Filter, Key
from app.incidents.models import Incident
from app.incidents.queries import Filters
from app.incidents.states import Severity, State
from app.web.fields import Fields

PAGE = 50


def moment(sent: Fields, name: str) -> datetime | None:
    """A moment in UTC, None where it was left empty. Refused for anything else."""
    typed = sent.text(name).removesuffix("UTC").strip()
    if not typed:
        return None
    try:
        at = datetime.fromisoformat(typed)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        sentence = f"“{typed[:40]}” is not a time like 2026-11-24 14:02. Nothing was saved: leave it empty if it is unknown."
        raise Refused(sentence, field=name) from None


def declared(sent: Fields) -> dict[str, Any]:
    """The facts of a new incident."""
    return {
        "title": sent.text("title"),
        "severity": sent.text("severity") or Severity.HIGH,
        "trouble": sent.text("trouble"),
        "impact": sent.text("impact"),
        "affected_percent": sent.number("affected_percent"),
        "began_at": moment(sent, "began_at"),
        "is_drill": sent.ticked("is_drill"),
        "takes_command": sent.ticked("takes_command"),
    }


def edited(sent: Fields) -> tuple[Facts, Facts]:
    """The facts as typed, and as they stood when the form was drawn. A time is shown in seconds and kept in full."""
    was = _was(sent.text("was"))
    began_at, before = moment(sent, "began_at"), was.get("began_at")
    if before and began_at == before.replace(microsecond=0):
        began_at = before
    typed = Facts(
        title=sent.text("title"),
        severity=sent.text("severity"),
        trouble=sent.text("trouble"),
        impact=sent.text("impact"),
        affected_percent=sent.number("affected_percent"),
        began_at=began_at,
        is_drill=sent.ticked("is_drill"),
    )
    return typed, was


def shown(incident: Incident) -> dict[str, str]:
    """The facts as the fields of the form show them; a box that is not ticked is not there."""
    percent, began_at = incident.affected_percent, incident.began_at
    return {
        "title": incident.title,
        "severity": incident.severity,
        "trouble": incident.trouble,
        "impact": incident.impact,
        "affected_percent": "" if percent is None else f"{percent:g}",
        "began_at": f"{began_at:%Y-%m-%dT%H:%M:%S}" if began_at else "",
    } | ({"is_drill": "1"} if incident.is_drill else {})


def rebased(sent: Fields, incident: Incident) -> Fields:
    """What was typed, on top of the facts as they are by now: what the person left alone shows what others wrote meanwhile."""
    try:
        typed, was = edited(sent)
    except Refused:
        return sent
    present = shown(incident)
    mine = {name for name, value in typed.items() if value != was.get(name)}
    return Fields(
        {name: value for name, value in present.items() if name not in mine} | {name: sent[name] for name in mine if name in sent}
    )


def nonce(sent: Fields) -> str:
    """What tells one submit of a form from another: what the form carried, or a new one."""
    return re.sub(r"[^\w-]", "", sent.text("nonce"))[:64] or secrets.token_urlsafe(16)


def drawn(incident: Incident) -> str:
    """The facts that a form shows, for its field `was`."""
    return json.dumps(facts.of(incident), default=datetime.isoformat)


def _was(text: str) -> Facts:
    try:
        was: Facts = json.loads(text)
        if was.get("began_at"):
            was["began_at"] = datetime.fromisoformat(str(was["began_at"]))
        return was
    except (ValueError, AttributeError):
        raise Refused("The form was incomplete. Nothing was saved: open it again.") from None


def filters(query: QueryParams, service_id: int | None) -> Filters:
    """The filters of the list, from the address; what makes no sense narrows nothing."""
    state, severity = query.get("state", ""), query.get("severity", "")
    return Filters(
        words=query.get("q", "")[:200].replace("\0", ""),
        state=state if state in {"open", "over", *State} else "",
        severity=severity if severity in set(Severity) else "",
        service_id=service_id,
        drills={"only": True, "without": False}.get(query.get("drills", "")),
    )


def lines(query: QueryParams) -> Filter:
    """The filter of a timeline, from the address."""
    kind, who, person = query.get("kind", ""), query.get("who", ""), query.get("person", "")
    return Filter(
        kinds=frozenset({kind} & set(KINDS)),
        who=who if who in {"people", "system"} else "",
        person_id=whole(person),
    )


def whole(text: str) -> int | None:
    """An id from the address; None for what cannot be one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def key(text: str) -> Key | None:
    """The place of a line, from the address: "2026-11-24T14:02:00+00:00,12"."""
    at, _, number = text.partition(",")
    try:
        return datetime.fromisoformat(at), int(number)
    except ValueError:
        return None


def address(path: str, query: QueryParams, **more: Any) -> str:
    """The same page with other parameters; None takes one away."""
    kept = {name: value for name, value in ({**query} | more).items() if value not in (None, "")}
    return f"{path}?{urlencode(kept)}" if kept else path


def place(of: Key | None) -> str | None:
    return f"{of[0].isoformat()},{of[1]}" if of else None
