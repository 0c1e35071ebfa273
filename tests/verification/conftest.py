from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.catalog.models import AllowedAddress
from app.core.database import transaction
from app.incidents.models import Incident
from app.verification import actions, rounds
from app.verification.models import Verification, WatchedCheck
from tests.factories import make_check, make_person, make_service
from tests.site import Site

BEGAN = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)


@pytest.fixture
def site():
    one = Site()
    yield one
    one.close()


class Watch:
    """A verification of a service with a health check at `site`, moved through time by hand."""

    def __init__(self, site):
        self.site = site
        site.answers["/health"] = (200, "ok")
        with transaction() as session:
            self.ana = make_person(session)
            self.service = make_service(session, "login")
            session.add(AllowedAddress(host="127.0.0.1", port=site.port, allowed_by="Ana"))
            self.health = make_check(session, self.service, url=f"{site.url}/health", timeout_s=1, consecutive=1)

    def check(self, name="Health", **facts):
        config = {"url": f"{self.site.url}/health", "timeout_s": 1, "consecutive": 1} | facts.pop("config", {})
        return {"check_id": self.health.id, "name": name, "kind": "health", "config": config, "required": True} | facts

    def contract(self, *checks, soak_s=60, deadline_s=600, every_s=10):
        return {"soak_s": soak_s, "deadline_s": deadline_s, "every_s": every_s, "checks": list(checks) or [self.check()]}

    def start(self, contract=None, *, incident=None, began=BEGAN, **facts):
        with transaction() as session:
            facts["incident"] = session.get(Incident, incident.id) if incident else None
            made = actions.start(session, service=self.service, contract=contract or self.contract(), by=self.ana, **facts)
            made.began_at, made.next_round_at = began, began
            made.deadline_at = began + timedelta(seconds=made.contract["deadline_s"])
            self.id = made.id
        return self

    def at(self, *seconds):
        """One round at each of these moments after the beginning; the verification as it is then."""
        for second in seconds:
            rounds.advance(self.id, at=BEGAN + timedelta(seconds=second))
        return self.now()

    def now(self):
        with transaction() as session:
            return session.get_one(Verification, self.id)

    def checks(self):
        with transaction() as session:
            rows = select(WatchedCheck).where(WatchedCheck.verification_id == self.id).order_by(WatchedCheck.position)
            return list(session.scalars(rows))


@pytest.fixture
def watch(console, site):
    return Watch(site)
