from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar
from sqlalchemy import select

from app.accounts.policy import Role
from app.audit.models import AuditEntry
from app.catalog.models import Rollout
from app.checklists import actions as checklists
from app.checklists import queries as ticks
from app.checklists.models import Item
from app.core.clock import now
from app.core.errors import Conflict, Forbidden, Refused
from app.decisions.models import Assessment, Decision, RuleSet
from app.incidents import actions as incidents
from app.incidents import affected, facts, queries
from app.incidents.states import State
from app.response import resolve
from app.reviews import actions, meeting, reminding, sections, signing
from app.reviews import queries as reviews
from app.reviews.actions import Overtaken
from app.reviews.models import Kind, Review, SectionVersion
from app.verification.models import Verification, WatchedCheck
from tests import factories
from tests.web import stages


def body(db, review, key):
    return actions.get_section(db, review, key).body


def lines(db, incident):
    return [entry.body for entry in queries.newest_entries(db, incident)]


def test_a_report_is_drafted_from_the_record(db, on, ana):
    incident = on.incident
    facts.change(db, incident, affected_percent=30.0, impact="Nobody signs in.", by=ana)
    affected.suspect(db, incident, on.service, on.bad, by=ana)
    run = stages.make_run(db, on, stages.make_plan(db, on), state="succeeded", steps=[stages.taken()], sentence="3 of 3 pods serve v1.2.3")
    watched = {"kind": "metric", "config": {}, "required": True, "outcome": "pass"}
    checks = [WatchedCheck(position=1, name="Error rate", sentence="0.4 %, under 1 %", **watched)]
    ended = {
        "state": "done",
        "verdict": "recovered",
        "ended_at": now(),
        "deadline_at": now(),
        "holding_since": now() - timedelta(minutes=5),
    }
    db.add(Verification(service_id=on.service.id, incident_id=incident.id, run_id=run.id, contract=stages.CONTRACT, checks=checks, **ended))
    rules = db.scalars(select(RuleSet).limit(1)).first() or RuleSet(version=1, rules=[], decide_within={}, by_name="x")
    db.add(rules)
    db.flush()
    assessed = Assessment(
        incident_id=incident.id,
        cause="fact",
        rule_set_id=rules.id,
        facts={},
        fired=[],
        recommendation="rollback",
        sentence="x",
        by_name="x",
    )
    db.add(assessed)
    db.flush()
    db.add(
        Decision(
            incident_id=incident.id, assessment_id=assessed.id, choice="rollback", rationale="A fix takes too long", by_name="Jonas Weber"
        )
    )
    incidents.move(db, incident, State.RESOLVED, by=ana)
    report = actions.begin(db, incident, Kind.REPORT, by=ana)
    went_out = db.scalars(select(Rollout.began_at).where(Rollout.release_id == on.bad.id)).one()
    summary = body(db, report, "summary")
    assert "Nobody signs in. 30\u00a0% of users were affected." in summary
    assert f"`v1.2.4` of login, which went out on {went_out:%-d %B %Y at %H:%M} UTC." in summary
    assert "Roll login back to v1.2.3: 3 of 3 pods serve v1.2.3." in summary
    assert "The checks of login say that it recovered." in summary
    assert "Jonas Weber decided to roll back" in body(db, report, "resolution")
    assert "A fix takes too long." in body(db, report, "resolution")
    assert "- Error rate: 0.4 %, under 1 %" in body(db, report, "resolution")
    assert "Users: 30\u00a0%\nRevenue: not known" in body(db, report, "figures")
    assert "done decided to roll back" in body(db, report, "timeline")
    assert "broke v1.2.4 of login went out" in body(db, report, "timeline")
    assert "declared it on" in body(db, report, "q_detected")
    assert {one.key for one in sections.PLAN[Kind.REPORT]} == set(db.scalars(select(SectionVersion.key)))
    assert actions.begin(db, incident, Kind.REPORT, by=ana).id == report.id


def test_a_draft_replaces_drafts_and_never_what_a_person_wrote(db, on, ana, report):
    actions.write(db, report, "impact", body="Nobody could pay.", version=1, by=ana)
    assert actions.redraft(db, report, by=ana) == 0
    facts.change(db, on.incident, impact="Sign-in fails.", by=ana)
    assert actions.redraft(db, report, by=ana) == 3  # summary, impact, what happened
    impact = actions.get_section(db, report, "impact")
    assert (impact.body, impact.draft, impact.origin, impact.version) == ("Nobody could pay.", "Sign-in fails.", "written", 2)
    assert "Sign-in fails." in body(db, report, "summary")
    actions.keep_mine(db, report, "impact")
    assert actions.redraft(db, report, by=ana) == 0
    assert actions.get_section(db, report, "impact").draft is None
    facts.change(db, on.incident, impact="Sign-in and payment fail.", by=ana)
    actions.redraft(db, report, by=ana)
    with pytest.raises(Conflict):
        actions.take_draft(db, report, "impact", version=1, by=ana)
    taken = actions.take_draft(db, report, "impact", version=2, by=ana)
    assert (taken.body, taken.origin) == ("Sign-in and payment fail.", "drafted")
    kept = [one.body for one in reviews.versions(db, report, "impact")]
    assert kept == ["Sign-in and payment fail.", "Nobody could pay.", ""]


def test_two_who_write_at_once_lose_nothing(db, on, ana, nadia, report, at_once):
    db.commit()

    def writes(text, by):
        return lambda session: actions.write(session, session.get_one(Review, report.id), "summary", body=text, version=1, by=by).body

    answers = at_once(writes("Ana's", ana), writes("Nadia's", nadia))
    (won,) = [one for one in answers if isinstance(one, str)]
    assert len([one for one in answers if isinstance(one, Overtaken)]) == 1
    db.expire_all()
    assert body(db, report, "summary") == won
    actions.write(db, report, "summary", body="Ana's and Nadia's", version=2, by=ana)
    assert [one.body for one in reviews.versions(db, report, "summary")][:2] == ["Ana's and Nadia's", won]


def test_a_signature_is_for_a_version(db, on, ana, nadia, report):
    with pytest.raises(Refused, match="second pair of eyes"):
        signing.send(db, report, to={ana.id}, by=ana)
    viewer = factories.make_person(db, "Vic Low", Role.VIEWER)
    with pytest.raises(Refused, match="cannot respond"):
        signing.send(db, report, to={viewer.id}, by=ana)
    signing.send(db, report, to={nadia.id}, by=ana)
    assert [one.id for one in signing.waiting_for(db, nadia)] == [report.id]
    with pytest.raises(Refused, match="not asked"):
        signing.sign(db, report, version=1, by=ana)
    with pytest.raises(Forbidden, match="a token gives none"):
        signing.sign(db, report, version=1, by=replace(nadia, token_id=7))
    with pytest.raises(Conflict, match="has changed since you opened it"):
        signing.sign(db, report, version=3, by=nadia)
    signing.sign(db, report, version=1, by=nadia)
    assert (report.state, signing.waiting_for(db, nadia)) == ("signed", [])
    assert "signed the post-incident report, version 1" in lines(db, on.incident)
    assert db.scalars(select(AuditEntry).where(AuditEntry.action == "review.sign")).one().detail == {"version": 1, "complete": True}
    actions.write(db, report, "summary", body="Other", version=1, by=ana)
    assert (report.state, report.signed_at) == ("in_review", None)
    (reviewer,) = signing.reviewers(db, report)
    assert signing.standing(report, reviewer, signing.signatures(db, report)) == "lapsed"


def test_the_after_list_ticks_by_the_report_and_gates_reviewed(db, on, ana, nadia, report):
    incident = on.incident
    checklists.attach(db, incident, by=ana)
    with pytest.raises(Refused, match="Say why"):
        resolve.resolve(db, incident, by=ana)
    resolve.resolve(db, incident, overrule_reason="Fixed forward", by=ana)
    signing.send(db, report, to={nadia.id}, by=ana)
    signing.sign(db, report, version=report.version, by=nadia)
    meeting.schedule(db, report, at=now() + timedelta(days=1), by=ana)
    states = {item.binding: item.state for item in db.scalars(select(Item).execution_options(populate_existing=True))}
    assert (states["report.written"], states["review.scheduled"]) == ("ticked", "ticked")
    with pytest.raises(Refused, match="Tick them on its list “After”"):
        resolve.move(db, incident, State.REVIEWED, by=ana)
    for item in ticks.open_required(db, incident, before=State.REVIEWED):
        checklists.skip(db, item, reason="A test", by=ana)
    resolve.move(db, incident, State.REVIEWED, by=ana)
    assert incident.state == "reviewed"
    meeting.call_off(db, report, by=ana)
    resolve.move(db, incident, State.RECOVERING, reason="It is back", by=ana)
    assert report.outdated_at is not None
    signing.send(db, report, to={nadia.id}, by=ana)
    with pytest.raises(Refused, match="addendum is empty"):
        signing.sign(db, report, version=report.version, by=nadia)
    actions.write(db, report, "addendum", body="It came back an hour later.", version=1, by=ana)
    signing.sign(db, report, version=report.version, by=nadia)
    assert (report.state, report.outdated_at) == ("signed", None)


def test_people_are_reminded_of_a_meeting_once_and_invited_by_one_uid(db, on, ana, report):
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=50)
    meeting.schedule(db, report, at=at, minutes=30, place="Room 2", by=ana)
    first = meeting.invitation(report, on.incident, meeting.invited(db, report), url="https://x/reviews/1", host="x")
    for _ in range(2):
        reminding.sweep(db)
    said = [line for line in lines(db, on.incident) if "is talked through at" in line]
    assert said == [f"reminded Jonas Weber that the post-incident report is talked through at {at:%H:%M} UTC{reminding.PAGE_ONLY}"]
    meeting.schedule(db, report, at=at + timedelta(days=1), minutes=30, by=ana)
    second = meeting.invitation(report, on.incident, [], url="https://x/reviews/1", host="x")
    events = [Calendar.from_ical(text).walk("VEVENT")[0] for text in (first, second)]
    assert events[0]["uid"] == events[1]["uid"]
    assert [int(event["sequence"]) for event in events] == [1, 2]
    assert events[0]["attendee"].params["CN"] == "Jonas Weber"
    assert report.reminded_at is None
