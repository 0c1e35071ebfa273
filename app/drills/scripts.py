"""Scripts: what a facilitator tells and when, in versions. A drill that runs never changes with them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import func
from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.audit import actions as audit
from app.core.errors import Conflict, Invalid, Refused
from app.drills import queries
from app.drills.models import DrillScript, ScriptVersion

LONGEST_TEXT = 500
LONGEST_NAME = 80
MOST_FACTS = 40
LATEST_MINUTE = 480


@dataclass(frozen=True)
class Fact:
    """One fact, and how many minutes after the signal people hear of it."""

    minute: int
    text: str


@dataclass(frozen=True)
class Draft:
    """What a version is to say. Without a service it is for all of them; `reason` is why it changes."""

    name: str
    signal: str
    facts: Sequence[Fact]
    service_id: int | None = None
    reason: str = ""


def make(session: Session, draft: Draft, *, by: Person) -> DrillScript:
    """A new script. Invalid names every wrong field; Refused where it is for services beyond the person's."""
    may(by, draft.service_id)
    version = _checked(draft)
    script = DrillScript()
    session.add(script)
    session.flush()
    _add(session, script, version, number=1, by=by)
    return script


def change(session: Session, script: DrillScript, draft: Draft, *, seen: int, by: Person) -> ScriptVersion:
    """Write the next version; `seen` is the number that the person edited. The same again changes nothing.

    Conflict where there is a newer one. Drills that run keep what they say.
    """
    session.refresh(script, with_for_update=True)  # two at once: the second waits here and finds its `seen` overtaken
    _, now = queries.get_script(session, script.id)
    if seen != now.number:
        raise Conflict(
            f"{now.by_name} saved version {now.number} of “{now.name}” while you were writing. "
            "Yours was not saved: look at that version, then edit it.",
            link=f"/drill-scripts/{script.id}",
        )
    may(by, now.service_id)
    may(by, draft.service_id)
    version = _checked(draft)
    if all(getattr(version, field) == getattr(now, field) for field in ("name", "service_id", "signal", "injects")):
        return now
    script.version = now.number + 1
    return _add(session, script, version, number=script.version, by=by)


def put_away(session: Session, script: DrillScript, *, away: bool, by: Person) -> None:
    """Take a script out of use, or into use again. So already: nothing happens."""
    session.refresh(script, with_for_update=True)
    _, version = queries.get_script(session, script.id)
    may(by, version.service_id)
    if (script.archived_at is not None) == away:
        return
    script.archived_at = func.now() if away else None
    session.flush()
    session.refresh(script)
    _audit(session, script, "put_away" if away else "take_out", version, by=by)


def may(by: Person, service_id: int | None) -> None:
    """Refused where the person may not edit the procedure of that service, or of every one where the script is for all."""
    reach = by.reach(Permission.EDIT_PROCEDURE)
    if not reach.everything and service_id not in reach.service_ids:
        raise Refused("This script is for services beyond those whose procedure you may edit. Nothing was changed: ask a commander.")


def _add(session: Session, script: DrillScript, version: ScriptVersion, *, number: int, by: Person) -> ScriptVersion:
    version.script_id, version.number, version.by_id, version.by_name = script.id, number, by.id or None, by.name
    session.add(version)
    session.flush()
    _audit(session, script, "change" if number > 1 else "make", version, by=by)
    return version


def _audit(session: Session, script: DrillScript, verb: str, version: ScriptVersion, *, by: Person) -> None:
    told = {"version": version.number, "name": version.name}
    audit.record(session, f"drill_script.{verb}", f"drill-script-{script.id}", actor=by.actor, actor_name=by.name, **told)


def _checked(draft: Draft) -> ScriptVersion:
    """The draft as it is kept, its facts by minute. Invalid names every wrong field; the facts' are called "fact-1", "fact-2", …"""
    problems: dict[str, str] = {}
    name, signal = one_line(draft.name), one_line(draft.signal)
    if not 1 <= len(name) <= LONGEST_NAME:
        problems["name"] = f"A script has a name of 1 to {LONGEST_NAME} characters. Nothing was saved."
    if not 1 <= len(signal) <= LONGEST_TEXT:
        problems["signal"] = f"Say in 1 to {LONGEST_TEXT} characters what people notice first. Nothing was saved."
    facts = [Fact(one.minute, one_line(one.text)) for one in draft.facts]
    if len(facts) > MOST_FACTS:
        problems["facts"] = f"A script has up to {MOST_FACTS} facts. Nothing was saved."
    for place, fact in enumerate(facts, start=1):
        if not 1 <= len(fact.text) <= LONGEST_TEXT:
            problems[f"fact-{place}"] = f"Say in 1 to {LONGEST_TEXT} characters what happens. Nothing was saved."
        elif not 0 <= fact.minute <= LATEST_MINUTE:
            problems[f"fact-{place}"] = f"A fact comes 0 to {LATEST_MINUTE} whole minutes after the signal. Nothing was saved."
    if problems:
        raise Invalid(problems)
    injects = [asdict(fact) for fact in sorted(facts, key=lambda one: one.minute)]
    reason = one_line(draft.reason)[:LONGEST_TEXT]
    return ScriptVersion(name=name, service_id=draft.service_id, signal=signal, injects=injects, reason=reason)


def one_line(text: str) -> str:
    return " ".join(text.replace("\0", "").split())
