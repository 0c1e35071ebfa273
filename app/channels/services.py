"""Everything that Apprise can reach over HTTP: Slack, Teams, Discord, Telegram, SMS providers, ntfy, PagerDuty, Opsgenie and more.

Apprise resolves names by itself. So its connections pass a check of ours: within `send`, and nowhere else in the process, urllib3 connects
to a judged address. Services that speak another protocol, or to this machine (syslog, D-Bus, desktops), are switched off.
"""

import inspect
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import apprise
from apprise.asset import AppriseAsset
from apprise.plugins import N_MGR
from apprise.result import AppriseResultStatus
from urllib3.util import connection as urllib3_connection

from app.channels.base import AGAIN, Checked, Context, Doubtful, Message, Passing, Permanent, Receipt, clipped, one_line
from app.core import gateway
from app.core.database import Json
from app.core.errors import Invalid
from app.core.redact import Redactor

_STATUS = re.compile(r"error=(\d{3})\b")
_EXAMPLE = "Write it as Apprise does, for example slack://token-a/token-b/token-c or ntfys://ntfy.example.org/oncall."


@dataclass
class _Road:
    """The check of one call, shared with the thread that Apprise works in: what is allowed, and what was refused."""

    ctx: Context
    blocked: gateway.AddressBlocked | None = None
    is_connected: bool = False


_road: ContextVar[_Road | None] = ContextVar("road", default=None)
_connect = urllib3_connection.create_connection


def _judged_connection(address: tuple[str, int], *args: Any, **kwargs: Any) -> socket.socket:
    """urllib3's own, except within `send`: there it gets the judged address instead of the name."""
    road = _road.get()
    if road is None:
        return _connect(address, *args, **kwargs)
    host, port = address
    try:
        fit = gateway.judged(gateway.Destination("https", host.strip("[]").lower(), port, ""), allowed=road.ctx.allowed)
    except gateway.AddressBlocked as refusal:
        road.blocked = refusal
        raise OSError(refusal.sentence) from refusal
    except gateway.NoAnswer as refusal:
        raise OSError(refusal.sentence) from refusal
    last: OSError | None = None
    for one in fit:
        try:
            connected = _connect((one, port), *args, **kwargs)
        except OSError as error:
            last = error
        else:
            road.is_connected = True
            return connected
    raise last or OSError("no address")


urllib3_connection.create_connection = _judged_connection


class Services:
    kind = "apprise"
    repeatable = False

    def check(self, settings: Json) -> Checked:
        url = str(settings.get("url", "")).strip()
        plugin = _plugin(url)
        if len(plugin) > 1:
            raise Invalid(
                {"url": f"This address names {len(plugin)} receivers. Give each its own channel, so that one that fails is known alone."}
            )
        host = str(getattr(plugin, "host", "") or "")
        return Checked({"url": url}, str(plugin.service_name), host)

    def check_address(self, address: str) -> str:
        if address:
            raise Invalid({"address": "This channel is its own receiver: its address stands in the channel."})
        return ""

    def send(self, message: Message, address: str, secret: Json, ctx: Context) -> Receipt:  # noqa: ARG002 - the URL is the address
        caller = apprise.Apprise(asset=_asset(ctx.timeout_s))
        plugin = _plugin(secret["url"], ctx.timeout_s)
        caller.add(plugin)
        text = f"{message.text}\n\n{message.url}" if message.url and message.url not in message.text else message.text
        with _watched(ctx) as road:
            result = caller.notify(body=text, title=one_line(message.subject), body_format=apprise.NotifyFormat.TEXT)
        try:
            return _judged(result, road, str(plugin.service_name), secret["url"], ctx)
        finally:
            result.close()


@contextmanager
def _watched(ctx: Context) -> Iterator[_Road]:
    road = _Road(ctx)
    token = _road.set(road)
    try:
        yield road
    finally:
        _road.reset(token)


def _judged(result: Any, road: _Road, service: str, url: str, ctx: Context) -> Receipt:
    if result.status == AppriseResultStatus.SUCCESS:
        return Receipt(f"{service} took it")
    if road.blocked:
        raise Permanent(road.blocked.sentence)
    if result.status == AppriseResultStatus.TIMEOUT:
        raise Doubtful(f"{service} did not answer within {ctx.timeout_s:g} s and may have it. Look there before you send it again.")
    lines = [entry.message for one in result.results for entry in one.logs() if entry.level in {"WARNING", "ERROR"}]
    why = clipped(Redactor([url, *url.partition("://")[2].split("/")])(" ".join(lines)), 240) or "it did not say why"
    if road.is_connected and "connection error" in why.lower():  # a read that timed out, or was cut off: it may have arrived
        raise Doubtful(f"{service} was called and did not answer in time. It may have it: look there before you send it again.")
    status = _STATUS.search(why)
    if status and 400 <= int(status[1]) < 500 and int(status[1]) not in AGAIN:
        raise Permanent(f"{service} refuses it: {why}")
    raise Passing(f"{service} did not take it: {why}")


@lru_cache(maxsize=8)
def _asset(timeout_s: float) -> AppriseAsset:
    asset = AppriseAsset(service_timeout=timeout_s, storage_mode=apprise.PersistentStoreMode.MEMORY, allow_templates=False)
    asset.app_id, asset.app_desc, asset.app_url = "Lastgood", "Lastgood", ""
    asset.http_redirects = False
    asset.async_mode = False
    return asset


def _plugin(url: str, timeout_s: float = 20.0) -> Any:
    """Apprise's object for this URL. Invalid where it is none that we use."""
    scheme = url.partition("://")[0].lower()
    if "://" not in url:
        raise Invalid({"url": f"This is no address of a service. {_EXAMPLE}"})
    if scheme in {"mailto", "mailtos"}:
        raise Invalid(
            {"url": "Mail has a channel of its own, which knows when nobody can tell whether a mail arrived. Add a mail channel."}
        )
    if scheme not in _schemes():
        raise Invalid({"url": f"{clipped(scheme, 40)}:// is not a service that is called over HTTP, so it is not offered. {_EXAMPLE}"})
    plugin = apprise.Apprise.instantiate(url, asset=_asset(timeout_s))
    if plugin is not None:
        plugin.socket_read_timeout = timeout_s  # Apprise's own 4 s are short for a service in trouble
        plugin.overflow_mode = apprise.OverflowMode.SPLIT  # a long text comes in parts, and none is cut off
    if plugin is None:
        raise Invalid({"url": f"The address is not complete for {N_MGR[scheme].service_name}. See appriseit.com for how it is written."})
    return plugin


@lru_cache(maxsize=1)
def _schemes() -> frozenset[str]:
    """The schemes of services that are called by HTTP; all others are switched off for this process."""
    found: set[str] = set()
    for plugin in set(N_MGR.plugins()):  # type: ignore[no-untyped-call]
        if plugin.enabled and hasattr(inspect.getmodule(plugin), "requests"):
            for names in (plugin.protocol, plugin.secure_protocol):
                found |= {names} if isinstance(names, str) else set(names or ())
    N_MGR.enable_only(*found)  # type: ignore[no-untyped-call]
    return frozenset(found)


CHANNEL = Services()
