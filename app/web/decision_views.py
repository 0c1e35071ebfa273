"""What the page of a decision draws: facts with their fields, rules with what became of them, the choices and what they cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.policy import P, Person
from app.core.clock import now
from app.decisions import assessing, queries
from app.decisions.assessing import Picture
from app.decisions.facts import Fact
from app.decisions.kinds import KINDS, Kind
from app.decisions.models import ObjectionAnswer, ObjectionRound
from app.decisions.objections import DOING
from app.decisions.rules import FIX_FORWARD, ROLLBACK, SIDES
from app.decisions.weighing import Verdict
from app.incidents.models import Incident
from app.web import incident_views
from app.web.words import spoken

ELSEWHERE = {"severity", "user_reports"}  # in the header, and in a section of their own
HEADLINES = {"fix_forward": "Fix forward", "ask": "Weigh the loss of data", "open": "Nothing yet"}
NEWEST = 4  # assessments that the page lists; the others have a page of their own


@dataclass(frozen=True)
class FactRow:
    """One fact: what is known, and the field for what people know better."""

    fact: Fact
    kind: Kind
    typed: str  # what the field shows: people's own word, never the measured value


@dataclass(frozen=True)
class Side:
    """The rules of one side. `applying` of them apply."""

    name: str
    verdicts: Sequence[Verdict]

    @property
    def applying(self) -> int:
        return sum(verdict.holds is True for verdict in self.verdicts)


@dataclass(frozen=True)
class Choice:
    """One way to decide: its name, how it stands to the recommendation, and what it costs."""

    value: str
    name: str
    note: str
    costs: Sequence[str]
    is_recommended: bool


@dataclass(frozen=True)
class Question:
    """ "Strong objection?" as one reader sees it."""

    asked: ObjectionRound
    words: str  # "rolling back"
    mine: ObjectionAnswer | None
    is_asker: bool

    @property
    def waits_for_me(self) -> bool:
        return self.mine is not None and not self.mine.answer

    @property
    def count(self) -> str:
        """ "2 of 3 answered, 1 objects"."""
        answered = sum(bool(one.answer) for one in self.asked.answers)
        objecting = sum(one.answer == "objects" for one in self.asked.answers)
        said = f"{objecting} object{'s' if objecting == 1 else ''}" if objecting else "nobody objects"
        return f"{answered} of {len(self.asked.answers)} answered, {said}"


@dataclass(frozen=True)
class Clock:
    """Until when to decide. `by` is empty where the rules say so for the severity."""

    until: datetime
    by: str

    @property
    def is_late(self) -> bool:
        return self.until < now()


def desk(db: Session, incident: Incident, me: Person) -> dict[str, Any]:
    """Everything on the page below the header."""
    picture, services = assessing.look(db, incident), incident_views.touched(db, incident, me=me)
    standing = queries.decisions_of(db, incident)
    return {
        "incident": incident,
        "services": services,
        "can": incident_views.rights(incident, me),
        "clock": Clock(*queries.decide_by(db, incident, rules=picture.rule_set)),
        "decision": standing[0] if standing else None,
        "earlier": standing[1:],
        "question": question(db, incident, me),
        "reports": queries.reports_of(db, incident),
        "assessments": queries.assessments_of(db, incident, limit=NEWEST),
        "me_id": me.id,
        "may_preview": picture.way is not None and me.may(P.PLAN, {picture.way.service_id}),
    } | drawn(picture)


def drawn(picture: Picture) -> dict[str, Any]:
    """Facts, rules and choices: as they are now, or as a kept assessment has them."""
    way = picture.way
    return {
        "picture": picture,
        "rows": [_row(picture.facts[key], kind) for key, kind in KINDS.items() if key in picture.facts and key not in ELSEWHERE],
        "sides": [Side(name, [one for one in picture.verdicts if one.rule.side == side]) for side, name in SIDES.items()],
        "choices": choices(picture),
        "headline": headline(picture),
        "because": because(picture),
        "usual": spoken(way.usual_s) if way and way.usual_s is not None else "",
        "range": _range(way.durations) if way else "",
    }


def headline(picture: Picture) -> str:
    """ "Roll back to v1.2.3": the recommendation in the fewest words."""
    if picture.weighed.recommendation == ROLLBACK:
        return _back(picture)
    return HEADLINES[picture.weighed.recommendation]


def because(picture: Picture) -> str:
    """The sentence of the recommendation without what the headline says already."""
    rest = picture.weighed.sentence.removeprefix(f"{headline(picture)}: ")
    return rest[:1].upper() + rest[1:]


def choices(picture: Picture) -> list[Choice]:
    """The two ways, the recommended one first."""
    recommended = picture.weighed.recommendation
    named = {ROLLBACK: _back(picture), FIX_FORWARD: "Fix forward"}
    found = [
        Choice(value, name, _note(recommended, value), picture.costs[value], is_recommended=value == recommended)
        for value, name in named.items()
    ]
    return sorted(found, key=lambda one: not one.is_recommended)


def question(db: Session, incident: Incident, me: Person) -> Question | None:
    """The open question, with the reader's own answer."""
    asked = queries.open_round(db, incident)
    if asked is None:
        return None
    mine = next((one for one in asked.answers if one.user_id == me.id), None)
    return Question(asked, DOING[asked.choice], mine, is_asker=asked.asked_by_id == me.id)


def rulebook(me: Person) -> dict[str, Any]:
    """What the pages of the matrix share."""
    return {"sides": SIDES, "kinds": KINDS, "may_edit": me.may(P.EDIT_PROCEDURE) and me.reach(P.EDIT_PROCEDURE).everything}


def _row(fact: Fact, kind: Kind) -> FactRow:
    typed = "" if not fact.is_stated or fact.value is None else f"{fact.value:g}" if isinstance(fact.value, float) else str(fact.value)
    return FactRow(fact, kind, typed)


def _back(picture: Picture) -> str:
    return f"Roll back to {picture.way.version}" if picture.way and picture.way.version else "Roll back"


def _note(recommended: str, value: str) -> str:
    if recommended == value:
        return "As recommended"
    if recommended in SIDES:
        return "Against the recommendation, needs a reason"
    return "Needs a reason" if recommended == "ask" else "No rule speaks for it or against it"


def _range(durations: Sequence[float]) -> str:
    if not durations:
        return "No rollback of it is on record, so there is no estimate."
    if len(durations) == 1:
        return "One earlier rollback, so expect it to differ."
    return f"Median of {len(durations)} earlier rollbacks, from {spoken(min(durations))} to {spoken(max(durations))}."
