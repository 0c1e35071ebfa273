"""Smoke test: use the service as somebody would, and see that it does what it should."""

import tempfile
import time
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

from app.core import processes
from app.core.gateway import AddressBlocked, NoAnswer, parse
from app.core.redact import Redactor
from app.executors.base import Context
from app.executors.checks import calls
from app.executors.checks.configs import SmokeConfig, SmokeStep
from app.executors.checks.figures import span
from app.executors.checks.readings import Reading, Unclear

Origin = tuple[str, str, int]
Jar = dict[Origin, dict[str, str]]


def read(config: SmokeConfig, ctx: Context) -> Reading:
    """All steps in order, or the command. The first step that is not as expected ends the test and is named."""
    return _command(config, ctx) if config.command else _requests(config, ctx)


def _requests(config: SmokeConfig, ctx: Context) -> Reading:
    deadline = time.monotonic() + config.timeout_s
    count, jar = len(config.steps), Jar()
    home = _origin(config.steps[0].url)
    for position, step in enumerate(config.steps, start=1):
        said = f"Step {position} of {count}, {step.method} {calls.where(step.url)}"
        left = deadline - time.monotonic()
        if left <= 0:
            return _failed(f"{said} was not reached within {span(config.timeout_s)}.", position - 1)
        try:
            problem = _step(step, ctx, jar, left, with_proof=_origin(step.url) == home)
        except AddressBlocked as error:
            raise Unclear(error.sentence, "config") from error
        except NoAnswer as error:
            return _failed(f"{said}: {error.sentence}", position - 1)
        if problem:
            return _failed(f"{said} {problem}", position - 1)
    return Reading(outcome="pass", value=float(count), unit="", sentence=f"{count} of {count} steps as expected.")


def _step(step: SmokeStep, ctx: Context, jar: Jar, left: float, *, with_proof: bool) -> str:
    """What was not as expected; empty where all was. Cookies and the credential go only to the origin that they are for."""
    cookies = jar.setdefault(_origin(step.url), {})
    headers = dict(step.headers)
    if cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    own = ctx if with_proof else Context(operation=ctx.operation, allowed=ctx.allowed)
    body = step.body.encode() if step.body else None
    answer = calls.call(own, step.url, method=step.method, headers=headers, body=body, timeout_s=left)
    _keep(answer.headers.get("set-cookie", ""), cookies)
    if answer.status != step.expect_status:
        return f"answers {answer.status} instead of {step.expect_status}."
    if step.expect_text and step.expect_text not in answer.text:
        return f"answers {answer.status}, but without “{step.expect_text[:100]}”."
    return ""


def _keep(header: str, cookies: dict[str, str]) -> None:
    for line in header.split("\n"):  # the gateway puts cookies of one answer on lines of their own
        try:
            cookies.update((name, morsel.value) for name, morsel in SimpleCookie(line).items())
        except CookieError:
            continue  # a cookie that nobody can read is not sent back


def _origin(url: str) -> Origin:
    to = parse(url)
    return to.scheme, to.host, to.port


def _failed(sentence: str, done: int) -> Reading:
    return Reading(outcome="fail", value=float(done), sentence=sentence)


def _command(config: SmokeConfig, ctx: Context) -> Reading:
    lines: list[str] = []
    redact = Redactor()

    def keep(line: str) -> None:
        lines.append(redact(line))
        del lines[:-200]

    with tempfile.TemporaryDirectory(prefix="lastgood-smoke-") as folder:
        try:
            done = processes.run(
                config.command,
                cwd=Path(folder),
                deadline_s=config.timeout_s,
                output=keep,
                cancelled=ctx.cancelled,
                operation=ctx.operation,
            )
        except processes.NotStarted as error:
            raise Unclear(error.sentence, "config") from error
        except processes.Stopped as error:
            return Reading(outcome="fail", sentence=error.sentence, parts={"output": lines})
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    parts = {"output": lines}
    if done.code == 0:
        return Reading(outcome="pass", sentence=f"{config.command[0]} ended with 0 after {span(done.seconds)}.", parts=parts)
    why = f": {last[:300]}" if last else "."
    return Reading(outcome="fail", sentence=f"{config.command[0]} ended with {done.code}{why}", parts=parts)
