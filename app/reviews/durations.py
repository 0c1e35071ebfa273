"""How long it took: to detect, to decide, to mitigate, to resolve. Worked out from the record each time, never stored.

detect     from when it began to when it was declared
decide     from when it was declared to the decision (or to the first recovery, where nobody wrote one down)
mitigate   from when it was declared to the end of the last recovery that worked, or to when the checks began to hold
resolve    from when it began (or was declared) to when it was resolved

Each says where it stands (peers.md 106): `recorded`, `pending` while it can still come, `unknown` where a mark was never set, and
`invalid` where its end lies before its beginning: a wrong time is shown as wrong, not as a number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.executors.checks.figures import span
from app.incidents.models import Incident, Phase
from app.incidents.states import PHASES, State
from app.runs.models import Run
from app.runs.states import RunState
from app.verification.models import Verification

WORDS = {"detect": "to detect", "decide": "to decide", "mitigate": "to mitigate", "resolve": "to resolve"}


@dataclass(frozen=True)
class Duration:
    """One of the four. `seconds` is None unless it is recorded."""

    name: str
    standing: str  # recorded | pending | unknown | invalid
    seconds: float | None = None

    @property
    def words(self) -> str:
        """ "4 min 50 s", or why there is no number."""
        return span(self.seconds) if self.seconds is not None else self.standing

    @property
    def label(self) -> str:
        return WORDS[self.name]


def of(
    incident: Incident,
    *,
    phases: Sequence[Phase],
    decided_at: datetime | None = None,
    runs: Sequence[Run] = (),
    verifications: Sequence[Verification] = (),
) -> list[Duration]:
    """The four durations of an incident, in the order of the table above. Phases are oldest first."""
    is_over, declared = not incident.is_open, incident.declared_at
    return [
        _between("detect", incident.began_at, declared, can_come=not is_over),
        _between("decide", declared, decided_at or _entered(phases, State.DECIDED), can_come=not is_over),
        _between("mitigate", declared, _mitigated(phases, runs, verifications), can_come=not is_over),
        _between("resolve", incident.since, incident.resolved_at, can_come=not is_over),
    ]


def sentence(durations: Sequence[Duration]) -> str:
    """ "25 min 10 s to resolve, 4 min 50 s to detect, …": those that are recorded, the whole first. Empty where none is."""
    told = [one for one in durations if one.seconds is not None]
    return ", ".join(f"{one.words} {one.label}" for one in sorted(told, key=lambda one: one.name != "resolve"))


def _between(name: str, begin: datetime | None, end: datetime | None, *, can_come: bool) -> Duration:
    if end is None:
        return Duration(name, "pending" if can_come else "unknown")
    if begin is None:
        return Duration(name, "unknown")
    seconds = (end - begin).total_seconds()
    return Duration(name, "recorded", seconds) if seconds >= 0 else Duration(name, "invalid")


def _entered(phases: Sequence[Phase], state: State) -> datetime | None:
    """When the incident first reached this phase or one that lies beyond it on the way to resolved."""
    beyond = PHASES[PHASES.index(state) : PHASES.index(State.RESOLVED)]
    return next((phase.began_at for phase in phases if phase.state in beyond), None)


def _mitigated(phases: Sequence[Phase], runs: Sequence[Run], verifications: Sequence[Verification]) -> datetime | None:
    ended = [run.ended_at for run in runs if run.state == RunState.SUCCEEDED and run.ended_at]
    if ended:
        return max(ended)
    held = [one.holding_since for one in verifications if one.verdict == "recovered" and one.holding_since]
    return max(held) if held else _entered(phases, State.VERIFYING)
