"""Which facts there are, what values they take, and how they read. Rules name facts by these keys and no others."""

from dataclasses import dataclass
from typing import Any

from app.core.errors import Refused
from app.executors.checks.figures import figure, number
from app.incidents.states import TROUBLE_NAMES, Severity, Trouble

Value = float | bool | str | None  # None: unknown

NUMBER, YES_NO, CHOICE = "number", "yes_no", "choice"
WORDS = {True: "yes", False: "no"}
READ = {"yes": True, "true": True, "no": False, "false": False}
MOST = 1_000_000.0


@dataclass(frozen=True)
class Kind:
    """One fact. `unit` stands behind a number; `choices` are the values of a choice, with the word for each."""

    key: str
    name: str
    type: str
    unit: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    hint: str = ""  # beside the field that a person fills in
    is_stated: bool = True  # whether a person may say it on the assessment
    most: float = MOST

    def checked(self, value: object) -> Value:
        """The value as it is kept, from JSON. Refused where this fact cannot have it."""
        if value is None:
            return None
        if self.type == YES_NO and isinstance(value, bool):
            return value
        if self.type == NUMBER and isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= self.most:
            return float(value)
        if self.type == CHOICE and isinstance(value, str) and value in dict(self.choices):
            return value
        raise Refused(f"{self.name} is {self.allowed}. Nothing was changed: correct it, or say that it is unknown.", field=self.key)

    def read(self, typed: str) -> Value:
        """The value of what was typed; empty and "unknown" are None."""
        text = typed.strip().lower()
        if text in ("", "unknown"):
            return None
        if self.type == YES_NO:
            return self.checked(READ.get(text, text))
        if self.type == CHOICE:
            return self.checked(text)
        try:
            return self.checked(float(text.replace(",", ".").removesuffix(self.unit).strip()))
        except ValueError:
            return self.checked(text)

    def shown(self, value: Value) -> str:
        """ "12.4 %", "4.1 times", "45 min", "yes", "unknown"."""
        if value is None:
            return "unknown"
        if isinstance(value, bool):
            return WORDS[value]
        return figure(value, self.unit) if isinstance(value, float | int) else dict(self.choices).get(value, value)

    @property
    def allowed(self) -> str:
        if self.type == YES_NO:
            return "yes or no"
        if self.type == CHOICE:
            return "one of " + ", ".join(key for key, _ in self.choices)
        return f"a number from 0 to {number(self.most)}" + (f" {self.unit}" if self.unit else "")


SEVERITIES = tuple((str(one), one.capitalize()) for one in Severity)
TROUBLES = tuple((str(one), TROUBLE_NAMES[one]) for one in Trouble)
GOOD = (("proven", "Yes, proven"), ("unproven", "Yes, not proven"), ("none", "No"))

KINDS = {
    kind.key: kind
    for kind in (
        Kind("error_rate", "Error rate", NUMBER, "%", most=100.0),
        Kind("latency_ratio", "Response time against the baseline", NUMBER, "times", hint="1 is as it was before the release."),
        Kind("users_affected", "Users affected", NUMBER, "%", most=100.0, hint="Of all users. The header shows it too."),
        Kind("critical_broken", "Critical functionality is broken", YES_NO),
        Kind("data_corruption", "Data is being corrupted", YES_NO),
        Kind("vulnerability", "A security vulnerability was introduced", YES_NO),
        Kind("minor_with_workaround", "Minor bug with a workaround", YES_NO),
        Kind("fix_minutes", "Time to fix forward", NUMBER, "min", hint="Until the fix is live, deploy included."),
        Kind("rollback_minutes", "Time to roll back", NUMBER, "min"),
        Kind("rollback_loses_data", "Rolling back would lose data", YES_NO),
        Kind("good_release", "A good release to go back to", CHOICE, choices=GOOD),
        Kind("release_age", "Age of the suspect release", NUMBER, "min"),
        Kind("user_reports", "User reports", NUMBER, is_stated=False),
        Kind("severity", "Severity", CHOICE, choices=SEVERITIES),
        Kind("trouble", "Kind of trouble", CHOICE, choices=TROUBLES),
    )
}


def kind_of(key: str) -> Kind:
    """Refused for a fact that there is none of."""
    if key not in KINDS:
        raise Refused(f"There is no fact “{key[:40]}”. Nothing was changed: name one of {', '.join(KINDS)}.", field="fact")
    return KINDS[key]


def json_value(value: Any) -> Value:
    """A value as it came back from a JSON column: whole numbers are numbers too."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
