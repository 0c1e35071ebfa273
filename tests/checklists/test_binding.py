from datetime import timedelta

import pytest

from app.checklists import actions, binding, queries, sweeping, telling
from app.checklists.models import Checklist, ChecklistTemplate, Item, TemplateVersion
from app.core.clock import now
from app.incidents import actions as incidents
from app.incidents import facts
from app.incidents import queries as incident_queries
from app.incidents.states import State
from app.runs.models import Plan, Run
from app.verification.models import Verification, WatchedCheck
from tests.factories import make_check, make_incident, make_target

CONTRACT = {"soak_s": 60, "deadline_s": 120, "every_s": 2, "checks": []}


@pytest.fixture
def ran(db, incident, service, ana):
    """`ran("succeeded")`: a rollback of the incident that ended so."""
    target = make_target(db, service)

    def run(state, kind="rollback", **facts_):
        where = {"service_id": service.id, "target_id": target.id, "incident_id": incident.id}
        plan = Plan(kind=kind, request={}, made_by_id=ana.id, **where, **facts_)
        plan.state, plan.digest = "ready", "d"
        db.add(plan)
        db.flush()
        made = Run(
            plan_id=plan.id,
            plan_digest="d",
            incident_id=incident.id,
            service_id=service.id,
            state="queued",
            idempotency_key=f"k-{plan.id}",
            requested_by_id=ana.id,
        )
        db.add(made)
        db.flush()
        if state != "queued":
            made.state, made.started_at, made.lease_owner, made.lease_until = "running", now(), "w", now()
            db.flush()
            made.state, made.ended_at, made.lease_owner, made.lease_until = state, now(), None, None
            db.flush()
        return made

    return run


@pytest.fixture
def watched(db, incident, service):
    """`watched(health="pass")`: a verification of the incident whose checks stand so."""

    def run(verdict=None, **outcomes):
        facts_ = {"state": "done", "verdict": verdict, "ended_at": now()} if verdict else {}
        made = Verification(service_id=service.id, incident_id=incident.id, contract=CONTRACT, deadline_at=now(), **facts_)
        db.add(made)
        db.flush()
        for position, (kind, outcome) in enumerate(outcomes.items()):
            holding = now() - timedelta(minutes=1) if outcome == "pass" else None
            kind, config = ("metric", {"measure": kind}) if kind in {"error_ratio", "latency"} else (kind, {})
            where = {"verification_id": made.id, "position": position}
            db.add(WatchedCheck(**where, kind=kind, name=kind, config=config, required=True, outcome=outcome, holding_since=holding))
        db.flush()
        return made

    return run


def test_every_shipped_binding_is_known_and_every_known_one_can_be_asked(db, incident, item):
    shipped = {one.binding for found in queries.of_incident(db, incident) for one in found.items}
    assert shipped - {""} <= set(binding.BINDINGS)
    for known in binding.BINDINGS.values():
        known.resolve(db, incident)


def test_a_run_ticks_with_a_link_and_a_newer_one_that_is_under_way_opens_again(db, incident, item, ran):
    run = ran("succeeded")
    binding.settle(db, incident)
    one = item("Application rolled back")
    assert (one.state, one.marked_by, one.evidence, one.evidence_url) == (
        "ticked",
        "Lastgood",
        f"run {run.id} succeeded",
        f"/runs/{run.id}",
    )
    ran("queued")
    binding.settle(db, incident)
    assert item("Application rolled back").state == "open"


def test_a_run_that_was_taken_back_counts_no_more(db, incident, item, ran):
    ran("succeeded")
    ran("succeeded", kind="undo")
    binding.settle(db, incident)
    assert item("Application rolled back").state == "open"


def test_checks_tick_while_they_hold(db, incident, item, watched, service):
    for kind in ("health", "smoke"):
        make_check(db, service, kind, kind)
    verification = watched(health="pass", error_ratio="fail", latency="pass", smoke="pending")
    binding.settle(db, incident)
    assert item("Health checks passing").evidence_url == f"/verifications/{verification.id}"
    states = {text: item(text).state for text in ("Error rate normalised", "Performance acceptable", "Critical features working")}
    assert states == {"Error rate normalised": "open", "Performance acceptable": "ticked", "Critical features working": "open"}
    db.get_one(WatchedCheck, (verification.id, 0)).outcome = "fail"
    db.flush()
    binding.settle(db, incident)
    assert item("Health checks passing").state == "open"


def test_where_no_check_can_tell_people_tick_and_keep_their_word(db, incident, item, watched, ana):
    one = item("Critical features working")
    assert one.by_hand == "No check measures its critical features."
    actions.tick(db, one, by=ana)
    watched(smoke="fail")
    binding.settle(db, incident)
    assert item("Critical features working").state == "ticked"


def test_the_severity_is_confirmed_by_a_person_and_only_as_it_is_now(db, incident, item, ana):
    facts.confirm_severity(db, incident, seen="high", by=ana)
    binding.settle(db, incident)
    one = item("Severity confirmed")
    assert (one.state, one.evidence) == ("ticked", "Ana Ruiz confirmed the severity: high")
    assert one.evidence_url.startswith(f"/incidents/{incident.id}/timeline?entry=")
    incident.severity = "critical"
    db.flush()
    binding.settle(db, incident)
    assert item("Severity confirmed").state == "open"
    facts.change(db, incident, severity="low", by=ana)
    binding.settle(db, incident)
    assert item("Severity confirmed").state == "ticked"


def test_the_impact_counts_while_it_is_filled_in(db, incident, item, ana):
    facts.change(db, incident, affected_percent=30.0, by=ana)
    binding.settle(db, incident)
    assert item("Impact assessed").evidence == "30\u00a0% of users are affected"
    facts.change(db, incident, affected_percent=None, by=ana)
    binding.settle(db, incident)
    assert item("Impact assessed").state == "open"


def test_a_notice_ticks_what_waits_for_it_in_its_phase_and_opens_it_when_withdrawn(db, incident, item, ana):
    binding.happened(db, incident, "notice.sent", url="/notices/1", at=now() - timedelta(minutes=1))
    assert item("Team notified").evidence == "a notice went out"
    assert item("Updates communicated").state == "open"
    incidents.move(db, incident, State.RECOVERING, by=ana)
    binding.happened(db, incident, "notice.sent", url="/notices/2")
    assert item("Updates communicated").evidence_url == "/notices/2"
    assert item("Users notified").state == "open"
    binding.withdrawn(db, incident, "notice.sent", url="/notices/2")
    assert item("Updates communicated").state == "open"
    assert item("Team notified").evidence_url == "/notices/1"


def test_what_happened_before_a_list_came_counts_for_it(db, service, ana):
    incident = make_incident(db, service, by=ana)
    binding.happened(db, incident, "notice.sent", url="/notices/1")
    actions.attach(db, incident, by=ana)
    (assessment, *_) = queries.of_incident(db, incident)
    assert {one.text for one in assessment.items if one.state == "ticked"} == {"Team notified"}


def test_a_skipped_and_an_overruled_item_keep_the_persons_word(db, incident, item, ran, ana):
    actions.skip(db, item("Team notified"), reason="told by phone", by=ana)
    actions.overrule(db, item("Application rolled back"), ticked=False, reason="one node still serves v1.2.4", by=ana)
    ran("succeeded")
    binding.happened(db, incident, "notice.sent", url="/notices/1")
    assert (item("Team notified").state, item("Application rolled back").state) == ("skipped", "open")
    actions.lift(db, item("Application rolled back"), by=ana)
    actions.untick(db, item("Team notified"), by=ana)
    assert (item("Team notified").state, item("Application rolled back").state) == ("ticked", "ticked")


def test_a_recovered_service_is_verified(db, incident, item, watched):
    verification = watched("recovered", health="pass")
    binding.settle(db, incident)
    assert item("Service verified working").evidence == f"verification {verification.id} found it recovered"


def test_times_count_from_the_beginning_of_the_phase(db, incident, item, ana):
    one = item("Severity confirmed")
    began = incident_queries.phases(db, incident)[0].began_at
    assert one.due_at == began + timedelta(minutes=5)
    actions.set_due(db, one, at=None, by=ana)
    binding.settle(db, incident)
    assert item("Severity confirmed").due_at is None


def test_the_sweep_follows_what_changed_and_only_that(db, incident, item, ran, ana):
    assert db.scalars(sweeping.changed()).all() == []
    facts.change(db, incident, impact="Log-ins fail", by=ana)
    assert db.scalars(sweeping.changed()).all() == [incident]
    sweeping.sweep(db)
    assert item("Impact assessed").state == "ticked"
    assert db.scalars(sweeping.changed()).all() == []


def test_the_sweep_sees_a_plan_that_became_ready_though_no_line_says_so(db, incident, item, ran):
    run = ran("queued", resolved_at=now())
    sweeping.sweep(db)
    assert item("Rollback plan ready").evidence_url == f"/plans/{run.plan_id}"


def test_a_severity_that_rises_brings_its_lists(db, incident, ana):
    template = ChecklistTemplate(phase="before")
    db.add(template)
    db.flush()
    line = {"text": "Wake the CTO", "hint": "", "required": True, "binding": "", "due_s": None}
    about = {"name": "Critical only", "severities": ["critical"], "service_ids": [], "items": [line], "by_name": "Ana"}
    db.add(TemplateVersion(template_id=template.id, number=1, **about))
    db.flush()
    facts.change(db, incident, severity="critical", by=ana)
    sweeping.sweep(db)
    assert "Critical only" in [one.name for one in queries.of_incident(db, incident)]
    newest = incident_queries.newest_entries(db, incident)
    assert "added “Critical only”, now that the incident is critical" in [entry.body for entry in newest]


def test_ticks_are_told_in_one_line_a_person_and_a_list(db, incident, item, ana, bo):
    lines = len(incident_queries.newest_entries(db, incident))
    for text in ("Services restarted", "Cache cleared if needed"):
        actions.tick(db, item(text), by=ana)
    actions.untick(db, item("Services restarted"), by=ana)
    actions.tick(db, item("Services restarted"), by=bo)
    telling.tell(db)
    assert len(incident_queries.newest_entries(db, incident)) == lines, "others may follow: the line waits a moment"
    for _ in range(2):
        telling.tell(db, after=timedelta(0))
    told = [f"{one.actor_name} {one.body}" for one in incident_queries.newest_entries(db, incident)[:2]]
    assert sorted(told) == [
        "Ana Ruiz ticked Cache cleared if needed; took back Services restarted on “During the rollback”",
        "Bo Lind ticked Services restarted on “During the rollback”",
    ]
    assert len(incident_queries.newest_entries(db, incident)) == lines + 2


def test_what_the_machine_ticked_is_told_with_its_evidence(db, incident, ran):
    run = ran("succeeded")
    binding.settle(db, incident)
    telling.tell(db, after=timedelta(0))
    told = next(one for one in incident_queries.newest_entries(db, incident) if "During" in one.body)
    assert told.is_system
    assert f"ticked Application rolled back (run {run.id} succeeded)" in told.body


def test_what_stands_in_the_way_of_resolving_and_of_the_review(db, incident):
    texts = {one.text for one in queries.open_required(db, incident)}
    assert "Application rolled back" in texts
    assert "Database rolled back if needed" not in texts, "not required"
    assert "Post-mortem scheduled" not in texts, "the list After gates the review, not the resolution"
    late = {one.text for one in queries.open_required(db, incident, before=State.REVIEWED)}
    assert late - texts == {
        "Service verified working",
        "Metrics normalised",
        "Users notified",
        "Incident documented",
        "Post-mortem scheduled",
    }


def test_progress_counts_ticked_and_skipped(db, incident, item, ana):
    total = db.query(Item).join(Checklist).filter(Checklist.incident_id == incident.id).count()
    actions.tick(db, item("No data corruption"), by=ana)
    actions.skip(db, item("Cache cleared if needed"), reason="nothing is cached", by=ana)
    assert queries.progress(db, [incident]) == {incident.id: (2, total)}
