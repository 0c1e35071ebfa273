import pytest

from app.core.database import transaction
from tests.web import gallery


@pytest.mark.parametrize("name", gallery.MAKERS)
def test_every_state_of_a_plan_and_a_run_is_drawn(client, sign_in, name):
    with transaction() as session:
        scene = gallery.make(session, name)
    sign_in(client, scene.viewer)
    page = client.get(scene.address)
    assert page.status_code == 200
    assert "<h1>" in page.text
