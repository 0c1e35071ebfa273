import json

import pytest
import requests

from app.channels.base import Context, Doubtful, Message, Passing, Permanent
from app.channels.services import CHANNEL
from app.core.clock import now
from app.core.errors import Invalid

MESSAGE = Message("uid-1", "Log-in fails", "Everybody is out", now(), url="https://lastgood.example.org/incidents/1")


def settings(receiver):
    return CHANNEL.check({"url": f"json://127.0.0.1:{receiver.port}/token-that-nobody-may-see"}).settings


def test_a_service_of_apprise_is_called(receiver):
    assert CHANNEL.send(MESSAGE, "", settings(receiver), receiver.ctx).said == "JSON took it"
    sent = json.loads(receiver.posts[0].body)
    assert sent["title"] == "Log-in fails"
    assert sent["message"] == "Everybody is out\n\nhttps://lastgood.example.org/incidents/1"


def test_its_connections_pass_our_check_and_nobody_elses_do(receiver):
    with pytest.raises(Permanent, match="inside the private network"):
        CHANNEL.send(MESSAGE, "", settings(receiver), Context(timeout_s=2))
    assert receiver.posts == []
    assert requests.post(receiver.url, data=b"", timeout=2).status_code == 200


def test_what_it_refuses_is_a_sentence_without_the_token(receiver):
    receiver.answers = [(500, {})]
    with pytest.raises(Passing) as refused:
        CHANNEL.send(MESSAGE, "", settings(receiver), receiver.ctx)
    assert "JSON did not take it" in refused.value.sentence
    assert "token-that-nobody-may-see" not in refused.value.sentence


def test_a_redirect_is_not_followed(receiver, receivers):
    other = receivers()
    receiver.answers = [(307, {"Location": other.url})]
    with pytest.raises(Passing):
        CHANNEL.send(MESSAGE, "", settings(receiver), receiver.ctx)
    assert other.posts == []


def test_a_service_that_hangs_leaves_a_doubt(receiver):
    receiver.hangs = True
    with pytest.raises(Doubtful, match="before you send it again"):
        CHANNEL.send(MESSAGE, "", settings(receiver), Context(timeout_s=0.5, allowed=receiver.ctx.allowed))
    assert len(receiver.posts) == 1


def test_what_a_service_refuses_for_good_is_not_tried_again(receiver):
    receiver.answers = [(403, {})]
    with pytest.raises(Permanent, match="JSON refuses it"):
        CHANNEL.send(MESSAGE, "", settings(receiver), receiver.ctx)


def test_one_channel_is_one_receiver():
    with pytest.raises(Invalid, match="names 2 receivers"):
        CHANNEL.check({"url": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops/#dev"})


@pytest.mark.parametrize(
    "url", ["syslog://", "dbus://", "macosx://", "gnome://", "file:///etc/passwd", "mailto://u:p@gmail.com", "hello", "slack://x"]
)
def test_what_speaks_to_this_machine_or_is_no_service_is_refused(url):
    with pytest.raises(Invalid):
        CHANNEL.check({"url": url})


def test_a_known_service_is_named():
    checked = CHANNEL.check({"url": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"})
    assert checked.service == "Slack"
