"""Assess an incident: gather the facts, judge the rules, keep what came out where it is news.

Decision: a measured number changes with every reading, and its series is kept with the check; a new assessment is made when a
person says something, when a rule or the recommendation turns, when a fact becomes known or is lost, and when people decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.policy import SYSTEM, Person
from app.core import live
from app.core.database import Json
from app.decisions import evidence, queries, rulebook, rules, statements, weighing
from app.decisions.facts import Fact, from_json, with_words
from app.decisions.feasibility import Way, links_of, way_back
from app.decisions.kinds import CHOICE, KINDS, NUMBER
from app.decisions.models import Assessment, RuleSet
from app.decisions.weighing import Verdict, Weighed
from app.incidents import timeline
from app.incidents.models import Incident
from app.incidents.states import OPEN

STANDS = {"rollback": "to roll back", "fix_forward": "to fix forward", "ask": "to weigh the loss of data", "open": "nothing"}


@dataclass(frozen=True)
class Picture:
    """Everything that an assessment rests on, at one moment: as it is now, or as it was kept."""

    facts: dict[str, Fact]
    verdicts: Sequence[Verdict]
    weighed: Weighed
    way: Way | None
    rule_set: RuleSet

    @property
    def costs(self) -> dict[str, list[str]]:
        return {choice: [line for line in lines if line] for choice, lines in weighing.costs(self.facts, self.way).items()}


def look(session: Session, incident: Incident) -> Picture:
    """How it stands now. Reads only what the console has seen, and writes nothing."""
    links = links_of(session, incident)
    way = way_back(session, links)
    found = with_words(evidence.measured(session, incident, links, way), statements.newest(session, incident))
    rule_set = rulebook.current(session)
    verdicts = weighing.judge(rules.loaded(rule_set.rules), found)
    return Picture(found, verdicts, weighing.weigh(verdicts, found, way), way, rule_set)


def kept(assessment: Assessment) -> Picture:
    """An assessment as it was: with its own facts, and the version of the rules that counted then."""
    found = {key: from_json(key, body) for key, body in assessment.facts.items() if key in KINDS}
    held = {one["rule"]: one["holds"] for one in assessment.fired}
    verdicts = [Verdict(rule, held.get(rule.id), found.get(rule.fact)) for rule in rules.loaded(assessment.rule_set.rules)]
    way = Way.from_json(assessment.feasibility) if assessment.feasibility else None
    return Picture(found, verdicts, Weighed(assessment.recommendation, assessment.sentence, []), way, assessment.rule_set)


def refresh(session: Session, incident: Incident, *, cause: str = "", by: Person = SYSTEM, always: bool = False) -> Assessment:
    """The assessment that counts now: a new row where something is news (or `always`), else the newest one.

    Without a cause it is worked out from what changed.

    The caller holds the incident's row, so that two at once make no two rows of the same. A recommendation that turned without
    anybody's doing gets a line of the timeline.
    """
    picture, newest = look(session, incident), queries.newest_assessment(session, incident)
    if newest and not always and _sum(kept(newest)) == _sum(picture):
        return newest
    made = Assessment(
        incident_id=incident.id,
        cause=cause or _cause(newest, picture),
        rule_set_id=picture.rule_set.id,
        rule_set=picture.rule_set,
        facts={key: fact.as_json() for key, fact in picture.facts.items()},
        fired=[_fired(verdict) for verdict in picture.verdicts],
        recommendation=picture.weighed.recommendation,
        sentence=picture.weighed.sentence,
        feasibility=picture.way.as_json() if picture.way else None,
        by_id=by.id or None,
        by_name=by.name,
    )
    session.add(made)
    session.flush()
    _tell(session, incident, newest, made)
    return made


def _tell(session: Session, incident: Incident, before: Assessment | None, made: Assessment) -> None:
    live.tell(session, f"incident-{incident.id}")
    if before is None or before.recommendation == made.recommendation or incident.state not in OPEN:
        return
    line = f"sees the rules recommend {STANDS[made.recommendation]}, no longer {STANDS[before.recommendation]}"
    timeline.record(session, incident, line, kind="system", by=SYSTEM, is_system=True, assessment=made.id)


def _cause(before: Assessment | None, picture: Picture) -> str:
    """What changed since the assessment before: the rules, what people say, or a reading."""
    if before is None or before.rule_set_id != picture.rule_set.id:
        return "rules" if before else "declared"
    was = kept(before).facts
    said = {key for key, fact in picture.facts.items() if {fact.source, was[key].source if key in was else ""} & {"person", "incident"}}
    return "fact" if any(key not in was or _weight(was[key]) != _weight(picture.facts[key]) for key in said) else "reading"


def _fired(verdict: Verdict) -> Json:
    return {"rule": verdict.rule.id, "side": verdict.rule.side, "holds": verdict.holds}


def _sum(picture: Picture) -> Any:
    """What makes two assessments the same. A measured number counts only as known or unknown: the rules tell when it matters."""
    facts = {key: _weight(fact) for key, fact in picture.facts.items()}
    fired = [(verdict.rule.id, verdict.holds) for verdict in picture.verdicts]
    way = (picture.way.target_id, picture.way.release_id, picture.way.proven, picture.way.running) if picture.way else None
    return facts, fired, picture.weighed.recommendation, picture.rule_set.id, way


def _weight(fact: Fact) -> Any:
    kind = KINDS[fact.key]
    if fact.is_stated or kind.type == CHOICE or kind.type != NUMBER or fact.key == "user_reports":
        return fact.value, fact.by
    return fact.value is not None
