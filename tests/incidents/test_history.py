import time
from datetime import timedelta

import pytest
from sqlalchemy import insert

from app.core.clock import now
from app.core.errors import Conflict, NotFound
from app.incidents import history, timeline
from app.incidents.models import Incident, TimelineEntry
from tests.factories import make_incident


def fill(db, incident, count, **facts):
    began = now() - timedelta(hours=1)
    rows = [
        {
            "incident_id": incident.id,
            "at": began + timedelta(milliseconds=n),
            "kind": "note",
            "actor_name": "Ana",
            "body": f"line {n}",
            "refs": {},
        }
        | facts
        for n in range(count)
    ]
    db.execute(insert(TimelineEntry), rows)
    db.flush()


def bodies(page):
    return [entry.body for entry in page.entries]


def test_pages_by_key_lead_down_and_up_again_without_gap(db, incident):
    fill(db, incident, 24)
    first = history.page(db, incident, limit=10)
    second = history.page(db, incident, before=first.older, limit=10)
    last = history.page(db, incident, before=second.older, limit=10)
    assert len({entry.id for page in (first, second, last) for entry in page.entries}) == 25
    assert (first.newer, last.older) == (None, None)
    up = history.page(db, incident, after=last.newer, limit=10)
    assert bodies(up) == bodies(second)
    assert bodies(history.page(db, incident, after=up.newer, limit=10)) == bodies(first)


def test_a_deep_link_opens_the_page_that_holds_the_line(db, ana, incident):
    fill(db, incident, 300)
    wanted = next(entry for entry in history.page(db, incident, limit=400).entries if entry.body == "line 7")
    page = history.page_around(db, incident, wanted.id, limit=20)
    assert "line 7" in bodies(page)
    assert len(page.entries) <= 20
    assert page.newer
    with pytest.raises(NotFound):
        history.page_around(db, make_incident(db, by=ana), wanted.id)


def test_a_deep_link_to_an_edited_note_finds_the_version_that_stands(db, ana, incident):
    first = timeline.note(db, incident, body="Two", by=ana)
    second = timeline.edit(db, first, body="Three", by=ana)
    third = timeline.edit(db, second, body="Four", by=ana)
    assert bodies(history.page_around(db, incident, first.id))[0] == "Four"
    assert [one.body for one in history.versions(db, [third])[third.id]] == ["Three", "Two"]


def test_two_edits_at_once_leave_one_and_a_conflict_that_leads_to_it(db, ana, incident, at_once):
    first = timeline.note(db, incident, body="One", by=ana)
    db.commit()
    answers = at_once(*[lambda s, b=b: timeline.edit(s, s.get(TimelineEntry, first.id), body=b, by=ana).body for b in ("Left", "Right")])
    lost = [answer for answer in answers if isinstance(answer, Conflict)]
    assert len(lost) == 1
    assert "#entry-" in lost[0].link


def test_the_same_note_sent_twice_at_once_is_one_line(db, ana, incident, at_once):
    db.commit()
    answers = at_once(
        *[lambda s: timeline.note(s, s.get(Incident, incident.id), body="Seen", by=ana, form_nonce="same").id for _ in range(4)]
    )
    assert len(set(answers)) == 1
    assert bodies(history.page(db, incident)).count("Seen") == 1


def test_filters_narrow_by_kind_by_hand_and_by_person(db, ana, bo, incident):
    timeline.note(db, incident, body="Ana's", by=ana)
    timeline.note(db, incident, body="Bo's", by=bo)
    timeline.record(db, incident, "Seen by the engine", kind="run", by=ana, is_system=True)
    assert bodies(history.page(db, incident, only=history.Filter(person_id=bo.id))) == ["Bo's"]
    assert bodies(history.page(db, incident, only=history.Filter(kinds=frozenset({"note"})))) == ["Bo's", "Ana's"]
    assert bodies(history.page(db, incident, only=history.Filter(who="system"))) == ["Seen by the engine"]
    assert history.writers(db, incident) == [(ana.id, "Ana Ruiz"), (bo.id, "Bo Lind")]


def test_system_lines_in_a_row_fold_and_a_single_one_does_not(db, ana, incident):
    for n in range(3):
        timeline.record(db, incident, f"tick {n}", kind="system", by=ana, is_system=True)
    timeline.note(db, incident, body="Seen", by=ana)
    timeline.record(db, incident, "alone", kind="system", by=ana, is_system=True)
    lines = list(history.fold(history.page(db, incident).entries))
    assert [one.body if isinstance(one, TimelineEntry) else len(one.entries) for one in lines] == [
        "alone",
        "Seen",
        3,
        "declared the incident: Log-in fails for some users",
    ]


def test_ten_thousand_lines_page_as_fast_as_a_hundred(postgres, database, db, ana, incident):
    small = make_incident(db, by=ana)
    fill(db, small, 100)
    fill(db, incident, 10_000)
    db.commit()
    with postgres.connect(database=database) as owner:
        owner.execute("ANALYZE timeline_entries")  # as autovacuum does after a minute

    def quickest(one):
        times = []
        for _ in range(15):
            db.expunge_all()
            began = time.perf_counter()
            history.page(db, one, limit=50)
            times.append(time.perf_counter() - began)
        return min(times)

    quickest(small), quickest(incident)
    assert quickest(incident) < 2.5 * quickest(small)
