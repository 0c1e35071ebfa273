"""The outermost shell of the web door: what every answer has, whoever made it."""

from urllib.parse import urlsplit

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.settings import settings
from app.web import cookies, errors

# Nothing inline, nothing evaluated, nothing from elsewhere; data: images are Tabler's icons of form controls.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # not no-referrer: browsers would send the origin "null" with our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
LARGEST_BODY = 1_000_000


class Shell:
    """Adds the headers, gives the browser a new token where a handler asked for it, and catches what nobody caught."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                finish(scope, message)
            await send(message)

        try:
            if is_too_large(scope):
                response = await run_in_threadpool(errors.too_large, Request(scope))
                await response(scope, receive, sending)
                return
            await self.app(scope, receive, sending)
        except Exception as error:
            if started:  # too late for another answer: the connection breaks, and the server writes it down
                raise
            response = await run_in_threadpool(errors.crashed, Request(scope), error)
            await response(scope, receive, sending)


def is_too_large(scope: Scope) -> bool:
    """Whether the request says that its body is over the limit; one that does not say is cut off while it is read."""
    length = Headers(scope=scope).get("content-length", "")
    return length.isdigit() and int(length) > LARGEST_BODY


def finish(scope: Scope, message: Message) -> None:
    """Complete the head of an answer."""
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers[name] = value
    headers.setdefault("Cache-Control", "no-store")
    if urlsplit(settings().base_url).scheme == "https":
        headers["Strict-Transport-Security"] = "max-age=31536000"
    token = scope.get("state", {}).get("session_token")
    if token and message["status"] < 400:  # a refusal rolled the new token back
        _set_session(headers, token)
    if message["status"] == 303 and Headers(scope=scope).get("hx-request") == "true":
        # fetch would follow a redirect by itself and the whole page would land inside the piece
        headers["HX-Redirect"] = headers["location"]
        del headers["location"]
        message["status"] = 200


def _set_session(headers: MutableHeaders, token: str) -> None:
    carrier = Response()
    cookies.write_session(carrier, token)
    headers.append("set-cookie", carrier.headers["set-cookie"])
