"""Which version a service says that it runs, asked at its version address."""

import json

from app.core import gateway
from app.executors.base import Context, Unreachable

_LONGEST = 200


def version(url: str, path: str, ctx: Context) -> str:
    """The version that runs. `path` names the place in a JSON answer ("build.version"), "" for plain text. Unreachable otherwise."""
    headers = {"Cache-Control": "no-cache"}
    try:
        answer = gateway.fetch("GET", url, headers=headers, timeout_s=min(ctx.deadline_s, 10.0), limit_bytes=100_000, allowed=ctx.allowed)
    except gateway.NoAnswer as error:
        raise Unreachable(error.sentence) from error
    if answer.status != 200:
        raise Unreachable(f"{url} answered with status {answer.status} and tells no version.")
    if not path:
        return answer.text.strip()[:_LONGEST]
    try:
        value = json.loads(answer.body)
        for name in path.split("."):
            value = value[int(name)] if isinstance(value, list) else value[name]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise Unreachable(f"The answer of {url} has no {path}, so it tells no version.") from error
    return str(value).strip()[:_LONGEST]
