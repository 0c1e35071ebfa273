"""What may be private in a text that is about to be public, found by rules.

The rules err on the side of finding: a person confirms what is harmless, once, by its own words. What no rule can know (a customer's
name, a number that was never public) stays the reader's to find; the page says so.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

KINDS = {
    "person": "name of a person",
    "email": "e-mail address",
    "address": "address inside of the network",
    "host": "name of a host",
    "token": "token or key",
    "link": "link into the house",
    "phone": "telephone number",
}
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_IP4 = re.compile(
    r"(?<![\d.])(?:(?:10|127)\.\d{1,3}|192\.168|169\.254|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))"
    r"(?:\.\d{1,3}){2}(?!\d|\.\d)"
)
_IP6 = re.compile(r"(?<![\w:])(?:f[cd][0-9a-f]{2}|fe80)(?::{1,2}[0-9a-f]{0,4})+", re.IGNORECASE)
_HOST = re.compile(
    r"(?<![\w.@/-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:local|internal|intranet|lan|corp|home|svc|cluster\.local|localdomain)(?![\w-])",
    re.IGNORECASE,
)
_NODE = re.compile(
    r"(?<![\w.@/-])(?=[a-z0-9-]*\d)[a-z][a-z0-9]*-(?:[a-z0-9]+-)+[a-z0-9]{4,}(?![\w-])"
)  # pods and nodes: login-6c9f7d-4xk2p
_LOCAL = re.compile(r"(?<![\w.-])localhost(?![\w-]|\.\w)", re.IGNORECASE)
_TOKENS = (
    re.compile(r"(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk_(?:live|test)_|AKIA|ASIA|AIza|lg_)[\w-]{8,}"),
    re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    re.compile(r"(?:password|passwd|secret|token|api[_-]?key|authorization)\s*[=:]\s*[\"']?(?:bearer\s+)?[^\s\"',;]{4,}", re.IGNORECASE),
    re.compile(r"://[^\s/:@]+:[^\s/@]+@"),
    re.compile(r"(?<![\w/+=-])(?=[\w+/-]*\d)(?=[\w+/-]*[a-z])(?=[\w+/-]*[A-Z])[\w+/-]{32,}={0,2}(?![\w/+=-])"),
)
_PHONE = re.compile(r"(?<![\w.:-])(?:\+\d{1,3}[\s-]?)(?:\(?\d{1,4}\)?[\s-]?){2,5}\d{2,4}(?![\w:-])")


@dataclass(frozen=True)
class Finding:
    """Something that may be private: which rule found it, the words themselves, and the line in which they stand."""

    kind: str
    words: str
    line: str

    @property
    def name(self) -> str:
        return KINDS[self.kind]


def find(text: str, *, people: Iterable[str] = (), hosts: Iterable[str] = ()) -> list[Finding]:
    """What may be private, in order of appearance, each by its words once.

    `people` are names of persons of the console; their first and last names count alone too. `hosts` are names that only the house
    knows: of clusters, of the console itself.
    """
    found: dict[str, Finding] = {}
    taken: list[tuple[int, int]] = []
    for at, kind, words in sorted(_hits(text, _names(people), hosts), key=lambda hit: (hit[0], -len(hit[2]))):
        if any(begin <= at and at + len(words) <= end for begin, end in taken):
            continue  # part of what was found already
        taken.append((at, at + len(words)))
        found.setdefault(words, Finding(kind, words, _line(text, at)))
    return list(found.values())


def _hits(text: str, names: Iterable[str], hosts: Iterable[str]) -> Iterator[tuple[int, str, str]]:
    rules = [("token", pattern) for pattern in _TOKENS]
    rules += [
        ("email", _EMAIL),
        ("address", _IP4),
        ("address", _IP6),
        ("host", _HOST),
        ("host", _NODE),
        ("host", _LOCAL),
        ("phone", _PHONE),
    ]
    rules += [("person", _whole(name)) for name in names] + [("host", _whole(host)) for host in hosts if len(host) > 2]
    for kind, pattern in rules:
        for hit in pattern.finditer(text):
            yield hit.start(), kind, hit[0].rstrip(" .,;:!?)")


def _names(people: Iterable[str]) -> set[str]:
    whole = {" ".join(name.split()) for name in people}
    return {part for name in whole for part in (name, *name.split()) if len(part) > 2}


def _whole(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(words)}(?!\w)")


def _line(text: str, at: int) -> str:
    begin, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
    return text[begin : end if end >= 0 else None].strip()[:200]
