from datetime import timedelta

import pytest
from sqlalchemy import update

from app.accounts.policy import Role
from app.core.clock import now
from app.decisions import actions as decisions
from app.decisions.models import Decision
from app.incidents.models import Incident
from app.insights import figures
from tests.factories import make_incident, make_person, make_service


@pytest.fixture
def ana(console, db):
    return make_person(db)


@pytest.fixture
def ended(db, ana):
    """`ended(minutes)`: an incident that took so long, and was decided after `decided` minutes."""

    def run(minutes, *, severity="high", decided=None, days=1, services=(), **facts):
        incident = make_incident(db, *services, by=ana, severity=severity, **facts)
        at = now() - timedelta(days=days)
        values = {"declared_at": at, "resolved_at": at + timedelta(minutes=minutes), "state": "resolved"}
        db.execute(update(Incident).where(Incident.id == incident.id).values(values))
        db.refresh(incident)
        if decided is not None:
            assessment = decisions.begin(db, incident, by=ana)
            facts = {"incident_id": incident.id, "assessment_id": assessment.id, "choice": "rollback", "by_name": "Ana"}
            db.add(Decision(**facts, decided_at=at + timedelta(minutes=decided)))
            db.flush()
        return incident

    return run


def of(db, ana, severity="", **more):
    return next(line for line in figures.lines(db, reach=ana.reach(), **more) if line.severity == severity)


def test_times_are_a_mean_and_a_median_by_severity_and_for_all(db, ana, ended):
    for minutes in (10, 20, 60):
        ended(minutes, decided=minutes / 10)
    ended(30, severity="critical")
    high, every = of(db, ana, "high"), of(db, ana)
    assert (high.count, high.resolve.mean, high.resolve.median) == (3, 1800, 1200)
    assert (high.decide.count, high.decide.median) == (3, 120)
    assert (every.count, every.resolve.count, every.decide.count) == (4, 4, 3)
    assert [line.severity for line in figures.lines(db, reach=ana.reach())] == ["critical", "high", "medium", "low", ""]


def test_drills_duplicates_and_cancelled_ones_do_not_count(db, ana, ended):
    ended(10, is_drill=True)
    gone = ended(10)
    db.execute(update(Incident).where(Incident.id == gone.id).values(state="cancelled"))
    assert of(db, ana).count == 0


def test_an_open_incident_counts_and_has_no_time_yet(db, ana):
    make_incident(db, by=ana)
    line = of(db, ana, "high")
    assert (line.count, line.open, line.resolve) == (1, 1, figures.Span())


def test_only_the_stretch_is_counted_and_the_one_before_can_be_asked_for(db, ana, ended):
    ended(10, days=100)
    assert of(db, ana).count == 0
    assert of(db, ana, skip=90).count == 1


def test_a_time_before_its_beginning_is_left_out(db, ana, ended):
    ended(10, decided=-5)
    assert of(db, ana).decide == figures.Span()


def test_a_reader_of_one_service_gets_the_figures_of_that_service(db, ana, ended):
    login, pay = make_service(db), make_service(db)
    ended(10, services=(login,))
    ended(50, services=(pay,))
    local = make_person(db, "Lea Roth", Role.VIEWER, service=login)
    assert of(db, local).resolve.mean == 600
