"""An incident on a service that went from v1.2.3 to v1.2.4, with readings as the runner would have taken them."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import update

from app.catalog.models import CheckReading, Release, Rollout, Service, Target
from app.core.clock import now
from app.incidents.models import Incident
from tests.factories import make_check, make_incident, make_person, make_release, make_service, make_target

ERRORS = {"url": "https://p.example.org", "measure": "error_ratio", "requests": "r", "errors": "e", "limit": 1.0}
LATENCY = {"url": "https://p.example.org", "measure": "latency", "latency": "l", "limit": 500.0}


@dataclass
class Scene:
    """`went_out` is when the bad release did."""

    service: Service
    target: Target
    good: Release
    bad: Release
    incident: Incident
    went_out: object
    checks: dict


@pytest.fixture
def ana(console, db):
    return make_person(db, "Ana Ruiz")


@pytest.fixture
def scene(db, ana):
    service = make_service(db, "login", name="Login")
    target = make_target(db, service, observed_at=now())
    good = make_release(db, target, "v1.2.3", standing="good", standing_by="checks", standing_reason="all its checks held for 10 min")
    bad = make_release(db, target, "v1.2.4")
    went_out = now() - timedelta(minutes=18)
    db.add(Rollout(target_id=target.id, release_id=good.id, began_at=went_out - timedelta(days=9), ended_at=went_out))
    db.flush()
    db.add(Rollout(target_id=target.id, release_id=bad.id, replaced_id=good.id, began_at=went_out))
    db.flush()
    incident = make_incident(db, service, by=ana)
    return Scene(service, target, good, bad, incident, went_out, {})


@pytest.fixture
def read(db, scene):
    """`read("error rate", ERRORS, 12.4)`: the newest reading of a check; `ago` puts it into the past."""

    def run(name, config, value, *, ago=0.0, outcome="", kind="metric", sentence=""):
        if name not in scene.checks:
            scene.checks[name] = make_check(db, scene.service, kind, name, **config)
        outcome = outcome or ("fail" if value is not None and value > config.get("limit", 0) else "pass")
        at = now() - timedelta(minutes=ago)
        reading = CheckReading(check_id=scene.checks[name].id, at=at, outcome=outcome, value=value, sentence=sentence or f"{value} now.")
        db.add(reading)
        db.flush()
        return reading

    return run


@pytest.fixture
def age(db, scene):
    """`age(minutes=10)`: let the incident have been declared earlier, as its row says."""

    def run(**ago):
        db.execute(update(Incident).where(Incident.id == scene.incident.id).values(declared_at=now() - timedelta(**ago)))
        db.refresh(scene.incident)

    return run
