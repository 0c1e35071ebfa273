from datetime import timedelta

import pytest

from app.audit.queries import verify
from app.core.clock import now
from app.core.errors import Conflict, Invalid
from app.incidents import facts
from app.incidents.models import Incident
from app.incidents.queries import newest_entries


def lines(db, incident):
    return [entry.body for entry in reversed(newest_entries(db, incident))][1:]


def test_every_changed_fact_has_a_line_and_the_same_again_has_none(db, ana, incident):
    began = now() - timedelta(minutes=20)
    new = {"title": " Log-in  fails ", "severity": "critical", "impact": "Nobody gets in", "affected_percent": 30, "began_at": began}
    facts.change(db, incident, **new, by=ana)
    assert facts.change(db, incident, **new, by=ana) == []
    assert lines(db, incident) == [
        "renamed the incident from “Log-in fails for some users” to “Log-in fails”",
        "set the severity from high to critical",
        "set the impact: Nobody gets in",
        "set the share of affected users to 30\u00a0%",
        f"set the beginning to {began:%Y-%m-%d %H:%M} UTC",
    ]
    facts.change(db, incident, impact="", affected_percent=None, began_at=None, is_drill=True, by=ana)
    assert (incident.impact, incident.affected_percent, incident.began_at, incident.is_drill) == ("", None, None, True)
    assert verify(db) == ""


def test_every_wrong_fact_is_named_and_nothing_is_changed(db, ana, incident):
    with pytest.raises(Invalid) as invalid:
        facts.change(db, incident, title=" ", severity="awful", affected_percent=101, began_at=now() + timedelta(hours=1), by=ana)
    assert set(invalid.value.problems) == {"title", "severity", "affected_percent", "began_at"}
    assert lines(db, incident) == []


def test_two_people_who_change_different_facts_both_succeed(db, ana, bo, incident):
    was = facts.of(incident)
    facts.change(db, incident, **{**was, "severity": "critical"}, was=was, by=ana)
    facts.change(db, incident, **{**was, "impact": "Nobody gets in"}, was=was, by=bo)
    assert (incident.severity, incident.impact) == ("critical", "Nobody gets in")


def test_two_people_who_change_the_same_fact_at_once_leave_one_and_a_conflict(db, ana, bo, incident, at_once):
    was = facts.of(incident)
    db.commit()

    def say(person, impact):
        return lambda s: facts.change(s, s.get(Incident, incident.id), **{**was, "impact": impact}, was=was, by=person)

    answers = at_once(say(ana, "Half of them"), say(bo, "All of them"))
    assert sum(isinstance(answer, Conflict) for answer in answers) == 1
    assert "Nothing of yours was saved" in next(str(answer) for answer in answers if isinstance(answer, Conflict))
    assert len(lines(db, incident)) == 1
