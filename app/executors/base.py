"""The step contract: what every action promises to the engine.

    resolve(params)  reads the world and pins the exact target; the body it returns is what a person confirms
    observe(plan)    reads the world and says where this plan stands, from the target itself and never from memory
    apply(plan)      at most one effect, with a precondition that the target enforces
    undo(plan)       the parameters of the plan that takes back what this one did, from the recorded pre-state

A plan body is a JSON object that may hold secrets (pod templates do): it is stored sealed and shown only through the
masked `Resolved.changes`, `facts` and `warnings`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

Body = dict[str, Any]


class ActionClass(StrEnum):
    """What a repeat does."""

    A = "A"  # the target enforces a precondition: a repeat is harmless
    B = "B"  # observable and bounded in time: redone only after it was seen not to have happened
    C = "C"  # opaque: never repeated by a machine


class Standing(StrEnum):
    """Where a plan stands, as the target shows it."""

    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    DRIFTED = "drifted"  # neither what was there before nor what was wanted: somebody else changed it
    FAILED = "failed"  # the target itself says that it will not get there


class Params(BaseModel):
    """Parent of every action's typed parameters: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Change(BaseModel):
    """One line of the diff. Secret values are masked before they get here; `None` means absent."""

    setting: str
    now: str | None = None
    after: str | None = None
    masked: bool = False

    @property
    def is_change(self) -> bool:
        return self.masked or self.now != self.after


class Caution(BaseModel):
    """Something to know before confirming. It never blocks unless `blocking`."""

    code: str  # stable, for tests and links: "paused", "owned-by-argocd", "rights-missing"
    sentence: str
    detail: str = ""
    blocking: bool = False  # the step cannot work (missing right, target gone): the confirm button stays shut
    unknown: bool = False  # we could not find out, and say so


class Fact(BaseModel):
    """One checked line of the preview ("3 replicas, RollingUpdate, at most 1 unavailable")."""

    label: str
    value: str


class Resolved(BaseModel):
    """What a step would do, resolved to exact objects. `pin` is what the digest covers."""

    body: Body  # everything that apply needs; may hold secrets
    pin: Body  # identity and wanted state (no replicas, no status, no resourceVersion)
    title: str  # "Roll deployment/login back to v1.2.3"
    target: str  # "deployment/login in shop on lab"
    version_now: str = ""
    version_after: str = ""
    already: bool = False  # the wanted state is already there: applying changes nothing
    changes: list[Change] = Field(default_factory=list)
    warnings: list[Caution] = Field(default_factory=list)
    facts: list[Fact] = Field(default_factory=list)
    not_restored: list[str] = Field(default_factory=list)  # what this does not bring back
    effect_deadline_s: float = 30.0  # the effect itself has landed or never will after this long
    expected_s: float | None = None  # a first guess; history beats it
    dry_run: str = ""  # the server's own word on a dry run, or why there was none


class Part(BaseModel):
    """One counted part of the progress: a pod, a task, a file."""

    name: str
    version: str = ""
    state: str = ""  # "Ready", "Starting", "ImagePullBackOff"
    mood: str = "idle"  # ok | run | warn | bad | idle: the state chip's shape
    note: str = ""  # the reason in words
    age_s: float | None = None


class Seen(BaseModel):
    """One look at the world. `evidence` is stored beside the step as proof."""

    standing: Standing
    sentence: str = ""  # "2 of 3 pods serve v1.2.3"
    done: int | None = None
    total: int | None = None
    parts: list[Part] = Field(default_factory=list)
    evidence: Body = Field(default_factory=dict)
    warnings: list[Caution] = Field(default_factory=list)
    effect_over: bool = False  # what was begun has ended for certain: nothing of it is still on its way
    wake_after_s: float | None = None  # somebody else has to act (a merge): give the slot back and look again after this long


class StepFailed(Exception):
    """The world said no, and it is known that nothing (more) happened. The text is for the user."""

    def __init__(self, sentence: str, *, evidence: Body | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.evidence = evidence or {}


class Drifted(StepFailed):
    """The world moved since the plan was made. Nothing was changed; the text says what moved."""


class OutcomeUnknown(Exception):
    """The call went out and no answer came back (time-out, cut connection): observe before anything else."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Unreachable(Exception):
    """A read could not be made (network, expired token). Nothing was changed; the text says what to check."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def _nothing(*_: object) -> None:
    return None


def _never() -> bool:
    return False


def _for_ever() -> float:
    return math.inf


@dataclass(frozen=True)
class Context:
    """What an action may lean on while it works.

    credentials  opened secrets by purpose: {"kubeconfig": "...", "git": {...}}
    allowed      private addresses (host, port) that an administrator lets us call
    folder       a place of our own on disk that outlives the step: clones, output of commands
    operation    names this run and step in the target ("run-12-step-1"), so that a later look recognises our own hand
    deadline_s   a call may take at most this long (per call, not per step)
    output       takes one line of output; the engine redacts, stores and streams it
    cancelled    true as soon as a person asked to cancel, or the lease was lost
    ours_until   a moment of `core.clock.uptime`, later at each heartbeat: until then nobody else can have the run
    """

    operation: str
    credentials: Body = field(default_factory=dict)
    allowed: frozenset[tuple[str, int]] = frozenset()
    folder: Path | None = None
    deadline_s: float = 15.0
    output: Callable[[str], None] = _nothing
    cancelled: Callable[[], bool] = _never
    ours_until: Callable[[], float] = _for_ever
    hit: Callable[[str], None] = _nothing  # named crash points, for tests only


class Action(Protocol):
    """One kind of step. Instances are stateless and shared between threads."""

    name: ClassVar[str]  # "kubernetes.rollback"
    title: ClassVar[str]  # "Return a workload to a recorded release"
    tool: ClassVar[str]  # "kubernetes"
    cls: ClassVar[ActionClass]
    destructive: ClassVar[bool]  # needs a second person
    point_of_no_return: ClassVar[bool]
    cancellable: ClassVar[bool]  # honours ctx.cancelled() inside the step
    Params: ClassVar[type[Params]]

    def resolve(self, params: Any, ctx: Context) -> Resolved:
        """Read-only. Unreachable where the target cannot be read; StepFailed where the step makes no sense."""

    def observe(self, body: Body, ctx: Context) -> Seen:
        """Read-only. Unreachable where the target cannot be read."""

    def apply(self, body: Body, ctx: Context) -> Body:
        """One effect. Returns what the target answered. StepFailed, Drifted or OutcomeUnknown otherwise."""

    def undo(self, body: Body, ctx: Context) -> "Undo | None":
        """The step that takes this one back, from the recorded pre-state; None where there is none."""


@runtime_checkable
class Lingers(Protocol):
    """An action whose target can say that something changed, so that nobody needs to ask again and again."""

    def linger(self, body: Body, seen: Seen, ctx: Context, *, within_s: float) -> bool:
        """Return as soon as the target differs from what was `seen`, at the latest after `within_s`. False where it cannot tell."""


class Undo(BaseModel):
    """An action and its parameters, ready to be resolved as a new plan."""

    action: str
    params: Body
