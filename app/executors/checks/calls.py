"""HTTP calls of a check, through the gateway, with the credential that the check was given."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from app.core import gateway
from app.core.gateway import Answer, NoAnswer
from app.executors.base import Context
from app.executors.checks.readings import Unclear

_FRESH = {"Cache-Control": "no-cache", "Accept": "*/*"}


def proof(ctx: Context) -> dict[str, str]:
    """The header that proves who asks. The stored credential is a token, {"user", "password"}, or {"headers": {...}}."""
    credential = ctx.credentials.get("http")
    if not credential:
        return {}
    if isinstance(credential, str):
        return {"Authorization": f"Bearer {credential}"}
    if "user" in credential:
        pair = f"{credential['user']}:{credential.get('password', '')}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
    headers: dict[str, str] = credential.get("headers", {})
    return headers


def call(
    ctx: Context,
    url: str,
    *,
    method: str = "GET",
    timeout_s: float = 10.0,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    limit_bytes: int = 1_000_000,
) -> Answer:
    """One call with the credential. NoAnswer where there is none: each check says what that means."""
    sent = _FRESH | proof(ctx) | dict(headers or {})
    return gateway.fetch(method, url, headers=sent, body=body, timeout_s=timeout_s, limit_bytes=limit_bytes, allowed=ctx.allowed)


def where(url: str) -> str:
    """ "shop.example.org/health": an address without what may be secret in it."""
    to = gateway.parse(url)
    return to.shown.removesuffix(":80").removesuffix(":443") + to.target.partition("?")[0]


def field_of(answer: Answer, path: str) -> Any:
    """What stands at a dotted path of a JSON answer. LookupError, with a sentence, where there is nothing."""
    try:
        value = json.loads(answer.body)
    except ValueError as error:
        raise LookupError("the answer is not JSON") from error
    for part in path.split("."):
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise LookupError(f"the answer has no field {path}") from error
    return value


def plain(value: Any) -> str:
    """A JSON value as people type it: true, 3, ok."""
    return value if isinstance(value, str) else json.dumps(value)


def refused(answer: Answer, url: str) -> None:
    """Unclear where a source of numbers does not let us in, or where a sign-in page stands before it."""
    if answer.status in {401, 403}:
        raise Unclear(f"{where(url)} refuses us ({answer.status}). Store a credential for this check, or renew it.", "unreachable")
    if answer.headers.get("content-type", "").startswith("text/html"):
        raise Unclear(f"{where(url)} answers with a web page, probably a sign-in. Check the address.", "config")


__all__ = ["Answer", "NoAnswer", "call", "field_of", "plain", "proof", "refused", "where"]
