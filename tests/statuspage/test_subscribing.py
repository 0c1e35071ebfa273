import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.accounts.policy import Role
from app.catalog.models import AllowedAddress
from app.core import sealing
from app.core.clock import now
from app.core.errors import Invalid, Refused
from app.core.settings import settings
from app.notifications import channels
from app.notifications.kinds import DeliveryState
from app.notifications.models import Delivery
from app.statuspage import actions, links, pages, subscribing, telling
from app.statuspage.models import PublicUpdate, Subscriber
from tests import factories


@pytest.fixture(autouse=True)
def _keys(console):
    sealing.make_keys(settings().notifier_private_key_path, settings().notifier_public_key_path)


@pytest.fixture
def mailing(db, page, ana):
    """The page sends mail by a channel."""
    ida = factories.make_person(db, "Ida Berg", Role.ADMIN)
    told = {"host": "smtp.example.org", "port": "587", "security": "starttls", "sender": "status@example.org"}
    setting = channels.add(db, name="Status mail", kind="mail", settings=told, by=ida)
    pages.change(db, page, name=page.name, slug=page.slug, mail_setting_id=setting.id, by=ana)
    return page


def subscribe(db, page, address, **facts):
    row = Subscriber(page_id=page.id, kind="mail", address=address, **{"state": "active", "confirmed_at": now()} | facts)
    db.add(row)
    db.flush()
    return row


def letters(db, about=None):
    query = select(Delivery).order_by(Delivery.id)
    return list(db.scalars(query.where(Delivery.about == about) if about else query))


def link_in(letter):
    return re.search(r"https?://\S+/(confirm|leave)/(\S+)", letter.message["text"])


def test_only_whoever_reads_the_address_can_confirm(db, mailing):
    subscribing.ask(db, mailing, kind="mail", address="Cleo@Example.org")
    letter = letters(db)[0]
    assert letter.address == "cleo@example.org"
    assert db.scalars(select(Subscriber.state)).one() == "pending"
    subscribing.confirm(db, mailing, link_in(letter)[2])
    assert db.scalars(select(Subscriber.state)).one() == "active"


def test_known_or_not_there_is_no_difference_that_the_asker_sees(db, mailing):
    subscribe(db, mailing, "known@example.org")
    for address in ("known@example.org", "new@example.org"):
        assert subscribing.ask(db, mailing, kind="mail", address=address) is None
    assert [letter.address for letter in letters(db)] == ["new@example.org"], "who is told already is not written to"


def test_asking_again_at_once_writes_no_second_mail(db, mailing):
    for _ in range(3):
        subscribing.ask(db, mailing, kind="mail", address="cleo@example.org")
    assert len(letters(db)) == 1


def test_whoever_floods_the_form_does_not_flood_mailboxes(db, mailing):
    for number in range(subscribing.MOST_A_MINUTE + 5):
        subscribing.ask(db, mailing, kind="mail", address=f"someone{number}@example.org")
    assert len(letters(db)) == subscribing.MOST_A_MINUTE


def test_a_link_is_good_for_one_purpose_one_page_and_two_days(db, mailing, ana):
    one = subscribe(db, mailing, "cleo@example.org", state="pending")
    other = pages.create(db, name="Other", slug="other", by=ana)
    confirm, leave = links.token(mailing, one, links.CONFIRM), links.token(mailing, one, links.LEAVE)
    wrong = [
        lambda: subscribing.confirm(db, mailing, leave),
        lambda: subscribing.leave(db, mailing, confirm),
        lambda: subscribing.confirm(db, other, confirm),
        lambda: subscribing.confirm(db, mailing, confirm[:-1] + ("A" if confirm[-1] != "A" else "B")),
        lambda: subscribing.leave(db, mailing, f"{one.id + 1}{leave[leave.index('.') :]}"),
        lambda: subscribing.leave(db, mailing, "no link at all"),
    ]
    for attempt in wrong:
        with pytest.raises(Refused, match="not valid any more"):
            attempt()
    one.asked_at = now() - links.CONFIRM_WITHIN - timedelta(minutes=1)
    with pytest.raises(Refused, match="not valid any more"):
        subscribing.confirm(db, mailing, links.token(mailing, one, links.CONFIRM))


def test_leaving_forgets_the_address_and_the_link_in_an_old_mail_still_leaves(db, mailing):
    one = subscribe(db, mailing, "cleo@example.org")
    old = links.token(mailing, one, links.LEAVE)
    one.asked_at = now()
    subscribing.leave(db, mailing, old)
    assert db.scalar(select(func.count()).select_from(Subscriber)) == 0


def test_an_update_makes_one_copy_for_each_active_subscriber_with_a_link_of_their_own(db, mailing, ana):
    told = [subscribe(db, mailing, f"{name}@example.org") for name in ("cleo", "dora")]
    subscribe(db, mailing, "not-yet@example.org", state="pending")
    subscribe(db, mailing, "bounced@example.org", state="paused", reason="it did not arrive")
    update = actions.publish(db, mailing, text="We look.", state="investigating", title="Sign-in fails", by=ana)
    copies = letters(db, telling.about(update))
    assert [copy.address for copy in copies] == ["cleo@example.org", "dora@example.org"]
    for one, copy in zip(told, copies, strict=True):
        assert link_in(copy)[2] == links.token(mailing, one, links.LEAVE)
        assert copy.message["subject"] == "[Oakline status] Investigating: Sign-in fails"
        assert copy.crew == "crowd"


def test_an_update_that_tells_nobody_tells_nobody(db, mailing, ana):
    subscribe(db, mailing, "cleo@example.org")
    actions.publish(db, mailing, text="We look.", state="investigating", title="Sign-in fails", tells=False, by=ana)
    assert letters(db) == []


def bounced(db, page, ana, state, reason):
    """An update whose copies ended so."""
    about = actions.queries.active(db, page)
    told = {"text": "More.", "state": "identified", "title": "Sign-in fails"}
    update = actions.publish(db, page, about=about[0] if about else None, by=ana, **told)
    for copy in letters(db, telling.about(update)):
        copy.state, copy.reason, copy.ended_at = state, reason, now()
    db.flush()
    subscribing.look_after(db)
    assert db.get_one(PublicUpdate, update.id).judged_at


def test_an_address_that_bounces_three_times_in_a_row_is_paused_with_the_reason(db, mailing, ana):
    one = subscribe(db, mailing, "gone@example.org")
    for outcome in ("failed", "failed", "sent", "failed", "failed"):
        bounced(db, mailing, ana, outcome, "smtp.example.org:587 refuses gone@example.org: 550 no such user")
        db.refresh(one)
        assert one.state == "active"
    bounced(db, mailing, ana, DeliveryState.FAILED, "smtp.example.org:587 refuses gone@example.org: 550 no such user")
    db.refresh(one)
    assert one.state == "paused"
    assert "550 no such user" in one.reason
    subscribing.resume(db, mailing, one.id, by=ana)
    db.refresh(one)
    assert (one.state, one.reason, one.failures) == ("active", "", 0)


def test_copies_that_are_on_their_way_are_not_judged(db, mailing, ana):
    subscribe(db, mailing, "slow@example.org")
    update = actions.publish(db, mailing, text="We look.", state="investigating", title="Sign-in fails", by=ana)
    subscribing.look_after(db)
    assert db.get_one(PublicUpdate, update.id).judged_at is None


def test_a_request_that_nobody_confirms_is_forgotten(db, mailing):
    subscribe(db, mailing, "never@example.org", state="pending", asked_at=now() - timedelta(days=3), confirmed_at=None)
    subscribing.look_after(db)
    assert db.scalar(select(func.count()).select_from(Subscriber)) == 0


def test_a_webhook_is_asked_first_and_signed_with_a_secret_that_only_the_notifier_can_open(db, page):
    subscribing.ask(db, page, kind="webhook", address="https://hooks.example.org/status")
    letter = letters(db)[0]
    assert letter.message["type"] == "statuspage.confirm"
    assert sealing.unseal(letter.sealed, by="notifier")["secret"].startswith("whsec_")


def test_a_webhook_into_the_private_network_that_an_administrator_opened_for_checks_is_not_called(db, page):
    db.add(AllowedAddress(host="metrics.internal", port=443, allowed_by="Ida Berg"))
    db.flush()
    subscribing.ask(db, page, kind="webhook", address="https://metrics.internal/x")
    assert letters(db) == []


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("mail", "not an address"),
        ("mail", "a@b\nBcc: x@y.org"),
        ("webhook", "http://plain.example.org/"),
        ("webhook", "ftp://x"),
        ("sms", "1"),
    ],
)
def test_what_is_no_address_is_refused(db, mailing, kind, address):
    with pytest.raises(Invalid):
        subscribing.ask(db, mailing, kind=kind, address=address)
    assert letters(db) == []


def test_the_secret_of_a_webhook_is_shown_once_when_it_is_confirmed(db, page):
    subscribing.ask(db, page, kind="webhook", address="https://hooks.example.org/status")
    token = link_in(letters(db)[0])[2]
    one, secret = subscribing.confirm(db, page, token)
    assert sealing.unseal(one.sealed, by="notifier") == {"secret": secret}
    assert subscribing.confirm(db, page, token) == (one, "")
