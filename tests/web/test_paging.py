import re

import pytest
from sqlalchemy import select

from app.accounts.policy import Role
from app.catalog.actions import ContactFacts, set_company_contacts, set_contacts
from app.catalog.models import Contact
from app.core.database import transaction
from app.incidents.models import TimelineEntry
from app.notifications.alerting_models import ContactCall, ContactWay, PageAttempt, Paging
from app.notifications.models import Delivery
from app.response import declare
from tests import factories

ANA = ContactFacts(
    role="On-call engineer", name="Ana Ruiz", phone="+49 30 5550", email="ana@example.org", chat="https://chat.example.org/ana"
)
BO = ContactFacts(role="DevOps lead", name="Bo Lind", email="bo@example.org", chat="@bo")
CTO = ContactFacts(role="CTO", name="Noor Haddad", phone="+49 30 5551")


@pytest.fixture
def scene(app):
    """An incident of a service with two contacts, a company contact, a mail channel; Mei responds, Ida administers, Vic reads."""
    with transaction() as session:
        made = {
            "mei": factories.make_person(session, "Mei Tan", Role.RESPONDER),
            "admin": factories.make_person(session, "Ida Berg", Role.ADMIN),
            "vic": factories.make_person(session, "Vic Moss", Role.VIEWER),
            "mail": factories.make_channel(session, "mail", name="Ops mail"),
            "login": factories.make_service(session, "login"),
        }
        set_contacts(session, made["login"], [ANA, BO], by=made["admin"])
        set_company_contacts(session, [CTO], by=made["admin"])
        facts = {"service_ids": (made["login"].id,), "form_nonce": "n", "by": made["mei"]}
        made["incident"] = declare.declare(session, title="Log-in fails", **facts)
    return made


def link():
    with transaction() as session:
        text = session.scalars(select(Delivery.message).where(Delivery.about.startswith("page-"))).one()["text"]
    return "/answer/" + re.search(r"/answer/(\S+)", text)[1]


def lines():
    with transaction() as session:
        query = select(TimelineEntry.actor_name, TimelineEntry.body).where(TimelineEntry.kind == "page").order_by(TimelineEntry.id)
        return [f"{name} {body}" for name, body in session.execute(query)]


def test_one_tap_answers_a_page_without_a_sign_in_and_looking_at_the_link_does_not(client, scene):
    way = link()
    shown = client.get(way)
    assert "I take it, Ana Ruiz" in shown.text
    assert "Log-in fails" in shown.text
    with transaction() as session:
        assert session.scalars(select(Paging.state)).one() == "paging"
    done = client.post(way)
    assert "You are on it, Ana Ruiz" in done.text
    assert "Ana Ruiz answered" in client.get(way).text
    with transaction() as session:
        assert session.scalars(select(Paging.answered_by)).one() == "Ana Ruiz"


def test_an_unknown_link_a_spoilt_one_and_one_of_somebody_else_get_the_same_answer(client, scene):
    with transaction() as session:
        first, second = session.scalars(select(PageAttempt.id).order_by(PageAttempt.id))
    answers = [
        client.get(way) for way in ("/answer/x", "/answer/999999.abc", link()[:-1] + "!", link().replace(f"/{first}.", f"/{second}."))
    ]
    assert {(answer.status_code, answer.text.replace(answer.url.path, "")) for answer in answers} == {(422, answers[0].text)}


def test_a_link_is_not_followed_by_another_site(client, scene):
    assert client.post(link(), headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_a_responder_answers_on_the_incident_and_pages_again(client, sign_in, scene):
    sign_in(client, scene["mei"])
    way = f"/incidents/{scene['incident'].id}"
    assert "I take it" in client.get(way).text
    client.post(f"{way}/paging/answer")
    assert "Mei Tan answered" in client.get(way).text
    assert client.post(f"{way}/paging/begin").status_code == 303
    with transaction() as session:
        assert session.scalars(select(Paging.cycle)).one() == 2
    sign_in(client, scene["vic"])
    assert "I take it" not in client.get(way).text
    assert client.post(f"{way}/paging/answer").status_code == 403


def test_every_contact_can_be_called_and_written_to_and_who_was_reached_stands_in_the_timeline(client, sign_in, scene):
    sign_in(client, scene["mei"])
    way = f"/incidents/{scene['incident'].id}"
    page = client.get(way).text
    for part in (
        'href="tel:+49305550"',
        'href="mailto:ana%40example.org?subject=INC-',
        'href="https://chat.example.org/ana"',
        "@bo",
        "whole company",
    ):
        assert part in page
    with transaction() as session:
        ana, cto = session.scalars(select(Contact.id).where(Contact.name.in_(["Ana Ruiz", "Noor Haddad"])).order_by(Contact.id))
    for outcome in ("not_reached", "reached", "reached"):
        assert client.post(f"{way}/contacts/{ana}", data={"outcome": outcome}).status_code == 303
    client.post(f"{way}/contacts/{cto}", data={"outcome": "reached"})
    assert lines()[-3:] == [
        "Mei Tan could not reach Ana Ruiz (On-call engineer)",
        "Mei Tan reached Ana Ruiz (On-call engineer)",
        "Mei Tan reached Noor Haddad (CTO)",
    ]
    assert "by Mei Tan" in client.get(f"{way}/sides").text
    with transaction() as session:
        assert len(session.scalars(select(ContactCall)).all()) == 3


def test_a_contact_of_another_service_or_of_an_old_list_is_not_there(client, sign_in, scene):
    with transaction() as session:
        other = factories.make_service(session, "shop")
        set_contacts(session, other, [ANA], by=scene["admin"])
        foreign = session.scalars(select(Contact.id).where(Contact.service_id == other.id)).one()
        old = session.scalars(select(Contact.id).where(Contact.service_id == scene["login"].id)).first()
        set_contacts(session, scene["login"], [BO], by=scene["admin"])
    sign_in(client, scene["mei"])
    for contact in (foreign, old, 999999):
        assert client.post(f"/incidents/{scene['incident'].id}/contacts/{contact}", data={"outcome": "reached"}).status_code == 404


def test_an_administrator_says_how_each_contact_is_paged(client, sign_in, scene):
    sign_in(client, scene["admin"])
    form = client.get("/services/login/paging").text
    assert "Ops mail" in form
    assert 'value="300"' in form
    told = {"wait_s": "60", "least_severity": "high", "name-0": "Ana Ruiz", "choice-0": "own", "name-1": "Bo Lind", "choice-1": ""}
    wrong = client.post("/services/login/paging", data=told | {"address-0": "nowhere"})
    assert wrong.status_code == 422
    assert "no address of a service" in wrong.text
    assert client.post("/services/login/paging", data=told | {"address-0": "ntfys://key@ntfy.example.org/x"}).status_code == 303
    shown = client.get("/services/login/paging").text
    assert "ntfy, ntfy.example.org" in shown
    assert "key@" not in shown
    assert client.post("/services/login/paging", data=told | {"address-0": "", "wait_s": "90"}).status_code == 303
    with transaction() as session:
        assert session.scalars(select(ContactWay.shown)).all() == ["ntfy, ntfy.example.org"]
    assert client.post("/services/login/paging", data=told | {"name-0": "Somebody"}).status_code == 422


def test_the_company_s_contacts_have_a_page_of_their_own(client, sign_in, scene):
    sign_in(client, scene["admin"])
    assert "Noor Haddad" in client.get("/contacts").text
    rows = {"place-0": "1", "role-0": "Vendor", "name-0": "Cloud hotline", "phone-0": "+1 555 0100", "email-0": "", "chat-0": ""}
    assert client.post("/contacts", data=rows).status_code == 303
    paging = client.get("/contacts/paging").text
    assert "paged only if a way is chosen" in paging
    mail = {"name-0": "Cloud hotline", "choice-0": str(scene["mail"].id), "address-0": "help@cloud.example"}
    assert client.post("/contacts/paging", data=mail).status_code == 303
    assert client.post("/contacts", data=rows | {"phone-0": ""}).status_code == 422
    sign_in(client, scene["mei"])
    assert client.get("/contacts").status_code == 403
