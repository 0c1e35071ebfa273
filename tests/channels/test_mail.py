import email
import socket
from email.policy import default

import pytest

from app.channels.base import Context, Doubtful, Message, Passing, Permanent
from app.channels.mail import CHANNEL
from app.core.clock import now
from app.core.errors import Invalid

MESSAGE = Message("uid-1", "Log-in fails\r\nBcc: x@example.org", "First line\n.\n..dots\nZürich", now())


def settings(port, **other):
    return {"host": "127.0.0.1", "port": port, "security": "none", "username": "", "password": "", "sender": "lastgood@example.org"} | other


def send(port, *, allowed=True, address="ana@example.org", **other):
    ctx = Context(timeout_s=2, allowed={("127.0.0.1", port)} if allowed else ())
    return CHANNEL.send(MESSAGE, address, settings(port, **other), ctx)


def test_a_mail_arrives_whole_and_its_subject_cannot_carry_another_header(mailbox):
    receipt = send(mailbox.port)
    [envelope] = mailbox.mails
    mail = email.message_from_bytes(envelope.original_content, policy=default)
    assert envelope.rcpt_tos == ["ana@example.org"]
    assert mail["Subject"] == "Log-in fails Bcc: x@example.org"
    assert (mail["Bcc"], mail["Message-ID"], mail["Auto-Submitted"]) == (None, "<uid-1@example.org>", "auto-generated")
    assert mail.get_content().replace("\r\n", "\n") == "First line\n.\n..dots\nZürich\n"
    assert receipt.said == f"127.0.0.1:{mailbox.port} took it: Kept as 4711"


def test_an_address_that_the_server_does_not_know_is_final_and_a_busy_server_is_not(mailbox):
    mailbox.rcpt_answer = "550 No such person"
    with pytest.raises(Permanent, match=r"refuses ana@example\.org: 550 No such person"):
        send(mailbox.port)
    mailbox.rcpt_answer = "451 Later"
    with pytest.raises(Passing, match=r"does not take ana@example\.org now: 451 Later"):
        send(mailbox.port)
    mailbox.rcpt_answer, mailbox.data_answer = "", "552 Too large"
    with pytest.raises(Permanent, match="refuses the mail: 552 Too large"):
        send(mailbox.port)


def test_contact_lost_after_the_mail_was_handed_over_is_a_doubt(mailbox):
    mailbox.drops = True
    with pytest.raises(Doubtful, match="did not say whether it keeps it"):
        send(mailbox.port)
    assert len(mailbox.mails) == 1


def test_a_private_address_is_called_only_where_an_administrator_allowed_it(mailbox):
    with pytest.raises(Permanent, match="inside the private network"):
        send(mailbox.port, allowed=False)
    assert mailbox.mails == []


def test_a_server_that_says_nothing_or_is_not_there_may_work_later():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        with pytest.raises(Passing, match=f"127.0.0.1:{port} did not answer within 0.3 s"):
            CHANNEL.send(MESSAGE, "ana@example.org", settings(port), Context(timeout_s=0.3, allowed={("127.0.0.1", port)}))
    with pytest.raises(Passing, match="nothing listens there"):
        send(port)


def test_a_server_without_tls_never_hears_a_password(mailbox):
    with pytest.raises(Permanent, match="does not offer what the channel asks for"):
        send(mailbox.port, security="starttls", username="u", password="secret")
    with pytest.raises(Invalid) as refused:
        CHANNEL.check(settings("587", password="secret", host="mail.example.org"))
    assert list(refused.value.problems) == ["security"]


def test_settings_are_checked_field_by_field():
    with pytest.raises(Invalid) as refused:
        CHANNEL.check({"host": "http://x", "port": "0", "security": "", "sender": "me"})
    assert list(refused.value.problems) == ["host", "port", "security", "sender"]
    checked = CHANNEL.check(settings("587", security="starttls", host="mail.example.org"))
    assert (checked.shown, checked.settings["port"]) == ("mail.example.org:587", 587)
    for wrong in ("", "ana", "ana@example.org, bo@example.org", "ana@example.org\nRCPT TO:<x@y>"):
        with pytest.raises(Invalid):
            CHANNEL.check_address(wrong)
