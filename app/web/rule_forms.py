"""The form of the decision matrix: one line a rule, some empty lines for new ones; an empty line is left out."""

import re
from collections.abc import Sequence

from app.decisions.kinds import WORDS
from app.decisions.rules import MOST, Rule
from app.incidents.states import Severity
from app.web.fields import Fields

SPARE = 2  # empty lines at the end
COMPARISONS = {"above": "above", "at_least": "at least", "below": "below", "at_most": "at most", "is": "is", "is_not": "is not"}
NAMES = ("id", "side", "text", "fact", "is", "value")
EMPTY = {"id": "", "side": "rollback", "text": "", "fact": "error_rate", "is": "above", "value": ""}


def lines(rules: Sequence[Rule]) -> list[dict[str, str]]:
    """The rules as the fields show them."""
    return [_line(rule) for rule in rules] + spare()


def typed(sent: Fields) -> list[dict[str, str]]:
    """The rules that the form asks for: lines that were dropped or left empty are none. Problems are named by place in this list."""
    places = [place for place in range(_count(sent)) if not sent.ticked(f"rules.{place}.drop")]
    found = [{name: sent.text(f"rules.{place}.{name}") for name in NAMES} for place in places]
    return [line for line in found if line["text"] or line["value"]]


def spare() -> list[dict[str, str]]:
    return [dict(EMPTY) for _ in range(SPARE)]


def within(sent: Fields) -> dict[str, str]:
    return {str(severity): sent.text(f"within.{severity}") for severity in Severity}


def _line(rule: Rule) -> dict[str, str]:
    value = WORDS[rule.value] if isinstance(rule.value, bool) else f"{rule.value:g}" if isinstance(rule.value, float) else str(rule.value)
    return {"id": rule.id, "side": rule.side, "text": rule.text, "fact": rule.fact, "is": rule.comparison, "value": value}


def _count(sent: Fields) -> int:
    places = [int(found[1]) for name in sent if (found := re.fullmatch(r"rules\.([0-9]{1,4})\.text", name))]
    return min(max(places, default=-1) + 1, MOST + 1)
