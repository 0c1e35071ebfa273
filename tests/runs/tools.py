"""Real tools under the crash harness: the same actions, with deadlines that a test can wait for."""

from app.executors import registry
from app.executors.git.return_to import ReturnTo


class BriefReturnTo(ReturnTo):
    """On this machine a push has landed within seconds, or never will."""

    name = "brief.return_to"

    def resolve(self, params, ctx):
        return super().resolve(params, ctx).model_copy(update={"effect_deadline_s": 5.0})


BRIEF = (BriefReturnTo(),)


def load():
    """Make them known in this process."""
    registry.register(*BRIEF)
