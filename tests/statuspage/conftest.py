"""A status page with components, as the tests of the package need it."""

import pytest

from app.core.settings import settings
from app.incidents.states import Severity
from app.statuspage import pages, publishing
from tests import factories


@pytest.fixture(autouse=True)
def _console(console):
    """The verbs ring, and the files go below the folder of the test."""


@pytest.fixture
def ana(db):
    return factories.make_person(db)


@pytest.fixture
def page(db, ana):
    made = pages.create(db, name="Oakline status", slug="oakline", support="support at support.oakline.example", by=ana)
    db.flush()
    return made


@pytest.fixture
def login(db):
    return factories.make_service(db, "login")


@pytest.fixture
def sign_in(db, page, login, ana):
    """The component Sign-in, mapped from the service login."""
    return pages.add_component(db, page, name="Sign-in", service_id=login.id, by=ana)


@pytest.fixture
def checkout(db, page, ana):
    return pages.add_component(db, page, name="Checkout and payment", by=ana)


@pytest.fixture
def incident(db, login, ana):
    return factories.make_incident(db, login, by=ana, title="login v1.2.4 crashes on pod login-7f9", severity=Severity.CRITICAL)


@pytest.fixture
def written(db):
    """Commit, carry what is due, and read a file of the public folder: `written("oakline", "index.html")`."""

    def run(slug, name="index.html"):
        db.commit()
        for page_id in publishing.due():
            publishing.carry(page_id)
        return (settings().state_dir / "status" / slug / name).read_text()

    return run
