import re
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from app.accounts.policy import Role
from app.catalog.actions import ContactFacts, set_company_contacts, set_contacts
from app.core.database import db_now, transaction
from app.core.errors import Invalid, Refused
from app.core.sealing import unseal
from app.incidents import actions as incidents
from app.incidents.models import Incident, TimelineEntry
from app.incidents.states import Severity, State
from app.notifications import carrying, outbox, page_links, paging, ways
from app.notifications.alerting_models import ContactWay, PageAttempt, Paging
from app.notifications.kinds import Crew
from app.notifications.models import ChannelSetting, Delivery
from app.response import declare, sweep
from tests import factories

ANA = ContactFacts(role="On-call engineer", name="Ana Ruiz", email="ana@example.org")
BO = ContactFacts(role="DevOps lead", name="Bo Lind", email="bo@example.org")
CTO = ContactFacts(role="CTO", name="Noor Haddad", email="noor@example.org")


@pytest.fixture
def scene(console):
    """A service with two contacts, a mail channel, and Mei who declares."""
    with transaction() as session:
        mei = factories.make_person(session, "Mei Tan")
        admin = factories.make_person(session, "Ida Berg", Role.ADMIN)
        mail = factories.make_channel(session, "mail", name="Ops mail")
        login = factories.make_service(session, "login", tier=1)
        set_contacts(session, login, [ANA, BO], by=admin)
    return {"mei": mei, "admin": admin, "mail": mail, "login": login}


def declared(scene, *services, **told):
    with transaction() as session:
        ids = tuple(one.id for one in services or (scene["login"],))
        facts = {"title": "Log-in fails", "severity": Severity.CRITICAL, "service_ids": ids, "form_nonce": str(told)} | told
        return declare.declare(session, by=scene["mei"], **facts)


def attempts(incident):
    with transaction() as session:
        found = session.scalars(select(PageAttempt).where(PageAttempt.incident_id == incident.id).order_by(PageAttempt.id))
        return [(one.name, one.state) for one in found]


def lines(incident):
    with transaction() as session:
        return list(session.scalars(select(TimelineEntry.body).where(TimelineEntry.kind == "page").order_by(TimelineEntry.id)))


def settle(state="sent", reason=""):
    """The notifier has carried what waits."""
    with transaction() as session:
        ended = {"state": state, "reason": reason, "ended_at": outbox._now()}
        session.execute(update(Delivery).where(Delivery.state == "queued", Delivery.about.startswith("page-")).values(ended))


def run_out(incident):
    """Nobody answered in time."""
    with transaction() as session:
        session.execute(update(Paging).where(Paging.incident_id == incident.id).values(next_at=db_now(session) - timedelta(seconds=1)))
    sweep.sweep()


def link_of(incident, number=0):
    with transaction() as session:
        found = session.scalars(select(Delivery).where(Delivery.about.startswith("page-")).order_by(Delivery.id)).all()
        return re.search(r"/answer/(\S+)", found[number].message["text"])[1]


def test_declaring_pages_the_first_contact_and_the_next_one_when_nobody_answers(scene):
    incident = declared(scene)
    assert attempts(incident) == [("Ana Ruiz", "queued"), ("Bo Lind", "waiting")]
    settle()
    sweep.sweep()
    assert attempts(incident) == [("Ana Ruiz", "sent"), ("Bo Lind", "waiting")]
    run_out(incident)
    assert attempts(incident) == [("Ana Ruiz", "passed_on"), ("Bo Lind", "queued")]
    settle()
    run_out(incident)
    assert attempts(incident) == [("Ana Ruiz", "passed_on"), ("Bo Lind", "exhausted")]
    assert lines(incident) == [
        "pages Ana Ruiz (On-call engineer) by Ops mail",
        "sent the page to Ana Ruiz by Ops mail",
        "heard nothing from Ana Ruiz within 5 minutes; the page goes on to Bo Lind",
        "pages Bo Lind (DevOps lead) by Ops mail",
        "sent the page to Bo Lind by Ops mail",
        "heard nothing from Bo Lind within 5 minutes; everybody was paged, and nobody answered",
    ]


def test_declaring_twice_and_sweeping_twice_page_once(scene):
    incident = declared(scene)
    declared(scene)
    sweep.sweep()
    sweep.sweep()
    with transaction() as session:
        assert len(session.scalars(select(Delivery).where(Delivery.about.startswith("page-"))).all()) == 1
    assert len(lines(incident)) == 1


def test_one_tap_by_the_link_stops_it_and_says_who(scene):
    incident = declared(scene)
    token = link_of(incident)
    with transaction() as session:
        paging.answer_by_link(session, token)
    assert attempts(incident) == [("Ana Ruiz", "acknowledged"), ("Bo Lind", "spared")]
    with transaction() as session:
        paging.answer_by_link(session, token)
        assert session.get_one(Paging, incident.id).answered_by == "Ana Ruiz"
        entry = session.scalars(select(TimelineEntry).where(TimelineEntry.body.startswith("answered"))).one()
        assert (entry.actor_name, entry.is_system) == ("Ana Ruiz", False)
    with pytest.raises(Exception, match="ck_pagings_next"), transaction() as session:
        session.execute(update(Paging).values(next_at=db_now(session)))


def test_what_still_waits_is_not_sent_once_somebody_answered(scene):
    incident = declared(scene)
    with transaction() as session:
        paging.answer(session, session.get_one(Incident, incident.id), by=scene["mei"])
        waiting = session.scalars(select(Delivery).where(Delivery.about.startswith("page-"))).one()
        assert (waiting.state, waiting.reason) == ("skipped", "Mei Tan answered before it went out.")


def test_a_second_who_answers_is_named_too(scene):
    incident = declared(scene)
    settle()
    run_out(incident)
    settle()
    first, second = link_of(incident, 1), link_of(incident, 0)
    with transaction() as session:
        paging.answer_by_link(session, first)
    with transaction() as session:
        paging.answer_by_link(session, second)
    assert lines(incident)[-1] == "answered the page, too; Bo Lind was first"


@pytest.mark.parametrize("spoilt", ["1.x", "999999.abc", "x", "", "1.", "٣.abc"])
def test_a_link_that_is_not_ours_is_refused_with_the_same_words(scene, spoilt):
    declared(scene)
    with pytest.raises(Refused, match="not valid any more"), transaction() as session:
        paging.answer_by_link(session, spoilt)


def test_a_link_is_good_for_one_contact_and_one_day(scene):
    incident = declared(scene)
    token = link_of(incident)
    with transaction() as session:
        first, second = session.scalars(select(PageAttempt).order_by(PageAttempt.id))
        other = token.replace(f"{first.id}.", f"{second.id}.")
        with pytest.raises(Refused):
            page_links.attempt_of(session, other)
        first.queued_at = db_now(session) - page_links.GOOD_FOR - timedelta(minutes=1)
        session.flush()
        with pytest.raises(Refused):
            page_links.attempt_of(session, token)


def test_somebody_who_cannot_be_reached_is_passed_over_at_once(scene):
    incident = declared(scene)
    settle("failed", "smtp.example.org refused the address.")
    sweep.sweep()
    assert attempts(incident) == [("Ana Ruiz", "passed_on"), ("Bo Lind", "queued")]
    assert lines(incident)[1] == "could not page Ana Ruiz by Ops mail: smtp.example.org refused the address."


def test_a_drill_pages_nobody_unless_somebody_asks(scene):
    drill = declared(scene, is_drill=True)
    assert attempts(drill) == []
    with transaction() as session:
        paging.begin(session, session.get_one(Incident, drill.id), by=scene["mei"], asked=True)
        message = session.scalars(select(Delivery).where(Delivery.about.startswith("page-"))).one().message
    assert message["subject"].startswith("Drill: ")
    assert attempts(drill)[0] == ("Ana Ruiz", "queued")


def test_several_services_page_each_contact_once_and_their_first_ones_together(scene):
    with transaction() as session:
        shop = factories.make_service(session, "shop", tier=2)
        set_contacts(session, shop, [CTO, ANA], by=scene["admin"])
    incident = declared(scene, scene["login"], shop)
    assert attempts(incident) == [("Ana Ruiz", "queued"), ("Noor Haddad", "queued"), ("Bo Lind", "waiting")]


def test_the_paging_stops_with_the_incident(scene):
    incident = declared(scene)
    with transaction() as session:
        incidents.move(session, session.get_one(Incident, incident.id), State.CANCELLED, reason="a false alarm", by=scene["mei"])
    sweep.sweep()
    assert attempts(incident) == [("Ana Ruiz", "spared"), ("Bo Lind", "spared")]
    assert lines(incident)[-1] == "stopped paging: the incident is cancelled"
    with pytest.raises(Refused, match="nobody has to come"), transaction() as session:
        paging.answer_by_link(session, link_of(incident))


def test_paging_again_is_a_new_round_of_everybody(scene):
    incident = declared(scene)
    with transaction() as session:
        row = session.get_one(Incident, incident.id)
        paging.answer(session, row, by=scene["mei"])
        paging.begin(session, row, by=scene["mei"], asked=True)
    assert [state for _, state in attempts(incident)] == ["spared", "spared", "queued", "waiting"]


def test_a_service_says_how_long_and_from_which_severity_on(scene):
    with transaction() as session:
        ways.set_rule(session, scene["login"], wait_s=30, least_severity="high", by=scene["admin"])
    low = declared(scene, severity=Severity.LOW)
    assert attempts(low) == []
    high = declared(scene, severity=Severity.HIGH)
    with transaction() as session:
        kept = session.get_one(Paging, high.id)
        assert kept.wait_s == 30
        assert timedelta(0) < kept.next_at - kept.began_at <= timedelta(seconds=31)
        with pytest.raises(Invalid):
            ways.set_rule(session, scene["login"], wait_s=5, least_severity="high", by=scene["admin"])


def test_a_contact_has_a_channel_of_their_own_that_only_the_notifier_can_read(scene):
    url = "ntfys://secret-topic@ntfy.example.org/oncall"
    with transaction() as session:
        ways.choose(session, scene["login"], "Ana Ruiz", choice=ways.OWN, address=url, by=scene["admin"])
        ways.choose(session, scene["login"], "Bo Lind", choice="never", by=scene["admin"])
        kept = session.scalars(select(ContactWay).where(ContactWay.name == "Ana Ruiz")).one()
        assert b"secret-topic" not in kept.sealed
        assert unseal(kept.sealed, by="notifier") == {"url": url}
        assert (kept.shown, kept.address) == ("ntfy, ntfy.example.org", "")
    incident = declared(scene)
    assert attempts(incident) == [("Ana Ruiz", "queued")]
    with transaction() as session:
        delivery = session.scalars(select(Delivery).where(Delivery.about.startswith("page-"))).one()
        assert (delivery.kind, delivery.setting_id) == ("apprise", None)
        assert "secret-topic" not in f"{delivery.message}{delivery.address}{delivery.lane}"


def test_the_own_address_stays_when_the_form_is_saved_without_it_and_survives_an_edit_of_the_contacts(scene):
    with transaction() as session:
        ways.choose(session, scene["login"], "Ana Ruiz", choice=ways.OWN, address="ntfys://ntfy.example.org/oncall", by=scene["admin"])
        ways.choose(session, scene["login"], "Ana Ruiz", choice=ways.OWN, address="", by=scene["admin"])
        set_contacts(session, scene["login"], [BO, ANA], by=scene["admin"])
        assert [way.channel for way in ways.of_service(session, scene["login"])] == ["Ops mail", "ntfy, ntfy.example.org"]


@pytest.mark.parametrize(
    ("choice", "address", "field"), [("own", "syslog://localhost", "address"), ("77", "", "choice"), ("mail", "", "address")]
)
def test_a_way_that_leads_nowhere_is_refused(scene, choice, address, field):
    choice = str(scene["mail"].id) if choice == "mail" else choice
    with pytest.raises(Refused) as refused, transaction() as session:
        ways.choose(session, scene["login"], "Ana Ruiz", choice=choice, address=address, by=scene["admin"])
    assert field in (getattr(refused.value, "problems", None) or {refused.value.field: ""})


def test_a_contact_on_a_paused_channel_is_passed_over_and_the_page_says_why(scene):
    with transaction() as session:
        other = factories.make_channel(session, "webhook", name="Pager")
        ways.choose(session, scene["login"], "Ana Ruiz", choice=str(other.id), by=scene["admin"])
        session.get_one(ChannelSetting, other.id).is_paused = True
        session.flush()
        assert ways.of_service(session, scene["login"])[0].why_not == "the channel Pager is paused"
    assert attempts(declared(scene)) == [("Bo Lind", "queued")]


def test_the_company_s_contacts_are_paged_last_and_only_where_a_way_was_chosen(scene):
    vendor = ContactFacts(role="Vendor", name="Cloud hotline", phone="+1 555 0100", email="help@cloud.example")
    with transaction() as session:
        set_company_contacts(session, [CTO, vendor], by=scene["admin"])
        ways.choose(session, None, "Noor Haddad", choice=str(scene["mail"].id), address="noor@example.org", by=scene["admin"])
    assert [name for name, _ in attempts(declared(scene))] == ["Ana Ruiz", "Bo Lind", "Noor Haddad"]
    with transaction() as session:
        lone = declare.declare(session, title="Something", form_nonce="n", by=scene["mei"])
    assert attempts(lone) == [("Noor Haddad", "queued")]


def test_the_page_arrives_and_its_link_is_the_one_that_answers(scene, mailbox):
    with transaction() as session:
        session.execute(
            text("INSERT INTO allowed_addresses (host, port, allowed_by) VALUES ('127.0.0.1', :port, 'x')"), {"port": mailbox.port}
        )
        plain = {"host": "127.0.0.1", "port": mailbox.port, "security": "none", "username": "", "password": "", "sender": "l@example.org"}
        session.get_one(ChannelSetting, scene["mail"].id).is_paused = True
        session.flush()
        factories.make_channel(session, "mail", name="Real mail", **plain)
    incident = declared(scene)
    with transaction() as session:
        waiting = session.scalars(select(Delivery.id).where(Delivery.about.startswith("page-"))).one()
    carrying.carry(waiting, Crew.MAIL, worker="w", draining=lambda: False)
    sweep.sweep()
    assert attempts(incident)[0] == ("Ana Ruiz", "sent")
    [mail] = mailbox.mails
    body = mail.content.decode().replace("=\r\n", "").replace("=3D", "=")
    with transaction() as session:
        paging.answer_by_link(session, re.search(r"/answer/(\S+)", body)[1])
    assert attempts(incident)[0] == ("Ana Ruiz", "acknowledged")
