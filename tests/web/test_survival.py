from app.accounts.policy import Role
from app.catalog.actions import ContactFacts, set_contacts
from app.core.database import transaction
from app.response import survival
from tests import factories


def test_the_kit_is_a_page_that_says_how_old_its_files_are(client, sign_in, app):
    with transaction() as session:
        admin = factories.make_person(session, "Ida Berg", Role.ADMIN)
        login, shop = factories.make_service(session, "login"), factories.make_service(session, "shop")
        set_contacts(session, login, [ContactFacts(role="On-call", name="Ana Ruiz", phone="+49 30 5550")], by=admin)
        vic = factories.make_person(session, "Vic Moss", Role.VIEWER, service=login)
    sign_in(client, vic)
    shown = client.get("/survival-kit").text
    assert "Ana Ruiz" in shown
    assert shop.name not in shown
    assert "sees no files there" in shown
    survival.carry(0)
    assert str(survival.folder()) in client.get("/survival-kit").text
