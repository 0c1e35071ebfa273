import base64
import hashlib
import hmac
import json

import pytest

from app.channels.base import Context, Message, Passing, Permanent
from app.channels.webhook import CHANNEL, new_secret, signed
from app.core.clock import now
from app.core.errors import Invalid

MESSAGE = Message("uid-1", "Log-in fails", "Zürich", now(), type="notice.alert", url="https://x/1", facts={"severity": "high"})


def send(receiver, **other):
    settings = CHANNEL.check({"url": receiver.url, "secret": ""}).settings
    CHANNEL.send(MESSAGE, "", settings, receiver.ctx)
    return settings


def test_the_signature_is_that_of_the_specification():
    # the worked example of the Standard Webhooks specification and its libraries
    headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", at=1614265330)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_can_verify_what_came(receiver):
    secret = send(receiver)["secret"]
    [post] = receiver.posts
    assert post.headers["webhook-id"] == "uid-1"
    content = b".".join([b"uid-1", post.headers["webhook-timestamp"].encode(), post.body])
    mac = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), content, hashlib.sha256).digest()
    assert post.headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()
    sent = json.loads(post.body)
    assert sent["type"] == "notice.alert"
    assert sent["data"] == {"subject": "Log-in fails", "text": "Zürich", "url": "https://x/1", "severity": "high"}


def test_a_redirect_is_not_followed_and_said(receiver):
    receiver.answers = [(302, {"Location": "http://169.254.169.254/"})]
    with pytest.raises(Permanent, match="answered 302, a redirect, and redirects are not followed"):
        send(receiver)
    assert len(receiver.posts) == 1


def test_a_receiver_that_is_busy_says_when_to_come_back(receiver):
    receiver.answers = [(503, {"Retry-After": "120"})]
    with pytest.raises(Passing, match="answered 503") as refused:
        send(receiver)
    assert refused.value.after_s == 120
    receiver.answers = [(404, {})]
    with pytest.raises(Permanent, match="answered 404: it refuses the message"):
        send(receiver)


def test_a_receiver_that_hangs_costs_one_time_out(receiver):
    receiver.hangs = True
    settings = CHANNEL.check({"url": receiver.url, "secret": ""}).settings
    with pytest.raises(Passing, match=r"did not answer within 0\.3 s"):
        CHANNEL.send(MESSAGE, "", settings, Context(timeout_s=0.3, allowed=receiver.ctx.allowed))


def test_nothing_goes_into_the_private_network_or_over_http_unless_allowed(receiver):
    settings = CHANNEL.check({"url": receiver.url, "secret": ""}).settings
    with pytest.raises(Permanent, match="where others can read along"):
        CHANNEL.send(MESSAGE, "", settings, Context(timeout_s=1))
    with pytest.raises(Permanent, match="inside the private network"):
        CHANNEL.send(MESSAGE, "", settings | {"url": receiver.url.replace("http:", "https:")}, Context(timeout_s=1))
    assert receiver.posts == []


def test_a_subscriber_has_an_address_and_a_secret_of_its_own(receiver):
    CHANNEL.send(MESSAGE, receiver.url, {"secret": new_secret()}, receiver.ctx)
    assert receiver.posts[0].headers["webhook-id"] == "uid-1"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"url": "ftp://x"}, "url"),
        ({"url": "https://u:p@example.org/"}, "url"),
        ({"url": "https://example.org/", "secret": "whsec_!"}, "secret"),
        ({"url": "https://example.org/", "secret": "whsec_c2hvcnQ="}, "secret"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(settings, field):
    with pytest.raises(Invalid) as refused:
        CHANNEL.check(settings)
    assert list(refused.value.problems) == [field]
