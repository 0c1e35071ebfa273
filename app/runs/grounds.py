"""What an action stands on while it works: the opened credentials of its target, the addresses it may call, a folder."""

from collections.abc import Callable, Iterator
from typing import Any

import yaml
from sqlalchemy.orm import Session

from app.catalog import credentials
from app.catalog.models import Target
from app.core.redact import Redactor
from app.core.settings import settings
from app.executors.base import Context

_KUBECONFIG_SECRETS = ("token", "password", "client-key-data", "client-certificate-data", "auth-provider", "exec")


def context(session: Session, target: Target, operation: str, **more: Any) -> Context:
    """The context of one operation on a target. Runner only: it opens credentials. `more` are further fields of Context.

    The folder belongs to the target, so that a preview's clone serves the run too. It may be gone at any time.
    """
    folder = settings().state_dir / "work" / f"target-{target.id}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Context(
        operation=operation,
        credentials=credentials.open_for(session, target),
        allowed=credentials.allowed_addresses(session),
        folder=folder,
        **more,
    )


def redactor(ctx: Context) -> Redactor:
    """Hides what the context's credentials hold, in any text."""
    return Redactor(_secrets(ctx.credentials))


def redacted(value: Any, hide: Callable[[str], str]) -> Any:
    """A JSON value with every text in it redacted."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, dict):
        return {key: redacted(item, hide) for key, item in value.items()}
    if isinstance(value, list):
        return [redacted(item, hide) for item in value]
    return value


def _secrets(credentials: dict[str, Any]) -> Iterator[str]:
    for purpose, value in credentials.items():
        if purpose == "kubeconfig":
            yield from _in_kubeconfig(value)
        else:
            yield from _leaves(value)


def _in_kubeconfig(value: Any) -> Iterator[str]:
    """Only what proves an identity: hiding the server's name or a namespace would blot out the output."""
    try:
        config = yaml.safe_load(value) if isinstance(value, str) else value
    except yaml.YAMLError:
        yield value
        return
    if isinstance(config, dict):
        for user in config.get("users") or []:
            for name in _KUBECONFIG_SECRETS:
                yield from _leaves((user.get("user") or {}).get(name))


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
