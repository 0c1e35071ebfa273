"""Signed JSON webhooks, in the way of Standard Webhooks (standardwebhooks.com), so that receivers can verify with its libraries.

webhook-id         the same in every try of one message: whoever has seen it answers 2xx and does nothing
webhook-timestamp  seconds since 1970 of this try; refuse what is more than five minutes off
webhook-signature  "v1," and base64 of HMAC-SHA256 over "id.timestamp.body" with the secret's bytes (base64 after "whsec_")
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time

from app.channels.base import AGAIN, Checked, Context, Message, Passing, Permanent, Receipt
from app.core import gateway
from app.core.database import Json
from app.core.errors import Invalid

PREFIX = "whsec_"
SHORTEST_KEY = 16
LONGEST_WAIT_S = 1800.0


class Webhook:
    kind = "webhook"
    repeatable = True

    def check(self, settings: Json) -> Checked:
        url, secret = str(settings.get("url", "")).strip(), str(settings.get("secret", "")).strip() or new_secret()
        try:
            to = gateway.parse(url)
        except gateway.NoAnswer as refusal:
            raise Invalid({"url": refusal.sentence}) from refusal
        try:
            key = _key(secret)
        except (ValueError, binascii.Error) as error:
            raise Invalid({"secret": "The secret is “whsec_” and base64. Leave it empty, and a new one is made."}) from error
        if len(key) < SHORTEST_KEY:
            raise Invalid({"secret": "The secret is too short to sign with: give 24 bytes or more, or leave it empty for a new one."})
        return Checked({"url": url, "secret": secret}, "Webhook", to.shown)

    def check_address(self, address: str) -> str:
        if address:
            raise Invalid({"address": "A webhook is its own receiver: its address stands in the channel."})
        return ""

    def send(self, message: Message, address: str, secret: Json, ctx: Context) -> Receipt:
        """`address` is the receiver's own where many share a way (subscribers); `secret` then holds their secret alone."""
        url = address or secret["url"]
        body = json.dumps(payload(message), ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json"} | signed(message.uid, body, secret["secret"])
        try:
            to = gateway.parse(url)
            _never_in_the_clear(to, ctx)
            answer = gateway.fetch(
                "POST", url, headers=headers, body=body, timeout_s=ctx.timeout_s, limit_bytes=64_000, allowed=ctx.allowed
            )
        except gateway.AddressBlocked as refusal:
            raise Permanent(refusal.sentence) from refusal
        except gateway.NoAnswer as refusal:
            raise Passing(refusal.sentence) from refusal
        return _judged(answer, to)


def payload(message: Message) -> Json:
    """The body: `{"type", "timestamp", "data": {"subject", "text", "url", …}}`."""
    data = {"subject": message.subject, "text": message.text, "url": message.url} | message.facts
    return {"type": message.type, "timestamp": message.at.isoformat(), "data": data}


def signed(uid: str, body: bytes, secret: str, *, at: int | None = None) -> dict[str, str]:
    """The three headers of one try; `at` is its second (now where it is left out)."""
    moment = str(int(time.time()) if at is None else at)
    mac = hmac.new(_key(secret), b".".join((uid.encode(), moment.encode(), body)), hashlib.sha256).digest()
    return {"webhook-id": uid, "webhook-timestamp": moment, "webhook-signature": f"v1,{base64.b64encode(mac).decode()}"}


def new_secret() -> str:
    """A secret of 24 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)


def _never_in_the_clear(to: gateway.Destination, ctx: Context) -> None:
    if to.scheme == "http" and (to.host, to.port) not in set(ctx.allowed):
        raise Permanent(
            f"{to.shown} is reached over http, where others can read along, so nothing was sent. Use https, "
            "or have an administrator allow this host and port if it is your own network."
        )


def _judged(answer: gateway.Answer, to: gateway.Destination) -> Receipt:
    status = answer.status
    if 200 <= status < 300:
        return Receipt(f"answered {status} in {answer.elapsed_s * 1000:.0f} ms")
    if 300 <= status < 400:
        raise Permanent(
            f"{to.shown} answered {status}, a redirect, and redirects are not followed. Store the address that it leads to in the channel."
        )
    if status >= 500 or status in AGAIN:
        raise Passing(f"{to.shown} answered {status}.", after_s=_asked_for(answer))
    raise Permanent(f"{to.shown} answered {status}: it refuses the message. Check the address and what stands behind it.")


def _asked_for(answer: gateway.Answer) -> float | None:
    """Seconds from Retry-After, where it is a number."""
    text = answer.headers.get("retry-after", "").strip()
    return min(float(text), LONGEST_WAIT_S) if text.isascii() and text.isdigit() and len(text) < 8 else None


CHANNEL = Webhook()
