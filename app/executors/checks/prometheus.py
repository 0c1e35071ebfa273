"""Prometheus' HTTP API, and what its answers mean. Facts and texts: engines.md 10.2, tried on 2.42."""

import json
import math
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from app.core.gateway import AddressBlocked, NoAnswer
from app.executors.base import Context
from app.executors.checks import calls
from app.executors.checks.readings import Unclear

MOST_POINTS = 11_000  # of one range query; beyond it Prometheus answers 400


class Answer(NamedTuple):
    """The one number of a query: None where there is no series at all, NaN where there is one without traffic."""

    value: float | None
    warnings: list[str]


def ask(ctx: Context, url: str, query: str, *, timeout_s: float = 10.0, at: datetime | None = None) -> Answer:
    """An instant query. Unclear where the source cannot be asked, and where the query gives more than one number."""
    fields = {"query": query, "timeout": f"{timeout_s:g}s"} | ({"time": f"{at.timestamp():.3f}"} if at else {})
    data, warnings = _post(ctx, url, "query", fields, timeout_s)
    if data["resultType"] == "scalar":
        return Answer(_number(data["result"][1], query), warnings)
    if data["resultType"] != "vector":
        raise Unclear(f"The query gives a {data['resultType']}, not a number: {_short(query)}", "config")
    return Answer(_number(_only(data["result"], query)["value"][1], query) if data["result"] else None, warnings)


def ask_range(
    ctx: Context, url: str, query: str, *, start: datetime, end: datetime, step_s: float, timeout_s: float = 10.0
) -> dict[datetime, float]:
    """A range query: the points that are numbers, by moment. Empty where there is no series. Unclear as for `ask`."""
    step_s = max(step_s, 1.0, (end - start).total_seconds() / (MOST_POINTS - 1))
    fields = {"query": query, "start": f"{start.timestamp():.3f}", "end": f"{end.timestamp():.3f}", "step": f"{step_s:g}"}
    data, _ = _post(ctx, url, "query_range", fields | {"timeout": f"{timeout_s:g}s"}, timeout_s)
    points = _only(data["result"], query)["values"] if data["result"] else []
    numbers = ((datetime.fromtimestamp(at, UTC), float(text)) for at, text in points)
    return {at: value for at, value in numbers if math.isfinite(value)}


def _post(ctx: Context, url: str, endpoint: str, fields: dict[str, str], timeout_s: float) -> tuple[Any, list[str]]:
    place = calls.where(url)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    address = f"{url.rstrip('/')}/api/v1/{endpoint}"
    try:
        answer = calls.call(
            ctx, address, method="POST", headers=headers, body=urlencode(fields).encode(), timeout_s=timeout_s, limit_bytes=10_000_000
        )
    except AddressBlocked as error:
        raise Unclear(error.sentence, "config") from error
    except NoAnswer as error:
        raise Unclear(f"Prometheus cannot be asked: {error.sentence}", "unreachable") from error
    calls.refused(answer, url)
    try:
        said = json.loads(answer.body)
        if answer.status == 200 and said["status"] == "success":
            return said["data"], [str(text) for text in said.get("warnings", [])]
        kind, why = str(said.get("errorType", "")), str(said.get("error", ""))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unclear(f"{place} answers {answer.status}, and not as Prometheus does. Check the address.", "config") from error
    if answer.status in {400, 422} or kind in {"bad_data", "execution"}:
        raise Unclear(f"Prometheus cannot evaluate the query: {why[:300]}", "config")
    raise Unclear(f"Prometheus is there, but does not answer the query ({answer.status}): {why[:300]}", "unreachable")


def _only(result: list[Any], query: str) -> Any:
    if len(result) > 1:
        raise Unclear(f"The query gives {len(result)} series; one number is needed. Aggregate it, as in sum(…): {_short(query)}", "config")
    return result[0]


def _number(text: str, query: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise Unclear(f"The query divides by nought ({text}): {_short(query)}", "config")
    return value


def _short(query: str) -> str:
    return query if len(query) <= 120 else f"{query[:119]}…"
