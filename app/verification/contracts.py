"""The contract: which checks count, with which limits, and for how long they must hold. Agreed before the button is pressed.

{"soak_s": 300, "deadline_s": 960, "every_s": 10, "checks": [{"check_id", "name", "kind", "config", "required"}]}
"""

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.catalog import queries as catalog
from app.catalog.models import Service, Target
from app.core.database import Json
from app.core.errors import Invalid
from app.executors.checks.calls import where
from app.executors.checks.configs import Config, HealthConfig, MetricConfig, SmokeConfig, VersionConfig, parse
from app.executors.checks.figures import NBSP, number, span

USUAL_SOAK_S = 300
LONGEST_S = 24 * 3600
_DURATION = re.compile(r"(\d+(?:[.,]\d+)?)\s*(s|sec|seconds?|m|min|minutes?|h|hours?)?", re.IGNORECASE)


@dataclass(frozen=True)
class Line:
    """One check as the form of a contract draws it; `limit` and `window` are empty where the check has none."""

    position: int
    name: str
    sentence: str
    required: bool
    limit: str = ""
    unit: str = ""
    window: str = ""


def default(session: Session, service: Service, *, target: Target | None = None) -> Json:
    """All checks of the service, and the version on every replica where the target can tell and no check asks for it."""
    checks = [
        {"check_id": check.id, "name": check.name, "kind": check.kind, "config": check.config, "required": check.required}
        for check in catalog.checks_of(session, service)
    ]
    if not any(check["kind"] == "version" for check in checks):
        checks += _version_of(target) if target else []
    window = _longest_window(checks)
    soak = min(USUAL_SOAK_S, service.good_after_s)
    return {
        "soak_s": soak,
        "deadline_s": round(soak + window + max(120, 2 * soak)),
        "every_s": min(15, max(2, round(_shortest_window(checks) / 5))),
        "checks": checks,
    }


def edited(contract: Json, form: Mapping[str, str]) -> Json:
    """The contract with what a person changed. Invalid, field by field, where it makes no sense; the given one stays as it is.

    Fields: `soak` and `deadline` ("5 min", "90 s", "300"); per check, by its place: `required-0` (a box), `limit-0`, `window-0`.
    A box that is not ticked is not sent, so the boxes count only where the hidden field `checks` was sent with them.
    """
    new, problems = deepcopy(contract), dict[str, str]()
    for name in ("soak", "deadline"):
        if form.get(name):
            _set_duration(new, f"{name}_s", form[name], name, problems, least=1)
    for position, check in enumerate(new.get("checks", [])):
        if "checks" in form:
            check["required"] = f"required-{position}" in form
        _set_limits(check, position, form, problems)
    if not problems:
        problems = _against_each_other(new)
    if problems:
        raise Invalid(problems)
    return new


def sentences(contract: Json) -> list[tuple[str, str]]:
    """Name and promise of each required check, then how long: ("Error rate", "under 1 % for 5 min")."""
    return [(line.name, line.sentence) for line in lines(contract) if line.required]


def lines(contract: Json) -> list[Line]:
    """Every check as a form or a list draws it."""
    return [_line(position, check, contract) for position, check in enumerate(contract.get("checks", []))]


def summary(contract: Json) -> str:
    """ "4 checks for 5 min, at the latest 16 min after the last step": the contract in one line."""
    count = sum(bool(check.get("required")) for check in contract.get("checks", []))
    word = "check" if count == 1 else "checks"
    return f"{count} {word} for {span(contract['soak_s'])}, at the latest {span(contract['deadline_s'])} after the last step"


def config_of(check: Json) -> Config | None:
    """The check's settings, or None where they cannot be used: its reading will say why."""
    try:
        return parse(check["kind"], check["config"])
    except Invalid:
        return None


def window_of(check: Json) -> float:
    """Seconds that one reading looks back; nought for all but metrics."""
    config = config_of(check)
    return config.window_s if isinstance(config, MetricConfig) and _looks_back(config) else 0.0


def duration(text: str) -> float | None:
    """Seconds of "5 min", "90s", "1,5 h" or "300"; None where it is no duration."""
    match = _DURATION.fullmatch(text.replace(NBSP, " ").strip())
    if not match:
        return None
    unit = (match[2] or "s")[0].lower()
    return float(match[1].replace(",", ".")) * {"s": 1, "m": 60, "h": 3600}[unit]


def _version_of(target: Target) -> list[Json]:
    version: Json = {"check_id": None, "name": "Version on each replica", "kind": "version", "config": {}, "required": True}
    if target.kind == "kubernetes":
        return [version]
    if url := target.config.get("version_url"):
        place = {"json_path": target.config["version_path"]} if target.config.get("version_path") else {}
        return [version | {"name": "Version", "config": {"source": "url", "url": url, **place}}]
    return []


def _looks_back(config: MetricConfig) -> bool:
    return config.source == "prometheus" or config.measure != "value"


def _longest_window(checks: list[Json]) -> float:
    return max((window_of(check) for check in checks), default=0.0)


def _shortest_window(checks: list[Json]) -> float:
    return min((window for check in checks if (window := window_of(check))), default=25.0)


def _line(position: int, check: Json, contract: Json) -> Line:
    config, soak = config_of(check), span(contract.get("soak_s", 0))
    required = bool(check.get("required"))
    if not isinstance(config, MetricConfig):
        return Line(position, check["name"], _promise(config, soak), required)
    sentence = f"{config.promise} for {soak}"
    return Line(position, check["name"], sentence, required, number(config.limit).replace(",", ""), config.unit, span(config.window_s))


def _promise(config: Config | None, soak: str) -> str:
    match config:
        case HealthConfig():
            what = f"{config.json_path} is {config.json_equals} at" if config.json_path else f"answers {config.expect_status} at"
            return f"{what} {where(config.url)} for {soak}"
        case VersionConfig(source="pods"):
            return f"the intended version on every pod for {soak}"
        case VersionConfig():
            return f"the intended version in {config.tries} answers in a row at {where(config.url)} for {soak}"
        case SmokeConfig(command=[]):
            many = "a request answers" if len(config.steps) == 1 else f"{len(config.steps)} requests in a row answer"
            return f"{many} as expected for {soak}"
        case SmokeConfig():
            return f"{config.command[0]} ends with 0 for {soak}"
        case _:
            return "its settings cannot be used: change them on the service's page"


def _set_duration(holder: Json, key: str, text: str, field: str, problems: dict[str, str], *, least: float) -> None:
    seconds = duration(text)
    if seconds is None:
        problems[field] = "Write a time like 5 min, 90 s or 1 h."
    elif not least <= seconds <= LONGEST_S:
        problems[field] = f"The time must lie between {span(least)} and {span(LONGEST_S)}."
    else:
        holder[key] = seconds if seconds % 1 else int(seconds)


def _set_limits(check: Json, position: int, form: Mapping[str, str], problems: dict[str, str]) -> None:
    """Limit and window of a metric; other checks have none, and fields for them are passed over."""
    if check["kind"] != "metric":
        return
    limit, window = f"limit-{position}", f"window-{position}"
    if text := form.get(limit, "").strip():
        try:
            # "1,204" is a thousand, "0,5" is a half: a limit ten times too wide would pass what is broken
            check["config"]["limit"] = float(re.sub(r",(?=\d{3}(?!\d))", "", text.replace(NBSP, "")).replace(",", "."))
        except ValueError:
            problems[limit] = f"The limit of {check['name']} must be a number, like 1 or 0.5."
    if form.get(window):
        _set_duration(check["config"], "window_s", form[window], window, problems, least=1)
    try:
        parse(check["kind"], check["config"])
    except Invalid as error:
        for field, sentence in error.problems.items():
            problems.setdefault({"window_s": window}.get(field, limit), sentence)


def _against_each_other(contract: Json) -> dict[str, str]:
    checks = contract.get("checks", [])
    if checks and not any(check["required"] for check in checks):
        return {"required-0": "At least one check must count, or there is no verdict. Tick one."}
    needed = contract["soak_s"] + _longest_window([check for check in checks if check["required"]])
    if contract["deadline_s"] <= needed:
        return {"deadline": f"The checks need {span(needed)} even when all goes well. Give them longer than that."}
    return {}
