"""What a person is told when something does not go: one sentence each, ready to be read at 3 a.m."""


class Refused(Exception):
    """An action was refused and nothing changed.

    The text is what the user reads: what happened, what is true now, what to do next. `field` names the form field
    that it belongs to, where there is one.
    """

    def __init__(self, sentence: str, *, field: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field


class Invalid(Refused):
    """Several fields of one form are wrong: `problems` maps field name to sentence. Nothing was saved."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


class Conflict(Refused):
    """Refused because somebody or something else was first. `link` leads to the winner, where there is a page for it."""

    def __init__(self, sentence: str, *, link: str | None = None) -> None:
        super().__init__(sentence)
        self.link = link


class NotFound(Exception):
    """There is no such thing, or the reader may not know that there is."""

    def __init__(self, sentence: str = "There is nothing at this address, or you may not see it.") -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Forbidden(Exception):
    """The person is known and may not do this. The text names what is missing and who can grant it."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
