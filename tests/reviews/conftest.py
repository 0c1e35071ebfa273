import pytest

from app.reviews import actions
from app.reviews.models import Kind
from tests import factories
from tests.incidents.conftest import at_once as at_once
from tests.web import stages


@pytest.fixture
def on(db, console):
    """A service with a bad release and an incident about it."""
    return stages.stage(db, "login")


@pytest.fixture
def ana(on):
    return on.commander


@pytest.fixture
def nadia(db):
    return factories.make_person(db, "Nadia Haddad")


@pytest.fixture
def report(db, on, ana):
    return actions.begin(db, on.incident, Kind.REPORT, by=ana)
