"""Deploy commands: argument lists with {version} and {commit} at the end of an argument, and nothing that a shell would read."""

import re
from collections.abc import Mapping, Sequence

from app.executors.base import StepFailed

# each value must look like this; none can begin with a hyphen and be taken for an option
VALUES = {"version": re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}"), "commit": re.compile(r"[0-9a-f]{40}")}
_FIELD = re.compile(r"([^{}]*)\{(version|commit)\}")


def check(argv: Sequence[str]) -> None:
    """StepFailed where a list is no command that we would run: a field may only be an argument, or end one ("--tag={version}")."""
    if not argv or not argv[0].strip() or "{" in argv[0]:
        raise StepFailed("The deploy command has no program. Its first argument is the program, without fields. Nothing was changed.")
    for argument in argv:
        if ("{" in argument or "}" in argument) and not _FIELD.fullmatch(argument):
            raise StepFailed(
                f"The argument {argument} cannot be filled in: {{version}} or {{commit}} stands alone or at the end, "
                f"as in --tag={{version}}. Nothing was changed."
            )
        if "\0" in argument:
            raise StepFailed("An argument of the deploy command holds a NUL. Nothing was changed.")


def fill(argv: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """The command with its fields filled in. StepFailed where a value does not look as it must."""
    check(argv)
    filled = []
    for argument in argv:
        field = _FIELD.fullmatch(argument)
        if field is None:
            filled.append(argument)
            continue
        prefix, name = field.groups()
        value = values.get(name, "")
        if not VALUES[name].fullmatch(value):
            raise StepFailed(f"The deploy command needs a {name}, and “{value}” is none that it can be given. Nothing was changed.")
        filled.append(prefix + value)
    return filled
