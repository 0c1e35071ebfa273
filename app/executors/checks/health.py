"""Health: does the service say that it is well."""

from app.core.gateway import AddressBlocked, NoAnswer
from app.executors.base import Context
from app.executors.checks import calls
from app.executors.checks.configs import HealthConfig
from app.executors.checks.figures import NBSP, number
from app.executors.checks.readings import Reading, Unclear


def read(config: HealthConfig, ctx: Context) -> Reading:
    """One GET without redirects. No answer is a failure, since health is what the answer proves; a blocked address is ours."""
    place = calls.where(config.url)
    try:
        answer = calls.call(ctx, config.url, timeout_s=config.timeout_s)
    except AddressBlocked as error:
        raise Unclear(error.sentence, "config") from error
    except NoAnswer as error:
        return Reading(outcome="fail", sentence=error.sentence)
    took = f"in {number(answer.elapsed_s * 1000)}{NBSP}ms"
    facts = {"value": answer.elapsed_s * 1000, "unit": "ms"}
    if answer.status != config.expect_status:
        return Reading(outcome="fail", sentence=f"{place} answers {answer.status} instead of {config.expect_status}.", **facts)
    if config.json_path:
        try:
            found = calls.plain(calls.field_of(answer, config.json_path))
        except LookupError as error:
            return Reading(outcome="fail", sentence=f"{place} answers {answer.status}, but {error}.", **facts)
        if found != config.json_equals:
            sentence = f"{place} says {config.json_path} is {found[:100]} instead of {config.json_equals}."
            return Reading(outcome="fail", sentence=sentence, **facts)
        return Reading(outcome="pass", sentence=f"{place} says {config.json_path} is {found[:100]}, {took}.", **facts)
    return Reading(outcome="pass", sentence=f"{place} answers {answer.status} {took}.", **facts)
