"""A service with a target to practise on, a script, and people: Ana leads the drill, Ben does not know what comes."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.accounts.policy import SYSTEM, Person, Role
from app.catalog.models import Service, Target
from app.drills import actions, queries, scripts
from app.drills.models import Drill, DrillScript, Inject
from app.incidents.models import TimelineEntry
from app.response.declare import declare
from tests import factories

SIGNAL = "Monitoring: the error rate of login rises."
FACTS = [scripts.Fact(3, "Support counts 14 calls."), scripts.Fact(8, "One in four users is affected."), scripts.Fact(15, "It spreads.")]


@dataclass
class Scene:
    service: Service
    target: Target
    script: DrillScript
    ana: Person
    ben: Person


@pytest.fixture
def scene(console, db):
    ana, ben = factories.make_person(db, "Ana Ruiz"), factories.make_person(db, "Ben Okafor", Role.RESPONDER)
    service = factories.make_service(db, "login", name="Login")
    target = factories.make_target(db, service, environment="staging")
    script = scripts.make(db, scripts.Draft("Log-in fails", SIGNAL, FACTS), by=ana)
    return Scene(service, target, script, ana, ben)


@pytest.fixture
def start(db, scene):
    """`start()`: Ana gives the signal."""

    def run(nonce="n1", **more):
        facts = {"target": scene.target, "by": scene.ana, "form_nonce": nonce} | more
        return seen(db, actions.start(db, scene.script, scene.service, **facts))

    return run


@pytest.fixture
def declared(db, scene):
    """`declared()`: Ben notices and declares."""

    def run(nonce="i1", **more):
        facts = {"title": "Log-in fails", "is_drill": True, "service_ids": (scene.service.id,), "by": scene.ben} | more
        return declare(db, form_nonce=nonce, **facts)

    return run


def seen(db, drill):
    return queries.get(db, drill.id, reach=SYSTEM.reach())


def go_on(db, drill, minutes):
    """Let the signal have been given so many minutes earlier."""
    gone = timedelta(minutes=minutes)
    db.execute(update(Drill).where(Drill.id == drill.id).values(started_at=Drill.started_at - gone))
    db.execute(update(Inject).where(Inject.drill_id == drill.id).values(due_at=Inject.due_at - gone))
    db.expire_all()


def lines(db, incident):
    return list(db.scalars(select(TimelineEntry).where(TimelineEntry.incident_id == incident.id, TimelineEntry.kind == "drill")))
