"""From facts and rules to a recommendation, its sentence, and what each choice costs. Pure functions: nothing is read or written.

Both sides applying, rolling back wins, unless it would lose data: then people are asked. Where there is nothing to go back to,
rolling back is never recommended.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.core.clock import now
from app.decisions.facts import Fact
from app.decisions.feasibility import Way
from app.decisions.rules import FIX_FORWARD, ROLLBACK, Rule
from app.executors.checks.figures import span

ASK, OPEN = "ask", "open"


@dataclass(frozen=True)
class Verdict:
    """What became of one rule: it holds, it does not, or (None) its fact is unknown."""

    rule: Rule
    holds: bool | None
    fact: Fact | None

    @property
    def reason(self) -> str:
        """ "the error rate is above 5 % (12.4 %)": how a sentence says it."""
        text = self.rule.text.rstrip(".")
        if len(text) > 1 and not text[1].isupper():
            text = text[0].lower() + text[1:]
        return f"{text} ({self.fact.shown})" if self.fact and isinstance(self.fact.value, float) else text


@dataclass(frozen=True)
class Weighed:
    """What the rules say: recommendation is rollback, fix_forward, ask (people weigh the loss of data) or open (no rule applies)."""

    recommendation: str
    sentence: str
    reasons: Sequence[str]


def judge(rules: Sequence[Rule], facts: Mapping[str, Fact]) -> list[Verdict]:
    """Every rule on these facts, in the order of the set."""
    return [Verdict(rule, rule.holds(fact.value) if (fact := facts.get(rule.fact)) else None, facts.get(rule.fact)) for rule in rules]


def weigh(verdicts: Sequence[Verdict], facts: Mapping[str, Fact], way: Way | None) -> Weighed:
    """The recommendation, with its reasons in one sentence."""
    back = [verdict.reason for verdict in verdicts if verdict.rule.side == ROLLBACK and verdict.holds]
    forward = [verdict.reason for verdict in verdicts if verdict.rule.side == FIX_FORWARD and verdict.holds]
    good, loses = facts.get("good_release"), facts.get("rollback_loses_data")
    to = f" to {way.version}" if way and way.version else ""
    if back and good and good.value == "none":
        return Weighed(FIX_FORWARD, f"Fix forward: {_listed(back)}, but no release to go back to is known.", forward)
    if back and loses and loses.value is True:
        return Weighed(ASK, f"{_capital(_listed(back))}, but rolling back would lose data: weigh which loss is smaller.", back)
    if back and forward:
        return Weighed(ROLLBACK, f"Roll back{to}: {_listed(back)}, which outweighs that {_listed(forward)}.", back)
    if back:
        return Weighed(ROLLBACK, f"Roll back{to}: {_listed(back)}.", back)
    if forward:
        return Weighed(FIX_FORWARD, f"Fix forward: {_listed(forward)}, and no rule speaks for rolling back.", forward)
    unknown = [verdict.fact.name.lower() for verdict in verdicts if verdict.holds is None and verdict.fact]
    missing = list(dict.fromkeys(unknown))
    if missing:
        return Weighed(OPEN, f"No rule applies yet, and {len(missing)} of the facts that rules ask for are unknown.", [])
    return Weighed(OPEN, "No rule applies, and every fact that rules ask for is known: it is people's call.", [])


def costs(facts: Mapping[str, Fact], way: Way | None) -> dict[str, list[str]]:
    """What each choice costs, a sentence each, by choice."""
    return {ROLLBACK: _of_rolling_back(facts, way), FIX_FORWARD: _of_fixing(facts)}


def _of_rolling_back(facts: Mapping[str, Fact], way: Way | None) -> list[str]:
    if way is None or way.release_id is None:
        return [way.why if way else "It is not known what runs, so it is not known where a rollback would lead."]
    age = span((now() - datetime.fromisoformat(way.running_since)).total_seconds() // 60 * 60)
    return [
        f"Takes back {way.running} with everything in it; it runs since {age}.",
        _duration(facts, "rollback_minutes", "A rollback usually takes {}.", "How long it takes is unknown: none is on record."),
        "" if way.proven else f"{way.version} is not proven good.",
        {
            True: "It would lose data.",
            False: "It loses no data, as {} said.",
            None: "Whether it would lose data is unknown: nobody has said.",
        }[_yes(facts, "rollback_loses_data")].format(facts["rollback_loses_data"].by if "rollback_loses_data" in facts else ""),
    ]


def _of_fixing(facts: Mapping[str, Fact]) -> list[str]:
    hurt = facts.get("users_affected") or facts.get("error_rate")
    errors = facts.get("error_rate")
    meanwhile = ""
    if hurt and hurt.value is not None:
        meanwhile = f"Until then {hurt.shown} of users stay affected."
    elif errors and errors.value is not None:
        meanwhile = f"Until then {errors.shown} of requests fail."
    worse = "Data goes on being corrupted until the fix is live." if _yes(facts, "data_corruption") else ""
    exposed = "The vulnerability stays open until the fix is live." if _yes(facts, "vulnerability") else ""
    takes = _duration(facts, "fix_minutes", "A fix is expected in {}.", "How long a fix takes is unknown: nobody has said.")
    return [takes, meanwhile, worse, exposed]


def _duration(facts: Mapping[str, Fact], key: str, known: str, unknown: str) -> str:
    fact = facts.get(key)
    return known.format(span(fact.value * 60)) if fact and isinstance(fact.value, float) else unknown


def _yes(facts: Mapping[str, Fact], key: str) -> bool | None:
    fact = facts.get(key)
    return fact.value if fact and isinstance(fact.value, bool) else None


def _listed(reasons: Sequence[str]) -> str:
    *first, last = reasons
    return f"{', '.join(first)} and {last}" if first else last


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
