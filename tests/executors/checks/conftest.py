import pytest

from tests.site import Site


@pytest.fixture
def site():
    one = Site()
    yield one
    one.close()


@pytest.fixture
def ctx(site):
    return site.context()
