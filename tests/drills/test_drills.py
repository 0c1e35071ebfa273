from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.core.clock import now
from app.core.errors import Conflict, Invalid, Refused
from app.core.settings import settings
from app.decisions import queries as decisions
from app.decisions.models import Decision
from app.drills import actions, following, practice, queries, scoring, scripts
from app.drills.models import ScriptVersion
from app.incidents import actions as incidents
from app.incidents import facts
from app.incidents.models import Incident
from app.incidents.states import State
from app.notifications.models import Delivery, Notice
from app.statuspage.models import PublicIncident
from tests import factories
from tests.drills.conftest import SIGNAL, go_on, lines, seen
from tests.factories import make_person, make_service, make_target


def test_a_drill_gives_the_signal_and_declares_nothing(db, scene, start):
    drill = start()
    assert (drill.signal, drill.incident_id, drill.facilitator, drill.version) == (SIGNAL, None, "Ana Ruiz", 1)
    assert [(one.minute, one.state) for one in drill.injects] == [(3, "waiting"), (8, "waiting"), (15, "waiting")]
    assert db.scalar(select(func.count()).select_from(Incident)) == 0
    assert start("n1").id == drill.id, "the same form sent twice"


def test_one_drill_a_service_at_a_time(start):
    start("n1")
    with pytest.raises(Refused, match="Ana Ruiz leads “Log-in fails” on Login"):
        start("n2")


def test_production_is_refused_until_somebody_says_that_they_know(db, scene, start):
    production = make_target(db, scene.service)
    with pytest.raises(Refused, match="production is not there to practise on") as refused:
        start(target=production)
    assert refused.value.field == "accepts_production"
    assert start(target=production, accepts_production=True).accepts_production


def test_the_demo_names_its_production_as_a_place_to_practise(db, scene, start, monkeypatch):
    monkeypatch.setenv("LASTGOOD_DRILL_ENVIRONMENTS", "production, staging")
    settings.cache_clear()
    assert not start(target=make_target(db, scene.service)).accepts_production


def test_the_incident_that_is_declared_as_a_drill_is_taken_and_learns_what_was_told_before(db, scene, start, declared):
    drill = start()
    go_on(db, drill, 4)
    following.sweep(db)
    incident = declared()
    assert seen(db, drill).incident_id == incident.id
    told = lines(db, incident)
    assert [line.refs.get("injected") for line in told] == [None, 1]
    assert told[1].body == "tells for the drill: Support counts 14 calls."
    assert told[1].at == seen(db, drill).injects[0].done_at
    assert queries.of_incident(db, incident).id == drill.id


def test_a_real_incident_is_not_taken_until_it_is_marked(db, scene, start, declared):
    drill = start()
    incident = declared(is_drill=False)
    following.sweep(db)
    assert seen(db, drill).incident_id is None
    facts.change(db, incident, is_drill=True, by=scene.ben)
    following.sweep(db)
    assert seen(db, drill).incident_id == incident.id


def test_an_incident_from_before_the_signal_or_of_another_service_is_not_taken(db, scene, start, declared):
    before = declared("i0")
    drill = start()
    declared("i2", service_ids=(make_service(db, "pay").id,))
    db.execute(update(Incident).where(Incident.id == before.id).values(declared_at=now() - timedelta(hours=1)))
    following.sweep(db)
    assert seen(db, drill).incident_id is None


def test_facts_are_told_when_their_minute_comes_and_once(db, scene, start, declared):
    drill, incident = start(), declared()
    following.sweep(db)
    assert [one.state for one in seen(db, drill).injects] == ["waiting"] * 3
    go_on(db, drill, 9)
    following.sweep(db)
    following.sweep(db)
    assert [one.state for one in seen(db, drill).injects] == ["injected", "injected", "waiting"]
    assert [line.refs["injected"] for line in lines(db, incident) if "injected" in line.refs] == [1, 2]
    assert lines(db, incident)[-1].actor_name == "Ana Ruiz"


def test_the_facilitator_tells_early_skips_and_ends(db, scene, start, declared):
    drill, incident = start(), declared()
    actions.inject(db, drill, drill.injects[1], by=scene.ana)
    actions.skip(db, drill, drill.injects[0], by=scene.ana)
    actions.skip(db, drill, drill.injects[1], by=scene.ana)
    assert [one.state for one in seen(db, drill).injects] == ["skipped", "injected", "waiting"]
    actions.end(db, drill, reason="We saw enough", by=scene.ana)
    actions.end(db, drill, by=scene.ana)
    assert [one.state for one in seen(db, drill).injects] == ["skipped", "injected", "skipped"]
    assert (drill.ended_by, drill.end_reason, incident.state) == ("Ana Ruiz", "We saw enough", "detected")
    with pytest.raises(Refused, match="over"):
        actions.inject(db, drill, drill.injects[0], by=scene.ana)


def test_only_who_leads_it_tells_and_leading_is_taken_over_loudly(db, scene, start, declared):
    drill, incident, cara = start(), declared(), make_person(db, "Cara Lund")
    with pytest.raises(Refused, match="Ana Ruiz leads this drill"):
        actions.end(db, drill, by=cara)
    actions.take_over(db, drill, by=cara)
    assert lines(db, incident)[-1].body == "leads the drill from here on, after Ana Ruiz"
    actions.end(db, drill, by=cara)


def test_a_drill_ends_with_its_incident_or_when_it_is_forgotten(db, scene, start, declared):
    drill, incident = start(), declared()
    incidents.move(db, incident, State.RESOLVED, by=scene.ana)
    following.sweep(db)
    assert seen(db, drill).end_reason == f"{incident.ref} is resolved"
    other = start("n2")
    go_on(db, other, 25 * 60)
    following.sweep(db)
    assert seen(db, other).end_reason == "nobody ended it for a day"


def test_a_drill_pages_nobody_and_drafts_nothing_for_the_public(db, scene, start, declared):
    start()
    incident = declared(severity="critical")
    assert db.scalar(select(func.count()).select_from(Delivery)) == 0
    assert {one.audience for one in db.scalars(select(Notice).where(Notice.incident_id == incident.id))} <= {"inside"}
    assert db.scalar(select(func.count()).select_from(PublicIncident)) == 0


def test_the_score_counts_from_the_signal_and_from_the_declaration(db, scene, start, declared):
    drill = start()
    assert scoring.of(db, drill) == scoring.Score()
    go_on(db, drill, 4)
    incident = declared()
    drill = seen(db, drill)
    assert 240 <= scoring.of(db, drill).declare < 300
    assessment = decisions.assessment(db, incident)
    db.add(
        Decision(
            incident_id=incident.id,
            assessment_id=assessment.id,
            choice="rollback",
            by_name="Ben",
            decided_at=incident.declared_at + timedelta(minutes=5),
        )
    )
    incidents.move(db, incident, State.RESOLVED, by=scene.ana)
    score = scoring.of(db, drill)
    assert score.decide == 300
    assert score.recover is not None
    assert score.items is not None


@pytest.mark.parametrize(
    ("sent", "late", "counted"),
    [
        ([], [], None),
        ([5], [], (1, 1)),
        ([6, 12], [5], (1, 2)),
        ([4], [9], (1, 2)),
        ([], [5, 10], (0, 2)),
        ([20], [5, 10], (0, 2)),
    ],
)
def test_an_update_is_in_time_where_no_promise_passed_before_it(sent, late, counted):
    begin = now()

    def at(minutes):
        return [begin + timedelta(minutes=one) for one in minutes]

    assert scoring.in_time(at(sent), at(late)) == counted


def test_a_service_is_stale_when_it_was_not_practised_for_long(db, scene, start, declared):
    old = now() - timedelta(days=100)
    scene.service.created_at = old
    make_service(db, "docs").created_at = old  # there is nothing to recover
    make_target(db, make_service(db, "young"))
    db.flush()
    assert [one.service.slug for one in practice.stale(db, reach=scene.ana.reach())] == ["login"]
    start()
    incidents.move(db, declared(), State.RESOLVED, by=scene.ana)
    assert practice.stale(db, reach=scene.ana.reach()) == []
    practised = practice.of(db, [scene.service])[0]
    assert practised.at is not None
    assert practised.ways == {}


def test_a_cancelled_drill_is_no_practice(db, scene, start, declared):
    start()
    incidents.move(db, declared(), State.CANCELLED, reason="No time", by=scene.ana)
    assert practice.of(db, [scene.service])[0].at is None


def test_a_script_is_written_in_versions_and_a_drill_keeps_its_own(db, scene, start):
    drill = start()
    draft = scripts.Draft("Log-in fails", "Nothing at all.", [scripts.Fact(1, "x")])
    assert scripts.change(db, scene.script, draft, seen=1, by=scene.ana).number == 2
    assert scripts.change(db, scene.script, draft, seen=2, by=scene.ana).number == 2, "the same again"
    with pytest.raises(Conflict, match="saved version 2"):
        scripts.change(db, scene.script, draft, seen=1, by=scene.ana)
    assert (seen(db, drill).signal, len(seen(db, drill).injects)) == (SIGNAL, 3)
    assert db.scalar(select(func.count()).select_from(ScriptVersion).where(ScriptVersion.script_id == scene.script.id)) == 2


def test_a_wrong_script_names_every_wrong_field(db, scene):
    with pytest.raises(Invalid) as refused:
        scripts.make(db, scripts.Draft("", "", [scripts.Fact(-1, "x"), scripts.Fact(3, "")]), by=scene.ana)
    assert set(refused.value.problems) == {"name", "signal", "fact-1", "fact-2"}


def test_a_script_for_all_services_is_written_by_people_of_all(db, scene):
    local = make_person(db, "Lea Roth", "commander", service=scene.service)
    with pytest.raises(Refused, match="beyond those"):
        scripts.make(db, scripts.Draft("A", "B", []), by=local)
    own = scripts.make(db, scripts.Draft("A", "B", [], service_id=scene.service.id), by=local)
    assert own.id in [script.id for script, _ in queries.scripts_for(db, scene.service.id)]
    assert own.id not in [script.id for script, _ in queries.scripts_for(db, factories.make_service(db).id)]
