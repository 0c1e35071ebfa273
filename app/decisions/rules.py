"""Rules as data: one fact, one comparison, one value. They hold, do not hold, or cannot be told while the fact is unknown."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.core.errors import Invalid, Refused
from app.decisions.kinds import CHOICE, KINDS, NUMBER, YES_NO, Kind, Value, json_value

ROLLBACK, FIX_FORWARD = "rollback", "fix_forward"
SIDES = {ROLLBACK: "Roll back", FIX_FORWARD: "Fix forward"}
COMPARISONS = {
    "above": (NUMBER,),
    "at_least": (NUMBER,),
    "below": (NUMBER,),
    "at_most": (NUMBER,),
    "is": (YES_NO, CHOICE),
    "is_not": (YES_NO, CHOICE),
}
FIELDS = {"id", "side", "text", "fact", "is", "value"}
MOST = 60  # of one set: more is no matrix that anybody reads


@dataclass(frozen=True)
class Rule:
    """One line of the matrix. `text` is how people say it; `fact`, `comparison` and `value` are what is judged."""

    id: str
    side: str
    text: str
    fact: str
    comparison: str
    value: Value

    @property
    def kind(self) -> Kind:
        return KINDS[self.fact]

    def holds(self, value: Value) -> bool | None:
        """Whether the rule applies to this value of its fact; None where the fact is unknown."""
        if value is None:
            return None
        match self.comparison:
            case "is":
                return value == self.value
            case "is_not":
                return value != self.value
        if not isinstance(value, float) or not isinstance(self.value, float):
            return None
        return {
            "above": value > self.value,
            "at_least": value >= self.value,
            "below": value < self.value,
            "at_most": value <= self.value,
        }[self.comparison]

    @property
    def condition(self) -> str:
        """ "Error rate above 5 %": what is judged, without the words that people chose."""
        if self.kind.type == YES_NO:
            return f"{self.kind.name}: {self.kind.shown(self.value if self.comparison == 'is' else not self.value)}"
        return f"{self.kind.name} {self.comparison.replace('_', ' ')} {self.kind.shown(self.value)}"

    def as_json(self) -> dict[str, Any]:
        body = asdict(self)
        body["is"] = body.pop("comparison")
        return body


def loaded(rules: Sequence[Mapping[str, Any]]) -> list[Rule]:
    """The rules of a stored set. Those whose fact the console has forgotten since are left out: an old set still opens."""
    known = [one for one in rules if one.get("fact") in KINDS]
    return [Rule(one["id"], one["side"], one["text"], one["fact"], one["is"], json_value(one["value"])) for one in known]


def checked(rules: Sequence[Mapping[str, Any]]) -> list[Rule]:
    """The rules as they are kept. Invalid names each wrong one by its place: "rules.3.fact"."""
    problems: dict[str, str] = {}
    found: list[Rule] = []
    for place, one in enumerate(rules):
        try:
            found.append(_rule(one, [rule.id for rule in found]))
        except Refused as refused:
            problems[f"rules.{place}.{refused.field}"] = refused.sentence
    if len(rules) > MOST:
        problems["rules"] = f"A matrix has up to {MOST} rules, and here are {len(rules)}. Nothing was saved: put some together."
    for side, name in SIDES.items():
        if not problems and not any(rule.side == side for rule in found):
            problems["rules"] = f"No rule speaks for “{name}”. Nothing was saved: the matrix needs one on each side."
    if problems:
        raise Invalid(problems)
    return found


def _rule(one: Mapping[str, Any], taken: Sequence[str]) -> Rule:
    text, side, fact, comparison = (str(one.get(name) or "").strip() for name in ("text", "side", "fact", "is"))
    if unknown := set(one) - FIELDS:
        raise Refused(f"A rule has no “{sorted(unknown)[0][:40]}”. Nothing was saved.", field="text")
    if not 1 <= len(text) <= 120:
        raise Refused("A rule needs 1 to 120 characters that say it as people would. Nothing was saved.", field="text")
    if side not in SIDES:
        raise Refused(f"“{text}” speaks for rollback or for fix_forward. Nothing was saved: choose one.", field="side")
    if fact not in KINDS:
        raise Refused(
            f"“{text}” asks for the fact “{fact[:40]}”, which nobody knows. Nothing was saved: choose one of the list.", field="fact"
        )
    kind = KINDS[fact]
    if kind.type not in COMPARISONS.get(comparison, ()):
        fitting = ", ".join(name for name, types in COMPARISONS.items() if kind.type in types)
        raise Refused(f"“{text}”: {kind.name} is compared by {fitting}. Nothing was saved.", field="is")
    value = _value(one.get("value"), kind, text)
    return Rule(_id(str(one.get("id") or text), taken), side, text, fact, comparison, value)


def _value(given: Any, kind: Kind, text: str) -> Value:
    try:
        value = kind.read(given) if isinstance(given, str) else kind.checked(given)
    except Refused:
        value = None
    if value is None:
        raise Refused(f"“{text}”: the value is {kind.allowed}. Nothing was saved.", field="value")
    return value


def _id(wanted: str, taken: Sequence[str]) -> str:
    """A name that stays the same over versions, so that one can see what became of a rule."""
    base = re.sub(r"[^a-z0-9]+", "-", wanted.lower()).strip("-")[:60] or "rule"
    number = 1
    while (name := base if number == 1 else f"{base}-{number}") in taken:
        number += 1
    return name
