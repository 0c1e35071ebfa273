"""The Prometheus text format, read by ourselves: for services that have `/metrics` and no Prometheus.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_LINE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?\s+(\S+)')
_ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}


class Series(NamedTuple):
    name: str
    labels: Mapping[str, str]
    value: float


class Matcher(NamedTuple):
    """`code=~"5.."`: as in PromQL, an expression covers the whole value, and a missing label is an empty one."""

    label: str
    sign: str
    value: str

    def fits(self, labels: Mapping[str, str]) -> bool:
        have = labels.get(self.label, "")
        same = re.fullmatch(self.value, have[:1000]) is not None if "~" in self.sign else have == self.value
        return same != self.sign.startswith("!")


def matchers_of(text: str) -> list[Matcher]:
    """Parse `path="/login", code=~"5.."`. ValueError, with a sentence, where it is not like that."""
    found, position, text = [], 0, text.strip().strip("{}")
    while position < len(text):
        match = _LABEL.match(text, position)
        if not match:
            raise ValueError('Write labels like code=~"5..", path="/login".')
        try:
            re.compile(match[3] if "~" in match[2] else "")
        except re.error as error:
            raise ValueError(f"{match[3]} is not a regular expression: {error}.") from error
        found.append(Matcher(match[1], match[2], _unescaped(match[3])))
        position = match.end()
    return found


def parse(text: str) -> Iterator[Series]:
    """Every series of an answer. Comments and lines that are none are passed over."""
    for line in text.splitlines():
        match = _LINE.match(line)
        if match and not line.startswith("#"):
            try:
                value = float(match[3])
            except ValueError:
                continue
            yield Series(match[1], {label: _unescaped(content) for label, _, content in _LABEL.findall(match[2] or "")}, value)


def select(series: Iterable[Series], name: str, matchers: Iterable[Matcher]) -> list[Series]:
    wanted = list(matchers)
    return [one for one in series if one.name == name and all(matcher.fits(one.labels) for matcher in wanted)]


def quantile(q: float, buckets: Mapping[float, float]) -> tuple[float | None, bool]:
    """`histogram_quantile` over bucket bounds and cumulative counts: the value, and whether it is only a lower bound.

    Linear within a bucket. Beyond the last finite bound all that is known is that bound, as in Prometheus.
    """
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0.0
    if total <= 0:
        return None, False
    rank, below, lower = q * total, 0.0, 0.0
    for bound in bounds:
        if buckets[bound] >= rank:
            if bound == float("inf"):
                return lower, True
            inside = buckets[bound] - below
            return lower + (bound - lower) * ((rank - below) / inside if inside else 1.0), False
        below, lower = buckets[bound], bound
    return lower, True


def _unescaped(text: str) -> str:
    return re.sub(r'\\[n"\\]', lambda match: _ESCAPES[match[0]], text)
