"""Deciding: on an assessment of that moment, with a reason where it goes against the rules, one at a time, and never rewritten."""

from datetime import timedelta

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.accounts.policy import Role
from app.audit.models import AuditEntry
from app.core.clock import now
from app.core.database import db_now
from app.core.errors import Conflict, Forbidden, Invalid, Refused
from app.decisions import actions, assessing, keeping, objections, queries, reports, rulebook
from app.decisions.models import Decision, Deliberation
from app.incidents import actions as incidents
from app.incidents import facts, roles, timeline
from app.incidents.models import Incident, TimelineEntry
from app.incidents.states import Severity, State
from app.response import declare as declaring
from tests.decisions import shipped
from tests.decisions.conftest import ERRORS
from tests.factories import make_person


def lines(db, incident):
    return list(db.scalars(select(TimelineEntry.body).where(TimelineEntry.incident_id == incident.id).order_by(TimelineEntry.id)))


@pytest.fixture
def bo(db, ana):
    return make_person(db, "Bo Lind", Role.RESPONDER)


def test_declaring_makes_the_first_assessment_and_knows_the_kind_of_trouble(db, scene, ana):
    told = {"title": "Orders are written twice", "form_nonce": "n1", "service_ids": (scene.service.id,), "trouble": "data_corruption"}
    incident = declaring.declare(db, by=ana, **told)
    first = queries.assessment(db, incident)
    assert (first.cause, first.recommendation, first.facts["data_corruption"]["value"]) == ("declared", "rollback", True)
    assert first.feasibility["version"] == "v1.2.3"
    assert declaring.declare(db, by=ana, **told).id == incident.id
    assert len(queries.assessments_of(db, incident)) == 1


def test_a_kind_of_trouble_that_there_is_none_of_declares_nothing(db, ana, console):
    with pytest.raises(Invalid, match="kind of trouble"):
        declaring.declare(db, title="Odd", form_nonce="n", trouble="aliens", by=ana)


def test_a_fact_makes_a_new_assessment_and_the_old_one_stays(db, scene, ana):
    actions.begin(db, scene.incident, by=ana)
    actions.state_fact(db, scene.incident, "fix_minutes", 45, by=ana)
    newest, first = queries.assessments_of(db, scene.incident)
    assert (first.facts["fix_minutes"]["value"], newest.facts["fix_minutes"]["value"]) == (None, 45.0)
    assert (first.recommendation, newest.recommendation) == ("open", "rollback")
    assert newest.by_name == "Ana Ruiz"
    assert "set a fact: time to fix forward: 45\u00a0min" in lines(db, scene.incident)


def test_the_first_fact_takes_the_incident_from_detected_to_assessed(db, scene, ana):
    actions.state_fact(db, scene.incident, "critical_broken", True, by=ana)
    assert scene.incident.state == State.ASSESSED


def test_the_same_word_again_makes_nothing(db, scene, ana):
    for _ in range(2):
        actions.state_fact(db, scene.incident, "critical_broken", True, by=ana)
    assert len(queries.assessments_of(db, scene.incident)) == 2
    assert sum("critical functionality" in line for line in lines(db, scene.incident)) == 1


def test_a_fact_that_there_is_none_of_is_refused(db, scene, ana):
    with pytest.raises(Refused, match="no fact"):
        actions.state_fact(db, scene.incident, "moon_phase", True, by=ana)


def test_deciding_keeps_the_figures_of_that_moment_and_moves_the_incident(db, scene, ana, read):
    read("error rate", ERRORS, 12.4)
    decision = actions.decide(db, scene.incident, "rollback", by=ana)
    assert scene.incident.state == State.DECIDED
    assert (decision.assessment.cause, decision.assessment.facts["error_rate"]["value"]) == ("decision", 12.4)
    assert queries.current_decision(db, scene.incident).id == decision.id
    assert "decided to roll back" in lines(db, scene.incident)
    entry = db.scalars(select(AuditEntry).where(AuditEntry.action == "incident.decide")).one_or_none()
    assert entry is None or entry.detail["choice"] == "rollback"


def test_an_incident_that_is_further_on_stays_there(db, scene, ana):
    incidents.move(db, scene.incident, State.RECOVERING, by=ana)
    actions.decide(db, scene.incident, "rollback", by=ana)
    assert scene.incident.state == State.RECOVERING


def test_against_the_recommendation_a_reason_is_needed_and_kept(db, scene, ana, read):
    read("error rate", ERRORS, 12.4)
    with pytest.raises(Refused, match="against the recommendation"):
        actions.decide(db, scene.incident, "fix_forward", rationale="  ", by=ana)
    assert queries.current_decision(db, scene.incident) is None
    decision = actions.decide(db, scene.incident, "fix_forward", rationale="The flag is off in two minutes.", by=ana)
    assert decision.against_reason == decision.rationale == "The flag is off in two minutes."
    assert "decided to fix forward, against the recommendation: The flag is off in two minutes." in lines(db, scene.incident)


def test_where_the_page_asks_the_choice_needs_a_reason(db, scene, ana, read):
    read("error rate", ERRORS, 12.4)
    actions.state_fact(db, scene.incident, "rollback_loses_data", True, by=ana)
    with pytest.raises(Refused, match="loss is the smaller"):
        actions.decide(db, scene.incident, "rollback", by=ana)
    assert actions.decide(db, scene.incident, "rollback", rationale="Ten orders can be typed in again.", by=ana).against_reason == ""


def test_a_revision_needs_the_decision_before_it_and_both_stay(db, scene, ana, bo):
    first = actions.decide(db, scene.incident, "rollback", by=ana)
    with pytest.raises(Conflict, match="Ana Ruiz decided to roll back"):
        actions.decide(db, scene.incident, "fix_forward", rationale="No", by=bo)
    second = actions.decide(db, scene.incident, "fix_forward", rationale="The fix is merged.", seen=first.id, by=bo)
    assert [row.id for row in queries.decisions_of(db, scene.incident)] == [second.id, first.id]
    assert second.replaces_id == first.id
    assert any(line.startswith("decided anew, to fix forward") for line in lines(db, scene.incident))


def test_the_same_decision_sent_twice_is_one(db, scene, ana):
    first = actions.decide(db, scene.incident, "rollback", rationale="Broken", by=ana)
    assert actions.decide(db, scene.incident, "rollback", rationale="Broken", by=ana).id == first.id


def test_facts_that_changed_meanwhile_are_shown_before_anything_is_decided(db, scene, ana, read):
    assert assessing.look(db, scene.incident).weighed.recommendation == "open"
    read("error rate", ERRORS, 12.4)
    with pytest.raises(Conflict, match="The facts have changed"):
        actions.decide(db, scene.incident, "fix_forward", rationale="Small", recommended="open", by=ana)


def test_of_two_who_decide_at_once_the_second_sees_the_first(db, scene, ana, bo, postgres, database):
    import threading

    from app.core.stores import APP

    db.commit()
    engine, gate, answers = create_engine(postgres.url(APP, database)), threading.Barrier(2), {}

    def one(person, choice):
        try:
            with Session(engine, expire_on_commit=False) as session, session.begin():
                incident = session.get_one(Incident, scene.incident.id)
                gate.wait()
                answers[person.name] = actions.decide(session, incident, choice, rationale=f"says {person.name}", by=person)
        except Conflict as conflict:
            answers[person.name] = conflict

    threads = [threading.Thread(target=one, args=pair) for pair in ((ana, "rollback"), (bo, "fix_forward"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.dispose()
    won = [name for name, answer in answers.items() if isinstance(answer, Decision)]
    lost = [answer for answer in answers.values() if isinstance(answer, Conflict)]
    assert len(won) == len(lost) == 1
    assert won[0] in lost[0].sentence
    assert lost[0].link == f"/incidents/{scene.incident.id}/decision"


def test_what_is_kept_is_never_rewritten(db, scene, ana):
    actions.decide(db, scene.incident, "rollback", by=ana)
    db.commit()
    for table in ("assessments", "decisions", "rule_sets"):
        with pytest.raises(DBAPIError, match="permission denied"):
            db.execute(text(f"DELETE FROM {table}"))
        db.rollback()
    with pytest.raises(DBAPIError, match="permission denied"):
        db.execute(text("UPDATE decisions SET choice = 'fix_forward'"))
    db.rollback()


def test_an_incident_that_is_over_is_not_decided(db, scene, ana):
    incidents.move(db, scene.incident, State.CANCELLED, reason="a false alarm", by=ana)
    with pytest.raises(Refused, match="open it again"):
        actions.decide(db, scene.incident, "rollback", by=ana)


def test_the_clock_follows_the_severity_until_somebody_sets_it(db, scene, ana):
    until, by = queries.decide_by(db, scene.incident)
    assert (until - scene.incident.declared_at, by) == (timedelta(minutes=15), "")
    scene.incident.severity = Severity.CRITICAL
    assert queries.decide_by(db, scene.incident)[0] - scene.incident.declared_at == timedelta(minutes=5)
    wanted = db_now(db) + timedelta(minutes=20)
    actions.set_clock(db, scene.incident, wanted, by=ana)
    assert queries.decide_by(db, scene.incident) == (wanted, "Ana Ruiz")
    with pytest.raises(Refused, match="lies ahead"):
        actions.set_clock(db, scene.incident, now() - timedelta(minutes=1), by=ana)
    actions.set_clock(db, scene.incident, None, by=ana)
    assert queries.decide_by(db, scene.incident)[1] == ""


def test_a_clock_that_ran_out_is_said_once(db, scene, age):
    age(hours=1)
    for _ in range(2):
        db.execute(text("UPDATE deliberations SET looked_at = now() - interval '1 minute'"))
        keeping.keep_fresh(db)
    assert sum("time to decide is over" in line for line in lines(db, scene.incident)) == 1


def test_a_reading_that_turns_a_rule_makes_a_new_assessment_by_itself(db, scene, age, read):
    age(minutes=2)
    keeping.keep_fresh(db)
    read("error rate", ERRORS, 0.2, ago=1)
    before = len(queries.assessments_of(db, scene.incident))
    for value in (12.4, 12.6):
        read("error rate", ERRORS, value)
        db.execute(text("UPDATE deliberations SET looked_at = now() - interval '1 minute'"))
        keeping.keep_fresh(db)
    newest = queries.assessments_of(db, scene.incident)
    assert len(newest) == before + 1
    assert (newest[0].cause, newest[0].recommendation) == ("reading", "rollback")
    assert any("recommend to roll back" in line for line in lines(db, scene.incident))


def test_what_is_said_elsewhere_is_a_fact_too(db, scene, ana, age):
    age(minutes=2)
    keeping.keep_fresh(db)
    facts.change(db, scene.incident, trouble="vulnerability", by=ana)
    db.execute(text("UPDATE deliberations SET looked_at = now() - interval '1 minute'"))
    keeping.keep_fresh(db)
    newest = queries.assessment(db, scene.incident)
    assert (newest.cause, newest.recommendation, newest.facts["vulnerability"]["by"]) == ("fact", "rollback", "Ana Ruiz")


def test_an_incident_that_recovers_is_left_to_its_verification(db, scene, ana, age):
    age(minutes=2)
    incidents.move(db, scene.incident, State.RECOVERING, by=ana)
    keeping.keep_fresh(db)
    assert queries.assessment(db, scene.incident) is None


def test_nothing_is_looked_at_twice_within_seconds(db, scene, age, ana):
    age(minutes=2)
    keeping.keep_fresh(db)
    looked = db.get_one(Deliberation, scene.incident.id, populate_existing=True).looked_at
    keeping.keep_fresh(db)
    assert db.get_one(Deliberation, scene.incident.id, populate_existing=True).looked_at == looked


def test_new_rules_are_a_new_version_and_old_assessments_keep_theirs(db, scene, ana, read):
    read("error rate", ERRORS, 4.0)
    first = actions.begin(db, scene.incident, by=ana)
    wanted = [
        rule | ({"value": 3.0, "text": "The error rate is above 3 %"} if rule["id"] == "error-rate" else {}) for rule in shipped.RULES
    ]
    made = rulebook.edit(db, seen=1, wanted=wanted, decide_within=shipped.DECIDE_WITHIN, note="We are stricter now.", by=ana)
    newest = assessing.refresh(db, scene.incident)
    assert newest.cause == "rules"
    assert (made.version, newest.rule_set.version, newest.recommendation) == (2, 2, "rollback")
    old = assessing.kept(queries.get_assessment(db, scene.incident, first.id))
    assert (old.rule_set.version, old.weighed.recommendation) == (1, "open")
    assert "above 5" in {verdict.rule.id: verdict.rule.text for verdict in old.verdicts}["error-rate"]


def test_of_two_editors_the_second_sees_the_first(db, console, ana):
    rulebook.edit(db, seen=1, wanted=shipped.RULES[:9], decide_within=shipped.DECIDE_WITHIN, note="", by=ana)
    with pytest.raises(Conflict, match="Ana Ruiz saved version 2"):
        rulebook.edit(db, seen=1, wanted=shipped.RULES[1:], decide_within=shipped.DECIDE_WITHIN, note="", by=ana)


def test_the_same_rules_again_are_no_new_version(db, console, ana):
    assert rulebook.edit(db, seen=1, wanted=shipped.RULES, decide_within=shipped.DECIDE_WITHIN, note="", by=ana).version == 1


def test_times_to_decide_are_whole_minutes(db, console, ana):
    with pytest.raises(Invalid, match="whole minutes"):
        rulebook.edit(db, seen=1, wanted=shipped.RULES, decide_within={"critical": "soon"}, note="", by=ana)


def test_who_edits_for_one_service_only_does_not_edit_the_matrix(db, scene):
    local = make_person(db, "Lo Cal", Role.COMMANDER, service=scene.service)
    with pytest.raises(Forbidden, match="every service"):
        rulebook.edit(db, seen=1, wanted=shipped.RULES, decide_within=shipped.DECIDE_WITHIN, note="", by=local)


def test_everyone_on_the_incident_is_asked_and_answers_with_one_tap(db, scene, ana, bo):
    mei = make_person(db, "Mei Tan", Role.RESPONDER)
    roles.take(db, scene.incident, roles.SCRIBE, by=bo)
    timeline.note(db, scene.incident, body="Seen on the app", by=mei)
    asked = objections.ask(db, scene.incident, "rollback", by=ana)
    waiting = queries.open_round(db, scene.incident)
    assert [one.user_name for one in waiting.answers] == ["Bo Lind", "Mei Tan"]
    objections.answer(db, scene.incident, False, round_id=asked.id, by=bo)
    objections.answer(db, scene.incident, True, reason="It drops the queue", by=mei)
    said = {one.user_name: one.answer for one in queries.open_round(db, scene.incident).answers}
    assert said == {"Bo Lind": "none", "Mei Tan": "objects"}
    actions.decide(db, scene.incident, "rollback", by=ana)
    assert queries.open_round(db, scene.incident) is None
    assert "decided to roll back, over the objection of Mei Tan" in lines(db, scene.incident)
    with pytest.raises(Refused, match="not open any more"):
        objections.answer(db, scene.incident, False, round_id=asked.id, by=bo)


def test_an_answer_can_be_changed_while_the_question_is_open(db, scene, ana, bo):
    timeline.note(db, scene.incident, body="here", by=bo)
    objections.ask(db, scene.incident, "rollback", by=ana)
    for objects in (True, True, False):
        objections.answer(db, scene.incident, objects, by=bo)
    assert [one.answer for one in queries.open_round(db, scene.incident).answers] == ["none"]
    assert sum("objects to" in line for line in lines(db, scene.incident)) == 1


def test_nobody_is_asked_where_nobody_else_takes_part(db, scene, ana):
    with pytest.raises(Refused, match="Nobody else"):
        objections.ask(db, scene.incident, "rollback", by=ana)


def test_user_reports_are_counted_pasted_and_linked(db, scene, ana, bo):
    reports.add(db, scene.incident, count=12, body="Cannot sign in on the app", by=ana)
    linked = reports.add(db, scene.incident, url="https://support.example.org/t/7", by=bo)
    assert assessing.look(db, scene.incident).facts["user_reports"].value == 13.0
    with pytest.raises(Forbidden, match="Bo Lind wrote"):
        reports.take_back(db, scene.incident, linked, by=ana)
    reports.take_back(db, scene.incident, linked, by=bo)
    assert assessing.look(db, scene.incident).facts["user_reports"].value == 12.0


def test_a_report_sent_twice_counts_once(db, scene, ana):
    for _ in range(2):
        reports.add(db, scene.incident, count=3, form_nonce="r1", by=ana)
    assert assessing.look(db, scene.incident).facts["user_reports"].value == 3.0


@pytest.mark.parametrize(
    ("told", "field"), [({"count": 0}, "count"), ({"url": "javascript:alert(1)"}, "url"), ({"body": "x" * 4001}, "body")]
)
def test_a_report_that_cannot_be_is_refused(db, scene, ana, told, field):
    with pytest.raises(Invalid) as refused:
        reports.add(db, scene.incident, by=ana, **told)
    assert field in refused.value.problems
