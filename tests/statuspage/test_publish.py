import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.core.clock import now
from app.core.database import transaction
from app.core.errors import Conflict, Invalid, NotFound, Refused
from app.incidents.models import Incident, TimelineEntry
from app.statuspage import actions, picture, queries
from app.statuspage.felt import Felt
from app.statuspage.models import Impact, PublicIncident, StatusPage
from app.statuspage.states import Standing
from tests import factories


def post(db, page, incident, by, **more):
    facts = {
        "title": "Sign-in fails in the mobile app",
        "text": "Some sign-ins fail. We are looking for the cause.",
        "state": "investigating",
    }
    return actions.publish(db, page, incident, by=by, **facts | more)


def test_what_is_published_is_said_in_the_timeline_and_in_the_audit_log(db, page, incident, ana):
    post(db, page, incident, ana)
    assert "published on Oakline status, investigating" in db.scalars(select(TimelineEntry.body).order_by(TimelineEntry.id.desc())).first()
    assert db.scalars(select(AuditEntry.action).order_by(AuditEntry.seq.desc())).first() == "statuspage.publish"


def test_a_drill_is_never_published(db, page, login, ana):
    drill = factories.make_incident(db, login, by=ana, is_drill=True)
    with pytest.raises(Refused, match="drill"):
        post(db, page, drill, ana)
    with pytest.raises(Refused, match="drill"):
        actions.publish_review(db, page, incident_ref=drill.ref, title="Review", html="<p>x</p>", at=now(), by=ana)


def test_the_public_sees_neither_numbers_nor_titles_nor_people_of_the_console(db, page, sign_in, incident, ana, written):
    post(db, page, incident, ana, felt={sign_in.id: Felt(Standing.PARTIAL)})
    actions.publish(db, page, incident, text="Cause found.", state="identified", by=ana)
    for name in ("index.html", "history.html", "status.json", "feed.atom", f"incident-{queries.active(db, page)[0].ref}.html"):
        text = written("oakline", name)
        for secret in (incident.ref, incident.title, "login", "Ana", "v1.2.4"):
            assert secret not in text, f"{secret} in {name}"


def test_updates_stand_newest_first_with_the_next_one_promised(db, page, incident, ana, written):
    post(db, page, incident, ana)
    actions.publish(db, page, incident, text="We found the cause.", state="identified", next_at=now() + timedelta(minutes=15), by=ana)
    text = written("oakline")
    assert text.index("We found the cause.") < text.index("Some sign-ins fail.")
    assert "When do I look again?" in text
    assert "By " in text


def test_a_promise_that_was_not_kept_is_said_to_be_late(db, page, incident, ana):
    post(db, page, incident, ana, next_at=now() + timedelta(minutes=5))
    published = queries.active(db, page)[0]
    published.next_update_at = now() - timedelta(minutes=1)
    db.flush()
    drawn = picture.take(db, page)
    assert drawn.active[0].next_update_at < drawn.at


def test_whoever_had_not_seen_the_other_update_is_told_and_shown_it(db, page, incident, ana):
    bo = factories.make_person(db, "Bo Larsen")
    post(db, page, incident, ana, seen=0)
    actions.publish(db, page, incident, text="Bo says it is the cache.", state="identified", seen=1, by=bo)
    with pytest.raises(Conflict, match=r"Bo Larsen published another update .*Bo says it is the cache"):
        actions.publish(db, page, incident, text="Ana says it is the database.", state="identified", seen=1, by=ana)


def test_of_two_who_publish_at_the_same_moment_one_is_told(db, page, incident, ana):
    post(db, page, incident, ana)
    db.commit()
    told, gate = [], threading.Barrier(2)

    def publish(words):
        with transaction() as session:
            mine, ours = session.get_one(StatusPage, page.id), session.get_one(Incident, incident.id)
            gate.wait(5)
            try:
                actions.publish(session, mine, ours, text=words, state="identified", seen=1, by=ana)
            except Conflict as conflict:
                told.append(conflict.sentence)
                session.rollback()

    hands = [threading.Thread(target=publish, args=(words,)) for words in ("It is the cache.", "It is the database.")]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join(10)
    assert len(told) == 1
    db.expire_all()
    assert db.scalars(select(PublicIncident.updates)).one() == 2


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("text", {"text": " "}),
        ("text", {"text": "x" * 5001}),
        ("state", {"state": "fine"}),
        ("title", {"title": ""}),
        ("next_at", {"next_at": now() - timedelta(minutes=1)}),
        ("began_at", {"began_at": now() + timedelta(hours=1)}),
    ],
)
def test_what_cannot_be_published_is_named_field_by_field(db, page, incident, ana, field, wrong):
    with pytest.raises(Invalid) as refused:
        post(db, page, incident, ana, **wrong)
    assert set(refused.value.problems) == {field}


def test_what_is_felt_begins_with_the_disturbance_and_ends_with_it(db, page, sign_in, checkout, incident, ana):
    began = now() - timedelta(minutes=20)
    post(db, page, incident, ana, began_at=began, felt={sign_in.id: Felt(Standing.OUTAGE)})
    felt = {sign_in.id: Felt(Standing.PARTIAL), checkout.id: Felt(Standing.DEGRADED, "Slow in the EU")}
    actions.publish(db, page, incident, text="Better.", state="recovering", felt=felt, by=ana)
    actions.publish(db, page, incident, text="Over.", state="resolved", by=ana)
    rows = db.scalars(select(Impact).order_by(Impact.id)).all()
    assert [(row.component_id, row.standing, row.words) for row in rows] == [
        (sign_in.id, "outage", ""),
        (sign_in.id, "partial", ""),
        (checkout.id, "degraded", "Slow in the EU"),
    ]
    assert rows[0].began_at == began
    assert rows[0].ended_at == rows[1].began_at
    assert all(row.ended_at for row in rows)
    assert picture.take(db, page).standing is Standing.WORKING


def test_an_update_without_a_word_about_components_leaves_them_as_they_are(db, page, sign_in, incident, ana):
    post(db, page, incident, ana, felt={sign_in.id: Felt(Standing.OUTAGE)})
    actions.publish(db, page, incident, text="Still.", state="identified", by=ana)
    assert picture.take(db, page).parts[0].standing is Standing.OUTAGE


def test_what_is_taken_down_is_gone_from_every_file_and_from_the_bars(db, page, sign_in, incident, ana, written):
    post(db, page, incident, ana, felt={sign_in.id: Felt(Standing.OUTAGE)})
    assert "Sign-in fails" in written("oakline")
    actions.withdraw(db, page, queries.active(db, page)[0], reason="it was another company's", by=ana)
    for name in ("index.html", "history.html", "status.json", "feed.atom"):
        assert "Sign-in fails" not in written("oakline", name)
    assert 'class="bad"' not in written("oakline")
    post(db, page, incident, ana, title="Again, and on purpose")
    assert "Again, and on purpose" in written("oakline")


def test_a_correction_is_shown_as_one_and_the_old_words_stay_in_the_audit_log(db, page, incident, ana, written):
    update = post(db, page, incident, ana)
    actions.correct(db, page, update, text="Some sign-ins fail since 14:17.", by=ana)
    assert "Corrected" in written("oakline")
    entry = db.scalars(select(AuditEntry).where(AuditEntry.action == "statuspage.correct")).one()
    assert entry.detail["before"].startswith("Some sign-ins fail. We")


def test_a_review_is_published_cleaned_and_replaced_by_its_next_version(db, page, incident, ana, written):
    post(db, page, incident, ana)
    html = '<h2>What happened</h2><script>alert(1)</script><p onclick="x()">A release.</p>'
    review = actions.publish_review(db, page, incident_ref=incident.ref, title="Review of the sign-in trouble", html=html, at=now(), by=ana)
    text = written("oakline", f"review-{review.ref}.html")
    assert "<h2>What happened</h2>" in text
    assert "alert(1)" not in text
    assert "onclick" not in text
    again = actions.publish_review(
        db, page, incident_ref=incident.ref, title="Review, second version", html="<p>More.</p>", at=now(), by=ana
    )
    assert again.ref == review.ref
    assert "More." in written("oakline", f"review-{review.ref}.html")
    assert f"review-{review.ref}.html" in written("oakline", f"incident-{queries.active(db, page)[0].ref}.html")


def test_a_review_of_an_incident_that_is_not_there_is_not_found(db, page, ana):
    with pytest.raises(NotFound):
        actions.publish_review(db, page, incident_ref="INC-999999", title="x", html="", at=now(), by=ana)


def test_what_people_type_stays_text_on_every_page(db, page, sign_in, incident, ana, written):
    nasty = "<script>alert('x')</script> {{ 7*7 }} <img src=x onerror=alert(1)>"
    post(
        db,
        page,
        incident,
        ana,
        title=nasty[:80],
        text=nasty,
        must_act=nasty[:60],
        felt={sign_in.id: Felt(Standing.DEGRADED, "<b>slow</b>")},
    )
    ref = queries.active(db, page)[0].ref
    for name in ("index.html", "history.html", f"incident-{ref}.html"):
        text = written("oakline", name)
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "<b>slow" not in text
    assert "{{ 7*7 }}" in written("oakline")
