"""What a check can be told, with the sentences that a form shows beside a wrong field."""

import json
import re
import shlex
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from app.core import gateway
from app.core.errors import Invalid
from app.executors.checks.exposition import matchers_of
from app.executors.checks.figures import figure

Url = Annotated[str, Field(max_length=2000)]
UNITS = {"error_ratio": "%", "rate": "/s", "latency": "ms", "value": ""}
_PATH = re.compile(r"[^.\s]+(\.[^.\s]+)*")


class CheckConfig(BaseModel):
    """Parent of the four. An empty form field counts as not given; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False)

    timeout_s: float = Field(10.0, gt=0, le=60)
    consecutive: int = Field(3, ge=1, le=100)  # successes in a row before the check holds

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, given: Any) -> Any:
        return {key: value for key, value in given.items() if value not in ("", None)} if isinstance(given, dict) else given

    @property
    def unit(self) -> str:
        return ""


def _web_address(url: str) -> str:
    try:
        gateway.parse(url)
    except gateway.NoAnswer as error:
        raise ValueError(error.sentence) from error
    return url


def _json_path(path: str) -> str:
    if path and not _PATH.fullmatch(path):
        raise ValueError("The place in the answer is written with dots, like status or checks.database.ok.")
    return path


class HealthConfig(CheckConfig):
    """One GET: the status, and a field of its JSON where one is named."""

    url: Url
    expect_status: int = Field(200, ge=100, le=599)
    json_path: str = ""
    json_equals: str = ""

    _url = field_validator("url")(_web_address)
    _path = field_validator("json_path")(_json_path)


class VersionConfig(CheckConfig):
    """The intended version, on every pod ("pods") or as the service itself says it ("url"), `tries` times in a row."""

    source: Literal["pods", "url"] = "pods"
    url: Url = ""
    json_path: str = ""
    header: str = Field("", pattern=r"^[A-Za-z0-9-]*$")
    pattern: str = Field("", max_length=200)  # a regular expression with one group, on the text of the answer
    tries: int = Field(3, ge=1, le=20)

    _path = field_validator("json_path")(_json_path)

    @field_validator("pattern")
    @classmethod
    def _one_group(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"The pattern is not a regular expression: {error}.") from error
        if pattern and groups != 1:
            raise ValueError("The pattern needs one group that catches the version, like version: (\\S+).")
        return pattern

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.source == "url":
            _require(self, "url", "Give the address at which the service says its version.")
            _web_address(self.url)
            if sum(map(bool, (self.json_path, self.header, self.pattern))) > 1:
                raise ValueError("field=json_path|Name one place for the version: a JSON field, a header or a pattern.")
        return self


class SmokeStep(BaseModel):
    """One request of a smoke test. Cookies travel from each step to the next."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: Url
    headers: dict[str, str] = Field(default_factory=dict)
    body: str = Field("", max_length=100_000)
    expect_status: int = Field(200, ge=100, le=599)
    expect_text: str = Field("", max_length=1000)

    _url = field_validator("url")(_web_address)


class SmokeConfig(CheckConfig):
    """A sequence of requests with expectations, or a command that ends with 0.

    `steps` may be typed, one a line: `GET https://shop.example.org/login 200 Sign in` (method, address, status, text).
    """

    timeout_s: float = Field(30.0, gt=0, le=300)  # of the whole test
    consecutive: int = Field(2, ge=1, le=100)
    steps: list[SmokeStep] = Field(default_factory=list, max_length=20)
    command: list[str] = Field(default_factory=list, max_length=50)

    @field_validator("steps", mode="before")
    @classmethod
    def _typed_lines(cls, given: Any) -> Any:
        if not isinstance(given, str):
            return given
        if given.lstrip().startswith("["):
            try:
                return json.loads(given)
            except ValueError as error:
                raise ValueError(f"The steps begin like JSON and are none: {error}.") from error
        return [_typed_step(line) for line in given.splitlines() if line.strip()]

    @field_validator("command", mode="before")
    @classmethod
    def _typed_command(cls, given: Any) -> Any:
        try:
            return shlex.split(given) if isinstance(given, str) else given
        except ValueError as error:
            raise ValueError(f"The command has an open quote: {error}.") from error

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.steps) == bool(self.command):
            raise ValueError("field=steps|Give either requests or a command: one of them says whether the service can be used.")
        return self


def _typed_step(line: str) -> dict[str, Any]:
    words = line.split(maxsplit=3)
    if len(words) == 1:
        words.insert(0, "GET")
    step: dict[str, Any] = {"method": words[0].upper(), "url": words[1]}
    if len(words) > 2:
        if not words[2].isdigit():
            raise ValueError(f"In “{line.strip()}” the third word is the status to expect, like 200.")
        step["expect_status"] = int(words[2])
    return step | ({"expect_text": words[3]} if len(words) > 3 else {})


class MetricConfig(CheckConfig):
    """A number with a limit: from Prometheus, or from a text endpoint that we scrape ourselves.

    measure   what the number is: a share of requests ("error_ratio", %), a count a second ("rate"), a quantile ("latency",
              ms), or whatever the query gives ("value", times `scale`)
    requests, errors, latency   PromQL, each asked for by itself; `{window}` stands for the window ("60s"). The share is
              computed here, so that a healthy service without an error series is 0 and not "no data"
    metric, matchers, of        endpoint: the counter or histogram, which series count, and of which series they are a share
    """

    source: Literal["prometheus", "endpoint"] = "prometheus"
    url: Url
    measure: Literal["value", "error_ratio", "rate", "latency"] = "value"
    query: str = Field("", max_length=4000)
    requests: str = Field("", max_length=4000)
    errors: str = Field("", max_length=4000)
    latency: str = Field("", max_length=4000)
    metric: str = Field("", pattern=r"^([a-zA-Z_:][a-zA-Z0-9_:]*)?$")
    matchers: str = Field("", max_length=500)
    of: str = Field("", max_length=500)
    quantile: float = Field(0.95, gt=0, lt=1)
    scale: float = Field(1.0, gt=0)
    limit: float
    direction: Literal["below", "above"] = "below"
    baseline_factor: float | None = Field(None, gt=0, le=100)
    window_s: float = Field(60.0, ge=1, le=3600)
    must_have_data: bool = True
    min_requests: int = Field(20, ge=0)
    shown_unit: str = Field("", alias="unit", max_length=12)

    _url = field_validator("url")(_web_address)

    @field_validator("matchers", "of")
    @classmethod
    def _readable(cls, text: str) -> str:
        matchers_of(text)
        return text

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.source == "endpoint":
            _require(self, "metric", "Name the counter, histogram or gauge, like http_requests_total.")
            return self
        needed = {"value": ["query"], "error_ratio": ["requests", "errors"], "rate": ["errors"], "latency": ["latency"]}
        for field in needed[self.measure]:
            _require(self, field, "Give the PromQL for this, like sum(rate(http_requests_total[{window}])).")
        return self

    @property
    def unit(self) -> str:
        return self.shown_unit or UNITS[self.measure]

    @property
    def factor(self) -> float:
        """From what the source counts in to the unit that is shown: shares to percent, seconds to milliseconds."""
        return self.scale * {"%": 100.0 if self.measure == "error_ratio" else 1.0, "ms": 1000.0 if self.measure == "latency" else 1.0}.get(
            self.unit, 1.0
        )

    def limit_with(self, baseline: float | None) -> float:
        """The limit that holds: never stricter than what was normal before, times the factor."""
        if self.baseline_factor is None or baseline is None:
            return self.limit
        usual = baseline * self.baseline_factor
        return max(self.limit, usual) if self.direction == "below" else min(self.limit, usual)

    @property
    def promise(self) -> str:
        """ "under 1 %": how the limit reads on a preview."""
        word = "under" if self.direction == "below" else "over"
        near = f", or {self.baseline_factor:g} times what it was before the release" if self.baseline_factor else ""
        return f"{word} {figure(self.limit, self.unit)}{near}"


Config = HealthConfig | VersionConfig | SmokeConfig | MetricConfig
KINDS: dict[str, type[Config]] = {"health": HealthConfig, "version": VersionConfig, "smoke": SmokeConfig, "metric": MetricConfig}


def parse(kind: str, config: dict[str, Any]) -> Config:
    """The checked settings of a check. Invalid, with one sentence a field, where something is wrong."""
    if kind not in KINDS:
        raise Invalid({"kind": f"A check is one of {', '.join(KINDS)}; {kind!r} is none of them."})
    try:
        return KINDS[kind].model_validate(config)
    except ValidationError as error:
        problems: dict[str, str] = {}
        for problem in error.errors():
            field, sentence = _said(problem)
            problems.setdefault(field, sentence)
        raise Invalid(problems) from error


def _require(config: BaseModel, field: str, sentence: str) -> None:
    if not getattr(config, field):
        raise ValueError(f"field={field}|{sentence}")


def _said(problem: Any) -> tuple[str, str]:
    """Field and sentence of one of pydantic's findings."""
    field = str(problem["loc"][0]) if problem["loc"] else ""
    text = problem["msg"].removeprefix("Value error, ")
    if text.startswith("field="):
        field, _, text = text.removeprefix("field=").partition("|")
    kind, limits = problem["type"], problem.get("ctx", {})
    if kind == "missing":
        text = "This is needed."
    elif kind == "extra_forbidden":
        text = f"{field} is not a setting of this check."
    elif kind in {"float_parsing", "int_parsing", "int_from_float", "finite_number"}:
        text = "This must be a number."
    elif "greater_than" in kind or "less_than" in kind:
        words = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
        text = "This must be " + " and ".join(f"{words[key]} {value:g}" for key, value in limits.items() if key in words) + "."
    return field, text
