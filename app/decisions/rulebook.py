"""The decision matrix: the version that counts, the ones before it, and a new one."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts.policy import Permission, Person
from app.audit import actions as audit
from app.core import live
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.decisions import rules
from app.decisions.models import RuleSet
from app.incidents.states import Severity

LONGEST = 7 * 24 * 60  # minutes: a decision that may wait for longer than a week needs no clock


def current(session: Session) -> RuleSet:
    """The version that counts now."""
    return session.scalars(select(RuleSet).order_by(RuleSet.version.desc()).limit(1)).one()


def version(session: Session, number: int) -> RuleSet:
    """One version. NotFound where there is none."""
    found = session.scalar(select(RuleSet).where(RuleSet.version == number))
    if found is None:
        raise NotFound
    return found


def versions(session: Session, *, limit: int = 50) -> list[RuleSet]:
    """The versions, newest first."""
    return list(session.scalars(select(RuleSet).order_by(RuleSet.version.desc()).limit(limit)))


def edit(
    session: Session,
    *,
    seen: int,
    wanted: Sequence[Mapping[str, Any]],
    decide_within: Mapping[str, Any],
    note: str,
    by: Person,
) -> RuleSet:
    """Write a new version. `seen` is the version that the editor had before their eyes; where another came meanwhile, Conflict.

    The same rules and times again write nothing. Forbidden to somebody who edits procedures for some services only: the matrix
    is everybody's.
    """
    kept, minutes = rules.checked(wanted), _minutes(decide_within)
    note = " ".join(note.replace("\0", "").split())
    if len(note) > 300:
        raise Invalid({"note": "The reason of the change has up to 300 characters. Nothing was saved: shorten it."})
    if not by.reach(Permission.EDIT_PROCEDURE).everything:
        raise Forbidden("The matrix counts for every service, and you edit procedures for some. Nothing was saved: ask an administrator.")
    now = current(session)
    if now.version != seen:
        raise _overtaken(now)
    body = [rule.as_json() for rule in kept]
    if body == now.rules and minutes == now.decide_within:
        return now
    made = RuleSet(version=seen + 1, rules=body, decide_within=minutes, note=note, by_id=by.id or None, by_name=by.name)
    try:
        with session.begin_nested():
            session.add(made)  # two at once: the second one's number is taken
    except IntegrityError:
        raise _overtaken(current(session)) from None
    audit.record(session, "rules.edit", f"rules-{made.version}", actor=by.actor, actor_name=by.name, note=note, rules=len(body))
    live.tell(session, "board")
    return made


def _overtaken(now: RuleSet) -> Conflict:
    return Conflict(
        f"{now.by_name} saved version {now.version} while you were writing. Yours was not saved: look at theirs, then change what is "
        "still wrong.",
        link="/decision-rules",
    )


def _minutes(given: Mapping[str, Any]) -> dict[str, int]:
    """Minutes by severity. Invalid names each that is none."""
    found, problems = {}, {}
    for severity in Severity:
        typed = str(given.get(severity, "")).strip()
        if typed.isascii() and typed.isdigit() and 1 <= int(typed[:6]) <= LONGEST:
            found[str(severity)] = int(typed)
        else:
            problems[f"within.{severity}"] = f"The time to decide is 1 to {LONGEST:,} whole minutes. Nothing was saved."
    if problems:
        raise Invalid(problems)
    return found
