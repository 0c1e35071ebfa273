"""Subscribers, end to end: the public form, a real mail server and a real webhook, the link in the message, an update, leaving."""

import base64
import email
import email.policy
import hashlib
import hmac
import json
import re
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from app.accounts.policy import Role
from app.catalog.models import AllowedAddress
from app.core.database import transaction
from app.core.sealing import seal
from app.notifications import carrying, outbox
from app.notifications.kinds import Crew
from app.notifications.models import Delivery
from app.statuspage import actions, pages, publishing
from app.statuspage.models import StatusPage, Subscriber
from tests import factories
from tests.receivers import mailbox, receiver

__all__ = ["mailbox", "receiver"]


@pytest.fixture
def page(app, mailbox):
    """A public page whose mail goes out by a real server on this machine."""
    with transaction() as session:
        ida = factories.make_person(session, "Ida Berg", Role.ADMIN)
        session.add(AllowedAddress(host="127.0.0.1", port=mailbox.port, allowed_by="Ida Berg"))
        plain = {"host": "127.0.0.1", "port": mailbox.port, "security": "none", "username": "", "password": ""}
        setting = factories.make_channel(session, "mail", sender="status@example.org", **plain)
        return pages.create(session, name="Oakline status", slug="oakline", mail_setting_id=setting.id, by=ida)


def carried():
    """What the crowd's hands do."""
    while True:
        with transaction() as session:
            due = outbox.due(session, Crew.CROWD)
        if not due:
            return
        for delivery_id in due:
            carrying.carry(delivery_id, Crew.CROWD, worker="w", draining=lambda: False)


def publish(page, **told):
    with transaction() as session:
        ana = factories.make_person(session)
        facts = {"title": "Sign-in fails", "text": "We look.", "state": "investigating"}
        return actions.publish(session, session.get_one(StatusPage, page.id), by=ana, **facts | told)


def subscribers():
    with transaction() as session:
        return session.scalar(select(func.count()).select_from(Subscriber))


def test_by_mail_from_the_form_to_the_last_word(client, page, mailbox):
    publishing.carry(page.id)
    assert 'action="https://testserver/status/oakline/subscribe"' in client.get("/status/oakline/").text
    client.post("/status/oakline/subscribe", data={"kind": "mail", "address": "cleo@example.org"})
    publish(page, title="Before it was confirmed")
    carried()
    [first] = [email.message_from_bytes(mail.content, policy=email.policy.default) for mail in mailbox.mails]
    link = urlsplit(re.search(r"https://testserver\S+/confirm/\S+", first.get_content())[0]).path
    assert "Yes, tell me" in client.get(link).text
    client.post(link)
    publish(page)
    carried()
    second = email.message_from_bytes(mailbox.mails[1].content, policy=email.policy.default)
    assert second["subject"] == "[Oakline status] Investigating: Sign-in fails"
    assert second["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    leave = urlsplit(second["list-unsubscribe"].strip(" <>")).path
    assert client.get(leave).status_code == 200
    assert subscribers() == 1, "a program that opens links does not leave"
    gone = client.post(leave, data={"List-Unsubscribe": "One-Click"}, headers={"Origin": ""})
    assert gone.status_code == 200
    assert subscribers() == 0
    publish(page, title="After it has left")
    carried()
    assert len(mailbox.mails) == 2


def test_a_webhook_verifies_what_it_gets_with_its_secret(page, receiver):
    secret = f"whsec_{base64.b64encode(b'0123456789abcdef01234567').decode()}"
    with transaction() as session:
        session.add(AllowedAddress(host="127.0.0.1", port=receiver.port, allowed_by="Ida Berg"))
        sealed = seal({"secret": secret}, to="notifier")
        session.add(Subscriber(page_id=page.id, kind="webhook", address=receiver.url, state="active", sealed=sealed))
    publish(page)
    carried()
    [post] = receiver.posts
    said = f"{post.headers['webhook-id']}.{post.headers['webhook-timestamp']}.".encode() + post.body
    mac = hmac.new(b"0123456789abcdef01234567", said, hashlib.sha256).digest()
    assert post.headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"
    body = json.loads(post.body)
    assert body["type"] == "statuspage.incident"
    assert (body["data"]["title"], body["data"]["update"], body["data"]["state"]) == ("Sign-in fails", "We look.", "investigating")


def test_two_hundred_webhooks_that_nobody_answers_hold_up_neither_the_page_nor_an_alert(page):
    with transaction() as session:
        for number in range(200):
            address = f"https://hook{number}.invalid/status"
            session.add(Subscriber(page_id=page.id, kind="webhook", address=address, state="active", sealed=seal({}, to="notifier")))
    update = publish(page)
    assert page.id in publishing.due()
    publishing.carry(page.id)
    assert publishing.due() == []
    with transaction() as session:
        copies = session.scalars(select(Delivery).where(Delivery.about == f"status-update-{update.id}")).all()
        assert (len(copies), {copy.crew for copy in copies}) == (200, {"crowd"})
        for crew in (Crew.MAIL, Crew.WEBHOOK, Crew.APPRISE):
            assert outbox.due(session, crew) == []
