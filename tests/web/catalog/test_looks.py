"""The pages of the catalog in a real browser: no violation of WCAG 2.2 AA, light and dark, desk and phone."""

import pytest

from tests.web.test_looks import DRESSES, barriers

pytestmark = pytest.mark.browser


@pytest.fixture
def scene(rows):
    ada, vera = rows["ada"], rows["vera"]
    return {
        "services": ("/services", ada),
        "service": ("/services/login", ada),
        "service-viewer": ("/services/login", vera),
        "service-git": ("/services/shop", ada),
        "service-empty": ("/services/search", ada),
        "release": (f"/releases/{rows['release'].id}", ada),
        "service-new": ("/services/new", ada),
        "service-edit": ("/services/login/edit", ada),
        "contacts": ("/services/login/contacts", ada),
        "links": ("/services/login/links", ada),
        "target-kinds": ("/services/search/targets/new", ada),
        "target-kubernetes": ("/services/search/targets/new?kind=kubernetes", ada),
        "target-git": (f"/targets/{rows['target'].id}/edit", ada),
        "check-kinds": ("/services/search/checks/new", ada),
        "check-health": ("/services/search/checks/new?kind=health", ada),
        "check-version": ("/services/search/checks/new?kind=version", ada),
        "check-smoke": ("/services/search/checks/new?kind=smoke", ada),
        "check-metric": ("/services/search/checks/new?kind=metric&source=prometheus", ada),
        "check-endpoint": ("/services/search/checks/new?kind=metric&source=endpoint", ada),
        "clusters": ("/clusters", ada),
        "cluster": (f"/clusters/{rows['prod'].id}", ada),
        "cluster-new": ("/clusters/new", ada),
    }


@pytest.mark.parametrize(("width", "theme"), DRESSES[:4])
def test_pages_have_no_barriers(scene, open_page, width, theme):
    found = {}
    for name, (path, person) in scene.items():
        page = open_page(path, person, width=width, theme=theme)
        found |= barriers(page, name, width, theme)
        page.context.close()  # one person may listen to so many pages only
    assert not found
