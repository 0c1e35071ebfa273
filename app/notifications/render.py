"""Put values into a text that somebody wrote. `{{ field }}` and nothing else: no expressions, no loops, no look into objects.

A value is put in once and never read again, so what somebody typed into an incident cannot name a field of its own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.core.errors import Invalid
from app.notifications.fields import BY_NAME, Field, near
from app.notifications.kinds import OUTSIDE, Audience

LONGEST_SUBJECT = 200
LONGEST_BODY = 10_000
_PLACE = re.compile(r"\{\{([^{}]*)\}\}")
_UNFIT = re.compile(r"[^\S\n]*[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Filled:
    """A text with its values, and the fields in it that nobody knows yet."""

    text: str
    missing: tuple[Field, ...]


def named(text: str) -> list[str]:
    """The fields that a text names, each once, in order."""
    return list(dict.fromkeys(match.strip() for match in _PLACE.findall(text)))


def fill(text: str, values: Mapping[str, str]) -> Filled:
    """The text with every known field replaced, what nobody knows by the field's own words for that. Unknown names stay as they are."""

    def put(match: re.Match[str]) -> str:
        field = BY_NAME.get(match[1].strip())
        return match[0] if field is None else values.get(field.name) or field.unknown

    used = [BY_NAME[name] for name in named(text) if name in BY_NAME]
    return Filled(_PLACE.sub(put, text), tuple(field for field in used if not values.get(field.name)))


def problem(text: str, audience: Audience) -> str:
    """Why this text cannot be used, in one sentence, or nothing."""
    for name in named(text):
        if name not in BY_NAME:
            meant = near(name)
            return f"There is no field “{name[:40]}”. " + (
                f"Did you mean {meant}?" if meant else "The list beside the text names them all."
            )
        if BY_NAME[name].is_inside and audience in OUTSIDE:
            return f"“{name}” is for people inside only, and this text goes to the {audience}. Write it in your own words."
    rest = _PLACE.sub("", text)
    if "{{" in rest or "}}" in rest:
        return "A field is not closed: it is written {{ field }}, with two braces on each side."
    return ""


def check(subject: str, body: str, audience: Audience, *, nothing: str) -> tuple[str, str]:
    """Subject and body as they are kept. Invalid names what is wrong with each; `nothing` says what is true now ("Nothing was saved")."""
    subject, body = " ".join(clean(subject).split()), clean(body).strip()
    problems = {}
    for name, text, longest in (("subject", subject, LONGEST_SUBJECT), ("body", body, LONGEST_BODY)):
        if not text:
            problems[name] = f"The {'subject' if name == 'subject' else 'text'} is empty. {nothing}: write what people should read."
        elif len(text) > longest:
            problems[name] = f"This has {len(text):,} characters; {longest:,} fit. {nothing}: shorten it."
        elif sentence := problem(text, audience):
            problems[name] = f"{sentence} {nothing}."
    if problems:
        raise Invalid(problems)
    return subject, body


def clean(text: str) -> str:
    """Without control characters and without marks that turn the direction of writing."""
    return _UNFIT.sub("", text.replace("\r\n", "\n"))
