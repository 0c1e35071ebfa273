import email
import threading
import time

import pytest
from sqlalchemy import select, text, update

from app.channels.base import Message
from app.channels.webhook import new_secret
from app.core.clock import now
from app.core.database import transaction
from app.core.sealing import seal
from app.core.settings import settings
from app.notifications import carrying, outbox
from app.notifications.kinds import ChannelKind, Crew
from app.notifications.models import ChannelSetting, Delivery
from app.worker import delivering
from tests import factories

MESSAGE = Message("", "Log-in fails", "Everybody is out", now(), type="notice.alert")


@pytest.fixture
def allow(console):
    """Let the console call these ports of this machine."""

    def run(*ports):
        with transaction() as session:
            for port in ports:
                session.execute(
                    text("INSERT INTO allowed_addresses (host, port, allowed_by) VALUES ('127.0.0.1', :port, 'x')"), {"port": port}
                )

    return run


def mail_channel(session, port, **other):
    plain = {"host": "127.0.0.1", "port": port, "security": "none", "username": "", "password": "", "sender": "lastgood@example.org"}
    return factories.make_channel(session, "mail", **plain | other)


def hook(session, receiver):
    return factories.make_channel(session, "webhook", url=receiver.url, secret=new_secret())


def copy(setting, address="", **other):
    return outbox.Copy(setting.name, ChannelKind(setting.kind), setting.id, address, **other)


def put(session, *copies, about="notice-1", **other):
    return outbox.put(session, MESSAGE, copies, about=about, **other)


def carry(delivery_id, crew):
    carrying.carry(delivery_id, crew, worker="w", draining=lambda: False)


def row(delivery_id):
    with transaction() as session:
        return session.get_one(Delivery, delivery_id)


def at_once(delivery_id):
    with transaction() as session:
        session.execute(update(Delivery).where(Delivery.id == delivery_id).values(next_try_at=now()))


def test_a_mail_is_carried_to_a_real_server_once_for_one_text_and_address(console, mailbox, allow):
    allow(mailbox.port)
    with transaction() as session:
        setting = mail_channel(session, mailbox.port)
        [first] = put(session, copy(setting, "ana@example.org"))
        assert put(session, copy(setting, "ana@example.org")) == []
    carry(first, Crew.MAIL)
    carry(first, Crew.MAIL)
    sent = row(first)
    assert (sent.state, sent.tries) == ("sent", 1)
    [envelope] = mailbox.mails
    assert email.message_from_bytes(envelope.original_content)["Message-ID"] == f"<{sent.uid}@example.org>"


def test_a_webhook_that_fails_comes_again_under_the_same_id_and_gives_up_after_two_hours(console, receiver, allow):
    allow(receiver.port)
    receiver.answers = [(500, {})]
    with transaction() as session:
        [number] = put(session, copy(hook(session, receiver)))
    for _ in range(2):
        carry(number, Crew.WEBHOOK)
        at_once(number)
    waiting = row(number)
    assert (waiting.state, waiting.tries, waiting.reason) == ("queued", 2, f"127.0.0.1:{receiver.port} answered 500.")
    with transaction() as session:
        session.execute(update(Delivery).values(tries=outbox.MOST_TRIES - 1))
    carry(number, Crew.WEBHOOK)
    assert row(number).state == "failed"
    assert "answered 500. Given up after 28 tries in two hours" in row(number).reason
    assert {post.headers["webhook-id"] for post in receiver.posts} == {waiting.uid}
    assert 6900 < sum(outbox.wait_s(tries) for tries in range(1, outbox.MOST_TRIES)) < 7800


def test_what_a_person_mends_is_sent_again_by_hand(console, receiver, allow):
    allow(receiver.port)
    receiver.answers = [(302, {"Location": "https://elsewhere.example.org/"})]
    with transaction() as session:
        [number] = put(session, copy(hook(session, receiver)))
    carry(number, Crew.WEBHOOK)
    assert "a redirect, and redirects are not followed" in row(number).reason
    receiver.answers = [(204, {})]
    with transaction() as session:
        assert outbox.retry(session, session.get_one(Delivery, number))
        assert not outbox.retry(session, session.get_one(Delivery, number))
    carry(number, Crew.WEBHOOK)
    assert (row(number).state, row(number).tries) == ("sent", 1)


def test_a_private_address_fails_with_what_an_administrator_can_do(console, receiver):
    with transaction() as session:
        setting = hook(session, receiver)
        session.flush()
        [number] = put(session, copy(setting))
    carry(number, Crew.WEBHOOK)
    assert row(number).state == "failed"
    assert receiver.posts == []


def test_a_paused_channel_a_late_copy_and_a_receiver_who_is_not_concerned_are_skipped_with_the_reason(console, receiver, allow):
    allow(receiver.port)
    with transaction() as session:
        setting, other = hook(session, receiver), hook(session, receiver)
        setting.is_paused = True
        [paused] = put(session, copy(setting))
        [late] = put(session, copy(other), expires_at=now())
        assert put(session, copy(other, "x", skipped="Ana gets nothing of drills.")) == []
    carry(paused, Crew.WEBHOOK)
    carry(late, Crew.WEBHOOK)
    assert "is paused, so nothing was sent" in row(paused).reason
    assert row(late).reason == outbox.TOO_LATE
    with transaction() as session:
        assert session.scalars(select(Delivery.reason).where(Delivery.address == "x")).one() == "Ana gets nothing of drills."
    assert receiver.posts == []


def test_a_notifier_that_dies_in_the_middle_leaves_a_doubt_for_mail_and_a_repeat_for_webhooks(console, receiver, mailbox):
    with transaction() as session:
        [mail] = put(session, copy(mail_channel(session, mailbox.port), "ana@example.org"))
        [post] = put(session, copy(hook(session, receiver)))
    with transaction() as session:
        zombie = outbox.claim(session, mail, Crew.MAIL, worker="w")
        outbox.claim(session, post, Crew.WEBHOOK, worker="w")
    with transaction() as session:
        session.execute(update(Delivery).values(lease_until=now()))
    with transaction() as session:
        outbox.sweep(session)
    assert (row(mail).state, row(mail).reason) == ("unknown", outbox.SILENT)
    assert row(post).state == "queued"
    with transaction() as session:
        assert not outbox.sent(session, zombie, "took it")
    assert row(mail).state == "unknown"


def test_contact_lost_after_the_mail_was_handed_over_is_shown_as_unknown_and_not_sent_again(console, mailbox, allow):
    allow(mailbox.port)
    mailbox.drops = True
    with transaction() as session:
        [number] = put(session, copy(mail_channel(session, mailbox.port), "ana@example.org"))
    carry(number, Crew.MAIL)
    carry(number, Crew.MAIL)
    assert row(number).state == "unknown"
    assert len(mailbox.mails) == 1


def test_settings_that_the_notifier_cannot_open_fail_with_what_to_do(console, receiver):
    with transaction() as session:
        setting = hook(session, receiver)
        [number] = put(session, copy(setting))
        session.execute(update(ChannelSetting).values(sealed=b"sealed to another key"))
    carry(number, Crew.WEBHOOK)
    assert "sealed to another key" in row(number).reason


def test_eight_hands_at_one_lane_take_two_and_each_copy_once(console, receiver):
    with transaction() as session:
        setting = hook(session, receiver)
        numbers = put(session, *(copy(setting, f"a{n}") for n in range(8)))
    claimed = []

    def grab(number):
        with transaction() as session:
            if found := outbox.claim(session, number, Crew.WEBHOOK, worker="w"):
                claimed.append(found.id)

    hands = [threading.Thread(target=grab, args=(number,)) for number in numbers]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert len(claimed) == len(set(claimed)) == outbox.LANE_SLOTS
    with transaction() as session:
        assert outbox.due(session, Crew.WEBHOOK) == []


def test_a_channel_that_hangs_delays_no_other(console, receivers, allow, monkeypatch):
    """Through the notifier's real hands: forty copies hang, and one on another channel is there at once."""

    slow, quick = receivers(), receivers()
    slow.hangs = True
    allow(slow.port, quick.port)
    with transaction() as session:
        stuck, free = hook(session, slow), hook(session, quick)
        put(session, *(copy(stuck, "", sealed=None) for _ in range(1)))
        for number in range(40):
            put(session, copy(stuck), about=f"notice-{number + 10}")
        put(session, copy(free), about="notice-99")
    crews = delivering.crews()
    for crew in crews:
        crew.start()
    deadline = time.monotonic() + 10
    while not quick.posts and time.monotonic() < deadline:
        time.sleep(0.02)
    with transaction() as session:
        busy = session.query(Delivery).filter_by(state="sending", lane=f"channel-{stuck.id}").count()
    slow.hold.set()
    slow.hangs = False
    for crew in crews:
        crew.drain()
    assert all(crew.join(10) for crew in crews)
    assert len(quick.posts) == 1
    assert busy <= outbox.LANE_SLOTS


def test_a_crowd_of_two_hundred_subscribers_delays_no_mail(console, receivers, mailbox, allow):

    crowd = receivers()
    allow(crowd.port, mailbox.port)
    secret = {"secret": new_secret()}

    with transaction() as session:
        subscribers = [outbox.Copy(f"s{n}", ChannelKind.WEBHOOK, None, f"{crowd.url}/{n}", seal(secret, to="notifier")) for n in range(200)]
        put(session, *subscribers, about="status-update-1", urgency=outbox.CROWD)
        put(session, copy(mail_channel(session, mailbox.port), "ana@example.org"))
    crews = delivering.crews()
    began = time.monotonic()
    for crew in crews:
        crew.start()
    while not mailbox.mails and time.monotonic() - began < 10:
        time.sleep(0.01)
    with transaction() as session:
        waiting = session.query(Delivery).filter_by(crew="crowd", state="queued").count()
    deadline = time.monotonic() + 30
    while len(crowd.posts) < 200 and time.monotonic() < deadline:
        time.sleep(0.02)
    for crew in crews:
        crew.drain()
    assert all(crew.join(10) for crew in crews)
    assert len(mailbox.mails) == 1
    assert waiting > 100
    assert len({post.path for post in crowd.posts}) == len(crowd.posts) == 200
    assert settings().notify_slots == 4
