"""The rules of a verdict. Pure: rows and numbers in, words out; no database, no clock.

A check holds from the moment at which it succeeded so many times in a row. The soak counts from when the last required
check began to hold, and a failure breaks it. A reading that cannot tell is no failure and no success: it is borne twice in
a row, since a source may miss one beat, and nothing is called recovered while the newest reading of a required check is one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from app.executors.checks.configs import MetricConfig
from app.executors.checks.figures import figure, span
from app.executors.checks.readings import Reading
from app.verification.contracts import config_of
from app.verification.models import Verification, WatchedCheck

BORNE = 2  # readings in a row that could not tell
LONGEST_GAP = timedelta(seconds=30)  # without any reading (a runner was killed): beyond it nobody knows whether it held
ENOUGH = 5  # values before a trend is believed
WORSE = 1.5  # times what it was before


@dataclass(frozen=True)
class Verdict:
    word: str  # recovered | partly | not | worse
    sentence: str


def note(check: WatchedCheck, reading: Reading, *, at: datetime, counts_from: datetime, every_s: float) -> str:
    """Write a reading into the check, and say how its sample counts: its outcome, or "early"."""
    gap = max(LONGEST_GAP, timedelta(seconds=4 * every_s))
    if check.seen_at and at - check.seen_at > gap:
        check.successes, check.unclear, check.holding_since = 0, 0, None
    check.value, check.limit, check.unit, check.seen_at = reading.value, reading.limit, reading.unit, at
    check.sentence, check.parts = reading.sentence, reading.parts
    if at < counts_from:
        check.outcome = "pending"
        return "early"
    check.outcome = reading.outcome
    if reading.outcome == "inconclusive":
        check.unclear += 1
        if check.unclear > BORNE:
            check.successes, check.holding_since = 0, None
        return reading.outcome
    check.unclear = 0
    check.successes = check.successes + 1 if reading.outcome == "pass" else 0
    if check.successes >= _needed(check):
        check.holding_since = check.holding_since or at
    elif reading.outcome == "fail":
        check.holding_since = None
    return reading.outcome


def weigh(
    verification: Verification, checks: Sequence[WatchedCheck], recent: Mapping[int, Sequence[float]], *, at: datetime
) -> Verdict | None:
    """The verdict, or None while the watch goes on. Sets since when all hold. `recent` are the newest counted values by place."""
    required = [check for check in checks if check.required]
    verification.holding_since = _all_hold_since(required)
    soak = timedelta(seconds=verification.contract["soak_s"])
    held = verification.holding_since is not None and at - verification.holding_since >= soak
    if held and all(check.outcome == "pass" for check in required):
        return Verdict("recovered", f"{_counted(required)} held for {span(soak.total_seconds())}. {_numbers(required)}.")
    if worse := [check for check in required if is_worse(check, recent.get(check.position, ()))]:
        told = "; ".join(f"{check.name} {figure(check.value, check.unit)}, {figure(check.before, check.unit)} before" for check in worse)
        return Verdict("worse", f"It is worse than before the run: {told}.")
    if at < verification.deadline_at:
        return None
    return _at_the_deadline(verification, required)


def is_worse(check: WatchedCheck, recent: Sequence[float]) -> bool:
    """Clearly worse than just before the first effect: failing, by half as much again, and by more than half the limit."""
    config = config_of({"kind": check.kind, "config": check.config})
    if check.outcome != "fail" or check.before is None or len(recent) < ENOUGH or not isinstance(config, MetricConfig):
        return False
    now, before, limit = median(recent[-ENOUGH:]), check.before, abs(check.limit if check.limit is not None else config.limit)
    if config.direction == "above":
        return now * WORSE < before and before - now > limit / 2
    return now > before * WORSE and now - before > limit / 2


def outlook(verification: Verification, checks: Sequence[WatchedCheck], *, at: datetime) -> str:
    """What is true while the watch goes on, in one sentence."""
    required = [check for check in checks if check.required]
    if verification.holding_since:
        until = verification.holding_since + timedelta(seconds=verification.contract["soak_s"])
        return f"Recovered, if all checks hold until {max(until, at):%H:%M:%S} UTC."
    failing = [check for check in required if check.outcome == "fail"]
    if failing:
        return f"Not yet. {_numbers(failing)}."
    unclear = [check for check in required if check.outcome == "inconclusive"]
    if unclear:
        return f"It cannot be told yet. {_numbers(unclear)}."
    if any(check.outcome == "pending" for check in required):
        return "The first numbers still hold what was before; they count once the window has passed."
    return "All checks pass. Each has to pass a few times in a row, then the soak begins."


def _at_the_deadline(verification: Verification, required: Sequence[WatchedCheck]) -> Verdict:
    soak = span(verification.contract["soak_s"])
    if verification.holding_since:
        return Verdict("partly", f"All checks hold, but not yet for the agreed {soak} when the time was up. {_numbers(required)}.")
    broken = [check for check in required if check.holding_since is None]
    holding = [check for check in required if check.holding_since is not None]
    if not holding:
        return Verdict("not", f"No check held when the time was up. {_numbers(required)}.")
    return Verdict("partly", f"{len(holding)} of {len(required)} checks hold. Not so: {_numbers(broken)}. Holding: {_numbers(holding)}.")


def _needed(check: WatchedCheck) -> int:
    config = config_of({"kind": check.kind, "config": check.config})
    return config.consecutive if config else 1


def _all_hold_since(required: Sequence[WatchedCheck]) -> datetime | None:
    since = [check.holding_since for check in required]
    moments = [moment for moment in since if moment is not None]
    return max(moments) if moments and len(moments) == len(since) else None


def _counted(required: Sequence[WatchedCheck]) -> str:
    return "The check" if len(required) == 1 else f"All {len(required)} checks"


def _numbers(checks: Iterable[WatchedCheck]) -> str:
    """ "Error rate: 0.4 %, under 1 %; Version: v1.2.3 on 3 of 3 pods": the numbers that led to it."""
    return "; ".join(f"{check.name}: {(check.sentence or 'not read yet').rstrip('.')}" for check in checks)
