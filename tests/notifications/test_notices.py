import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.accounts.policy import Role
from app.core.clock import now
from app.core.database import transaction
from app.core.errors import Conflict, Forbidden, Invalid, Refused
from app.core.paths import TEMPLATES
from app.incidents import actions as incidents
from app.incidents import facts
from app.incidents.models import Incident, TimelineEntry
from app.incidents.states import Severity, State
from app.notifications import drafting, fields, notices, queries, recipients, render, templates
from app.notifications.kinds import Audience, Kind
from app.notifications.models import Delivery, Notice
from app.response import declare as declaring
from app.verification.models import Verification
from tests import factories

FIVE = timedelta(minutes=5)


@pytest.fixture
def ana(console, db):
    return factories.make_person(db, "Ana Ruiz")


@pytest.fixture
def service(db, console):
    return factories.make_service(db, "login", name="Log-in")


def declare(db, ana, *services, **told):
    facts = {"title": "Nobody can sign in", "severity": Severity.CRITICAL} | told
    ids = tuple(service.id for service in services)
    return declaring.declare(db, form_nonce=f"n-{now()}", service_ids=ids, by=ana, **facts)


def draft(db, incident, kind=Kind.ALERT, audience=Audience.INSIDE):
    return next(one for one in queries.drafts(db, incident) if (one.kind, one.audience) == (kind, audience))


def send(db, notice, incident, by, **other):
    return notices.send(db, notice, incident, **{"seen": notice.version, "seen_last": None, "next_in": FIVE, "by": by, **other})


def somebody_listens(db, audience="team", **facts):
    return factories.make_recipient(db, factories.make_channel(db, "webhook", url="https://x", secret="s"), audience, **facts)


def test_declaring_prepares_an_alert_that_waits_for_a_person(db, ana, service):
    somebody_listens(db)
    incident = declare(db, ana, service)
    notice = draft(db, incident)
    assert (notice.cause, notice.prepared_by, notice.state) == ("declared", "Lastgood", "draft")
    assert db.scalars(select(Delivery)).all() == []
    shown = notices.preview(db, notice, incident, next_at=incident.declared_at + FIVE)
    assert shown.subject == f"[CRITICAL] Nobody can sign in ({incident.ref})"
    for line in ("Status: being assessed", "Severity: critical", "Services: Log-in", "Impact: not known yet", "ETA: not known yet"):
        assert line in shown.text
    assert "then every 5 minutes" in shown.text
    assert "Ana Ruiz declared the incident" in shown.text
    assert [field.name for field in shown.missing] == ["impact", "action", "eta", "commander"]
    drafting.declared(db, incident, by=ana)
    assert len([one for one in queries.drafts(db, incident) if one.kind == "alert"]) == 1


def test_what_a_person_tells_is_in_what_goes_out_and_stays_as_it_was(db, ana, service):
    somebody_listens(db)
    incident = declare(db, ana, service)
    notice = draft(db, incident)
    told = {"impact": "Nobody gets in", "eta": "15:00 UTC", "action": "Rolling back", "unheard": "x"}
    notices.edit(db, notice, incident, subject=notice.subject, body=notice.body, told=told, seen=1, by=ana)
    assert notice.told == {"impact": "Nobody gets in", "eta": "15:00 UTC", "action": "Rolling back"}
    assert send(db, notice, incident, ana) == 1
    facts.change(db, incident, title="Another title", by=ana)
    assert "Impact: Nobody gets in" in notice.sent_text
    assert notices.preview(db, notice, incident, next_at=None).subject == f"[CRITICAL] Nobody can sign in ({incident.ref})"
    [delivery] = queries.deliveries(db, notice)
    assert (delivery.state, delivery.message["type"], delivery.message["text"]) == ("queued", "notice.alert", notice.sent_text)
    line = db.scalars(select(TimelineEntry).where(TimelineEntry.kind == "notice")).one()
    assert line.body == "sent the incident alert for everyone inside to 1 receiver"
    assert queries.last_update(db, incident) is notice


def test_a_value_cannot_name_a_field_of_its_own(db, ana, service):
    somebody_listens(db)
    incident = declare(db, ana, service, title="{{ commander }} and {{ nothing }}")
    shown = notices.preview(db, draft(db, incident), incident, next_at=None)
    assert "{{ commander }} and {{ nothing }}" in shown.subject


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{{ severty }}", "There is no field “severty”. Did you mean severity?"),
        ("{{ next-update }}", "Did you mean next_update?"),
        ("{{ zzz }}", "The list beside the text names them all."),
        ("{{ title.__class__ }}", "There is no field “title.__class__”."),
        ("{{ title }", "A field is not closed"),
        ("{% for x in y %}{{ x }}{% endfor %}", "There is no field “x”."),
    ],
)
def test_a_text_with_an_unknown_field_is_refused_with_the_near_one(text, sentence):
    with pytest.raises(Invalid) as refused:
        render.check("Subject", text, Audience.INSIDE, nothing="Nothing was saved")
    assert sentence in refused.value.problems["body"]


def test_people_outside_never_read_a_field_that_carries_internals(db, ana, service):
    with pytest.raises(Invalid, match="for people inside only"):
        render.check("S", "{{ timeline }}", Audience.CUSTOMERS, nothing="Nothing was saved")
    for template, words in templates.listed(db):
        assert not render.problem(words.subject + words.body, Audience(template.audience)), templates.named(template)
    incident = declare(db, ana, service)
    post = draft(db, incident, Kind.POST, Audience.PUBLIC)
    shown = notices.preview(db, post, incident, next_at=None)
    assert incident.title not in shown.subject + shown.text
    assert post.public_text == ""
    assert send(db, post, incident, ana) == 0
    assert post.public_text == post.sent_text


def test_the_alert_and_the_resolution_carry_what_the_procedure_asks_for(db, console):
    wanted = {
        "alert": {"status", "severity", "impact", "action", "eta", "timeline", "cadence"},
        "resolution": {"status", "resolution", "duration", "impact", "next_steps"},
    }
    for kind, names in wanted.items():
        words = templates.find(db, Kind(kind), Audience.INSIDE, "critical")
        assert names <= set(render.named(words.body))
    assert "We are sorry" in templates.find(db, Kind.RESOLUTION, Audience.INSIDE, "low").body


def test_of_two_people_who_send_at_once_one_wins_and_the_other_sees_it(console, db, ana, service):
    somebody_listens(db)
    bo = factories.make_person(db, "Bo Lind")
    incident = declare(db, ana, service)
    number = draft(db, incident).id
    db.commit()
    said, barrier = [], threading.Barrier(2)

    def press(by):
        try:
            with transaction() as session:
                notice, held = session.get_one(Notice, number), session.get_one(Incident, incident.id)
                barrier.wait()
                said.append(send(session, notice, held, by, seen=1))
        except Conflict as conflict:
            said.append(conflict)

    hands = [threading.Thread(target=press, args=(by,)) for by in (ana, bo)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    refused = next(one for one in said if isinstance(one, Conflict))
    assert 1 in said
    assert "sent this notice at" in refused.sentence
    assert refused.link == f"/notices/{number}"
    with transaction() as session:
        assert len(session.scalars(select(Delivery)).all()) == 1


def test_who_publishes_a_different_update_reads_the_other_one_first(db, ana, service):
    somebody_listens(db)
    incident = declare(db, ana, service)
    mine, other = (drafting.make(db, incident, Kind.UPDATE, Audience.INSIDE, by=ana) for _ in range(2))
    send(db, other, incident, ana, seen_last=0)
    with pytest.raises(Conflict, match="after you opened this one"):
        send(db, mine, incident, ana, seen_last=0)
    assert send(db, mine, incident, ana, seen_last=other.id) == 1


def test_a_draft_that_somebody_changed_is_not_sent_unseen(db, ana, service):
    somebody_listens(db)
    incident = declare(db, ana, service)
    notice = draft(db, incident)
    notices.edit(db, notice, incident, subject="Other", body="Words", told={}, seen=1, by=ana)
    with pytest.raises(Conflict, match="changed this draft"):
        send(db, notice, incident, ana, seen=1)
    notices.discard(db, notice, incident, seen=2, by=ana)
    with pytest.raises(Conflict, match="discarded this draft"):
        send(db, notice, incident, ana)


def test_where_nobody_would_get_it_a_person_says_how_people_were_told(db, ana, service):
    incident = declare(db, ana, service)
    notice = draft(db, incident)
    with pytest.raises(Refused, match="Nobody would get it") as refused:
        send(db, notice, incident, ana)
    assert refused.value.field == "elsewhere"
    assert send(db, notice, incident, ana, elsewhere="On the bridge") == 0
    assert (notice.state, notice.reason) == ("sent", "On the bridge")
    viewer = factories.make_person(db, "Vi Ewer", Role.VIEWER)
    with pytest.raises(Forbidden):
        send(db, draft(db, incident, Kind.POST, Audience.PUBLIC), incident, viewer)


def test_everybody_is_told_once_and_who_is_not_concerned_is_skipped_with_the_reason(db, ana, service):
    setting = factories.make_channel(db, "mail")
    other = factories.make_service(db, "mail")
    for name, rules in {
        "everything": {},
        "critical only": {"least_severity": "critical"},
        "another service": {"service_id": other.id},
        "no drills": {"takes_drills": False},
        "executive": {"audience": "executives"},
        "customer": {"audience": "customers"},
    }.items():
        factories.make_recipient(db, setting, **{"name": name, "address": f"{name.replace(' ', '')}@example.org", **rules})
    incident = declare(db, ana, service, severity=Severity.HIGH, is_drill=True)
    copies = {copy.recipient: copy.skipped for copy in recipients.reached(db, incident, Audience.INSIDE)}
    assert copies == {
        "everything": "",
        "executive": "",
        "critical only": "critical only is told from severity critical on, and this incident is high.",
        "another service": "another service is told of another service only.",
        "no drills": "no drills gets nothing of drills.",
    }
    notice = draft(db, incident)
    assert send(db, notice, incident, ana) == 2
    [sent, *_] = [one for one in queries.deliveries(db, notice) if one.state == "queued"]
    assert sent.message["subject"].startswith("[DRILL] ")
    assert {one.audience for one in queries.drafts(db, incident)} <= {"inside", "executives"}


def test_events_prepare_updates_once_and_a_newer_one_takes_the_place_of_what_nobody_touched(db, ana, service):
    incident = declare(db, ana, service)
    for verdict in ("not", "recovered"):
        db.add(
            Verification(
                service_id=service.id,
                incident_id=incident.id,
                contract={},
                state="done",
                verdict=verdict,
                sentence=f"It is {verdict}.",
                ended_at=now(),
                deadline_at=now(),
            )
        )
        db.flush()
        for _ in range(2):
            drafting.sweep(db)
    updates = db.scalars(select(Notice).where(Notice.kind == "update").order_by(Notice.id)).all()
    assert [(one.state, one.reason) for one in updates] == [("discarded", drafting.OVERTAKEN), ("draft", "")]
    assert "Result: It is recovered." in notices.preview(db, updates[1], incident, next_at=None).text


def test_resolving_prepares_resolution_summary_and_an_apology_where_customers_are_told(db, ana, service):
    somebody_listens(db, "customers")
    incident = declare(db, ana, service)
    incidents.move(db, incident, State.RESOLVED, by=ana)
    for _ in range(2):
        drafting.sweep(db)
    prepared = {(one.kind, one.audience) for one in queries.drafts(db, incident) if one.cause.startswith("resolved")}
    wanted = {
        ("resolution", "inside"),
        ("resolution", "customers"),
        ("resolution", "public"),
        ("summary", "executives"),
        ("apology", "customers"),
    }
    assert prepared == wanted
    shown = notices.preview(db, draft(db, incident, Kind.RESOLUTION), incident, next_at=None)
    assert "Status: resolved" in shown.text


def test_templates_are_versioned_and_two_editors_see_each_other(db, ana):
    template, words = templates.listed(db)[0]
    newer = templates.edit(db, template, subject="S", body="{{ title }}", was=words.number, by=ana)
    assert (newer.number, templates.find(db, Kind(template.kind), Audience(template.audience), template.severity).id) == (2, newer.id)
    with pytest.raises(Conflict, match="saved version 2"):
        templates.edit(db, template, subject="S", body="x", was=1, by=ana)
    assert [one.body for one in templates.versions(db, template)] == ["{{ title }}", words.body]
    responder = factories.make_person(db, "Re Sponder", Role.RESPONDER)
    with pytest.raises(Forbidden):
        templates.edit(db, template, subject="S", body="x", was=2, by=responder)


def test_the_documented_list_of_fields_is_the_one_in_the_code():

    assert fields.reference() in (TEMPLATES.parent / "docs" / "notices.md").read_text()
