import pytest

from app.checklists import actions, queries
from tests.factories import make_incident, make_person, make_service
from tests.incidents.conftest import at_once  # noqa: F401 - a fixture


@pytest.fixture
def ana(db):
    return make_person(db, "Ana Ruiz")


@pytest.fixture
def bo(db):
    return make_person(db, "Bo Lind")


@pytest.fixture
def service(db):
    return make_service(db, "login")


@pytest.fixture
def incident(db, ana, service):
    """An incident with its lists, committed."""
    made = make_incident(db, service, by=ana)
    actions.attach(db, made, by=ana)
    db.commit()
    return made


@pytest.fixture
def item(db, incident):
    """`item("No data corruption")`: the item of that text, on the first list that has it, as it is now."""

    def find(text):
        lists = queries.of_incident(db, incident)
        return next(one for found in lists for one in found.items if one.text == text)

    return find
