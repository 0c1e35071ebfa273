"""The fields that a text may name as `{{ field }}`: this list and nothing else. `docs/notices.md` shows the same list."""

from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class Field:
    """`unknown` is what the text says while nobody knows the value; `asked` is the question that only a person can answer."""

    name: str
    says: str
    unknown: str
    example: str
    is_inside: bool = False  # carries internals: not for customers and the public
    asked: str = ""


FIELDS = (
    Field("title", "the incident's title", "", "Nobody can sign in", is_inside=True),
    Field("incident", "its number, INC-42", "", "INC-42", is_inside=True),
    Field("status", "how far it is: being assessed, recovering, resolved", "", "recovering"),
    Field("severity", "critical, high, medium or low", "", "critical"),
    Field("services", "the services that it touches, by name", "one of our services", "Log-in and Shop"),
    Field("suspect", "the release under suspicion", "no release is under suspicion", "Log-in v1.2.4", is_inside=True),
    Field("impact", "what people notice", "not known yet", "Nobody can sign in", asked="Impact: what do people notice?"),
    Field("affected", "the share of users", "not known yet", "38\u00a0% of users"),
    Field("action", "what is being done", "we are finding out what helps", "we roll back", asked="Action: what is being done?"),
    Field(
        "eta",
        "when it is expected to work again",
        "not known yet",
        "about 14:50 UTC, then we verify",
        asked="ETA: when do you expect it to work again?",
    ),
    Field(
        "timeline",
        "the last lines of the timeline, without notes",
        "nothing yet",
        "14:32 Ana Ruiz declared the incident: Nobody can sign in",
        is_inside=True,
    ),
    Field("cadence", "how often people hear", "we write when there is news", "then every 5 minutes"),
    Field("next_update", "when they hear next", "when there is news", "by 14:41 UTC"),
    Field("began", "when it began, or was declared", "", "24 Nov 2026, 14:26 UTC"),
    Field("declared", "when it was declared", "", "24 Nov 2026, 14:32 UTC"),
    Field("duration", "how long it has lasted, or lasted", "", "18 minutes"),
    Field("commander", "who commands", "nobody yet", "Ana Ruiz", is_inside=True),
    Field("communications", "who leads the communication", "nobody yet", "Bo Lind", is_inside=True),
    Field(
        "recovery",
        "what the newest run does or did",
        "none was started yet",
        "Roll back Log-in to v1.2.3 (run 12): 3 of 3 pods run v1.2.3",
        is_inside=True,
    ),
    Field("verdict", "what the newest verification says", "not verified yet", "Recovered: all 4 checks held for 5 min", is_inside=True),
    Field("resolution", "what ended it", "not known yet", "Log-in was taken back to v1.2.3", asked="Resolution: what ended it?"),
    Field("next_steps", "what comes after", "a review follows", "a review on Thursday", asked="Next steps: what comes after?"),
    Field("link", "the incident's page in the console", "", "https://lastgood.example.org/incidents/42", is_inside=True),
    Field("now", "the moment of sending", "", "24 Nov 2026, 14:44 UTC"),
)
BY_NAME = {field.name: field for field in FIELDS}
ASKED = tuple(field for field in FIELDS if field.asked)
LONGEST_ANSWER = 1000


def near(name: str) -> str:
    """The field that was probably meant, or nothing."""
    return next(iter(get_close_matches(name.lower().replace("-", "_").replace(" ", "_"), BY_NAME, n=1, cutoff=0.6)), "")


def reference() -> str:
    """The list as a markdown table, for `docs/notices.md`."""
    lines = ["| field | what it says | while nobody knows | for people outside |", "|---|---|---|---|"]
    for field in FIELDS:
        outside = "no" if field.is_inside else "yes"
        lines.append(f"| `{{{{ {field.name} }}}}` | {field.says} | {field.unknown or 'always known'} | {outside} |")
    return "\n".join(lines)
