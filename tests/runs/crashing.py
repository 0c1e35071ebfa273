"""One case of the crash points, for any tool: what happened, compared with what may be."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from app.runs.models import Run
from app.runs.recipes import Part
from app.runs.states import RunState
from tests.runs.arrange import Stage, rescue, until
from tests.runs.crash import KINDS, POINTS, over_or_frozen, state_of, wake

AT_ONCE = 6
RIVALS = 2  # workers that want the run once its carrier is gone: each may have it, one gets it


@dataclass(frozen=True)
class Scene:
    """A stage of its own for each case. `effects` counts in the world itself; `load` names the module that knows the action."""

    stage: Stage
    part: Part
    effects: Callable[[], int]
    ends: set[RunState]
    load: str = ""


def complaints(make, zygote, *, points=POINTS, kinds=KINDS, at_once=AT_ONCE):
    """Every case that did not go as it must. Empty is well."""
    with ThreadPoolExecutor(at_once) as pool:
        told = pool.map(lambda case: _one(make(), *case, zygote=zygote), [(point, kind) for point in points for kind in kinds])
        return [line for line in told if line]


def _one(scene, point, kind, *, zygote):
    stage, case = scene.stage, f"{scene.part.action} {kind} at {point}"
    run = stage.started(scene.part)
    carrier = zygote.carry(run.id, point, kind, load=scene.load)
    until(lambda: over_or_frozen(carrier), seconds=60, what=f"{case}: the fault")
    frozen = state_of(carrier) == "T"
    (ended,) = rescue({run.id}, seconds=90, workers=RIVALS)
    rows = [(step.state, step.observed) for step in stage.steps(run)]
    wake(carrier)
    until(lambda: state_of(carrier) in {"", "Z"}, seconds=60, what=f"{case}: the carrier's end")
    after, effects = stage.row(Run, run.id), scene.effects()
    problems = [
        f"ended as {ended.state} ({ended.sentence} {ended.attention})" if RunState(ended.state) not in scene.ends else "",
        "was not frozen" if kind == "freeze" and not frozen else "",
        f"{effects} effects" if effects > 1 or (ended.state == RunState.SUCCEEDED and effects != 1) else "",
        "says nothing" if not (ended.sentence or ended.attention) else "",
        "a zombie wrote" if (after.state, after.sentence, after.fence) != (ended.state, ended.sentence, ended.fence) else "",
        "a zombie wrote a step" if rows != [(step.state, step.observed) for step in stage.steps(run)] else "",
    ]
    return "; ".join([case, *filter(None, problems)]) if any(problems) else ""
