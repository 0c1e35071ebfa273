"""What the preview page draws, worked out from a plan's rows.

Pure functions: rows in, facts and words out. The plan has its steps, target and release loaded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from app.accounts.policy import Permission, Person
from app.catalog.models import CheckReading, Release, Rollout, Service
from app.core.clock import now
from app.core.database import Json
from app.executors.base import Caution, Change, Fact, Resolved
from app.runs.models import Plan, PlanStep, Run
from app.web.words import spoken

COMMIT = "Taken back: "  # how executors.git.returning labels each commit; the value is "subject, author, time"
OLD_AFTER = timedelta(minutes=10)
READ_LATELY = timedelta(minutes=2)
AXIS = (8.0, 336.0)  # left and right end of the line of dots, in the units of its viewBox
VERBS = {
    "rollback": "Roll back {service} to {version}",
    "restart": "Restart {service}",
    "scale": "Scale {service} to {replicas}",
    "scale_to_zero": "Scale {service} to zero",
    "scale_back": "Scale {service} back",
    "replace_broken_pods": "Replace broken pods of {service}",
    "undo": "Undo run {undoes} on {service}",
}


@dataclass(frozen=True)
class PlannedStep:
    """One step of the plan, with the part of it that pages may show."""

    position: int
    title: str
    is_point_of_no_return: bool
    is_cancellable: bool
    expected: str
    shown: Resolved


@dataclass(frozen=True)
class Commit:
    """One commit that is taken back."""

    version: str
    subject: str
    author: str


@dataclass(frozen=True)
class Dot:
    """One earlier run on the line of durations."""

    x: float
    label: str


@dataclass(frozen=True)
class Estimate:
    """How long it takes, from runs of our own."""

    typical: str
    sentence: str
    dots: list[Dot]
    median_x: float


@dataclass(frozen=True)
class Side:
    """What runs now, or what will run: one half of the panel with the arrow."""

    label: str
    version: str
    words: str
    digest: str
    mood: str = "idle"  # ok where the release is proven, warn where it is not
    since: datetime | None = None


@dataclass(frozen=True)
class Gate:
    """Whether the plan can be started now. The reason stands beside a button that stays shut."""

    state: str  # open | typed | shut | busy | started
    reason: str = ""
    run: Run | None = None


@dataclass(frozen=True)
class PlanView:
    """A plan as the preview page draws it."""

    verb: str  # "Roll back login to v1.2.3": the button and the heading
    version_now: str
    version_after: str
    target: str
    already: bool
    steps: list[PlannedStep]
    changes: list[Change]
    unchanged: int
    commits: list[Commit]
    facts: list[Fact]
    cautions: list[Caution]  # blocking first, then what is known, then what could not be found out
    not_restored: list[str]
    dry_runs: list[str]
    estimate: Estimate | None
    is_old: bool
    waited_s: float  # since it was asked for, while it is being resolved
    cancel: str
    can_replace: bool  # the same rollback can be planned with a step that replaces the pods that did not come up

    @property
    def blocking(self) -> list[Caution]:
        return [caution for caution in self.cautions if caution.blocking]

    @property
    def warnings(self) -> list[Caution]:
        return [caution for caution in self.cautions if not caution.unknown]

    @property
    def unknown(self) -> list[Caution]:
        return [caution for caution in self.cautions if caution.unknown]


def of(plan: Plan, service: Service, *, doubts: Sequence[Caution] = (), at: datetime | None = None) -> PlanView:
    """The plan as the preview page draws it, at this moment. `doubts`: what the checks say that cannot judge now."""
    at = at or now()
    steps = [_step(step) for step in plan.steps]
    main = next((step.shown for step in steps if step.shown.version_after), steps[0].shown if steps else None)
    lines = [change for step in steps for change in step.shown.changes]
    facts = [fact for step in steps for fact in step.shown.facts]
    cautions = [*_distinct([caution for step in steps for caution in step.shown.warnings]), *doubts]
    replaces = any(step.action == "kubernetes.replace_broken_pods" for step in plan.steps)
    if replaces:
        cautions = [caution for caution in cautions if caution.code != "broken-pods"]  # that is what its second step is for
    return PlanView(
        verb=verb(plan, service, version=main.version_after if main else ""),
        version_now=main.version_now if main else "",
        version_after=main.version_after if main else "",
        target=main.target if main else plan.target.label,
        already=bool(steps) and all(step.shown.already for step in steps),
        steps=steps,
        changes=[line for line in lines if line.is_change],
        unchanged=sum(not line.is_change for line in lines),
        commits=[_commit(fact) for fact in facts if fact.label.startswith(COMMIT)],
        facts=[fact for fact in facts if not fact.label.startswith(COMMIT)],
        cautions=sorted(cautions, key=lambda caution: (not caution.blocking, caution.unknown)),
        not_restored=list(dict.fromkeys(line for step in steps for line in step.shown.not_restored)),
        dry_runs=[step.shown.dry_run for step in steps if step.shown.dry_run and step.shown.changes],
        estimate=estimate(list(plan.expected_from.get("runs", []))),
        is_old=bool(plan.resolved_at and at - plan.resolved_at > OLD_AFTER),
        waited_s=(at - plan.created_at).total_seconds(),
        cancel=_cancel(steps),
        can_replace=any(caution.code == "broken-pods" for caution in cautions) and plan.kind == "rollback",
    )


def doubts(contract: Json, newest: Mapping[int, CheckReading], *, at: datetime) -> list[Caution]:
    """The agreed checks that cannot judge now, as their newest readings say it; checks that say the same are named together.

    Old readings say nothing: who reads the checks is away, and the page of the service says that.
    """
    names: dict[str, list[str]] = {}
    for check in contract.get("checks", []):
        reading = newest.get(check.get("check_id") or 0)
        if check["required"] and reading and reading.outcome == "inconclusive" and at - reading.at < READ_LATELY:
            names.setdefault(reading.sentence, []).append(check["name"])
    return [
        Caution(
            code="checks-unclear",
            sentence=f"{_listed(checks)} cannot be judged at the moment: {sentence}",
            detail="That is never taken for a pass. As long as it lasts, nothing will prove that it helped.",
        )
        for sentence, checks in names.items()
    ]


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def sides(plan: Plan, view: PlanView, *, running: Rollout | None, offered: Release | None, ran_s: float = 0) -> tuple[Side, Side]:
    """What runs now and what will run, with the reason why this release is offered."""
    before = Side("Runs now", view.version_now or "unknown", "", "")
    # what the target itself said counts; our record of it may be some seconds older and about something else
    if running and view.version_now in {"", running.release.version}:
        words = "under suspicion" if running.release.standing == "suspect" else ""
        before = Side("Runs now", view.version_now or running.release.version, words, fingerprint(running.release), since=running.began_at)
    release = plan.release
    if release is None:
        after = view.version_after or before.version
        return before, Side("Will run", after, "" if after != before.version else "the version stays as it is", "")
    is_good = release.standing == "good"
    label = "last good" if is_good and offered and offered.id == release.id else "marked good" if is_good else release.standing
    version = view.version_after or release.version
    words = _standing(release) + (f", ran {spoken(ran_s)}" if ran_s >= 1 else "")
    return before, Side(f"Will run, {label}", version, words, fingerprint(release), "ok" if is_good else "warn")


def gate(plan: Plan, view: PlanView, *, run: Run | None, holder: Run | None, me: Person) -> Gate:
    """Whether the button opens, and if not, why."""
    if run:
        return Gate("started", f"This plan was started as run {run.id}.", run)
    if view.blocking:
        return Gate("shut", f"It cannot work as things are. {view.blocking[0].sentence}")
    if not me.may(Permission.EXECUTE, {plan.service_id}):
        return Gate("shut", "Starting it needs the role responder or commander for this service.")
    if holder:
        return Gate("busy", f"Run {holder.id} by {holder.requested_by.name} holds {plan.target.label}: {holder.plan.title}.", holder)
    return Gate("typed" if plan.is_destructive else "open")


def fingerprint(release: Release) -> str:
    """The digest in short: of the image where it is known, else of the template or the commit."""
    known = [str(image) for image in release.facts.get("image_ids", []) if "sha256:" in str(image)]
    return "sha256:" + known[0].split("sha256:")[1][:12] if known else release.digest.removeprefix("sha256:")[:12]


def _standing(release: Release) -> str:
    """Why this release may be trusted, or that nobody has proven it."""
    if release.standing == "unproven":
        return "nobody has proven it yet"
    on = f" on {release.standing_at:%-d %b}" if release.standing_at else ""
    return f"{release.standing} by {release.standing_by}{on}" + (f": {release.standing_reason}" if release.standing_reason else "")


def verb(plan: Plan, service: Service, *, version: str = "") -> str:
    """What the button does, in the words of its label."""
    words = VERBS.get(plan.kind, "Run this on {service}")
    version = version or (plan.release.version if plan.release else "the recorded state")
    return words.format(service=service.name, version=version, replicas=plan.request.get("replicas", "?"), undoes=plan.undoes_run_id or "?")


def estimate(durations: list[float]) -> Estimate | None:
    """The usual duration from earlier runs, as a range with a dot each; None where nothing was run yet."""
    if not durations:
        return None
    low, high, typical = min(durations), max(durations), median(durations)
    left, right = AXIS
    span = (high - low) or 1.0

    def x(seconds: float) -> float:
        return round(left + (right - left) * (seconds - low) / span, 1) if high > low else (left + right) / 2

    many = len(durations)
    sentence = (
        f"Median of {many} earlier runs, from {spoken(low)} to {spoken(high)}." if many > 1 else "One earlier run, so expect it to differ."
    )
    return Estimate(
        typical=spoken(typical), sentence=sentence, dots=[Dot(x(one), spoken(one)) for one in sorted(durations)], median_x=x(typical)
    )


def _step(step: PlanStep) -> PlannedStep:
    shown = Resolved.model_validate({"body": {}, "pin": {}, "title": step.title, "target": "", **step.shown})
    return PlannedStep(
        position=step.position,
        title=step.title,
        is_point_of_no_return=step.is_point_of_no_return,
        is_cancellable=step.is_cancellable,
        expected=spoken(step.expected_s) if step.expected_s else "",
        shown=shown,
    )


def _commit(fact: Fact) -> Commit:
    subject, author = [*fact.value.rsplit(", ", 2), ""][:2]
    return Commit(fact.label.removeprefix(COMMIT), subject, author)


def _distinct(cautions: list[Caution]) -> list[Caution]:
    """Each caution once: the steps of one plan look at the same object and say the same of it."""
    return list({(caution.code, caution.sentence): caution for caution in cautions}.values())


def _cancel(steps: list[PlannedStep]) -> str:
    """Until when the run can be cancelled, said before it starts."""
    gate = next((step for step in steps if step.is_point_of_no_return), None)
    if gate is None:
        return "You can cancel at any time, and undo it when it has ended."
    return f"You can cancel until step {gate.position} of {len(steps)}: {gate.title}. What it does cannot be undone."
