"""One change to one object, with a precondition that the API server enforces.

The patch carries the resourceVersion of the look that the decision rests on. Any write by anybody, even of a status, makes it stale:
then look again, and either stop (the object was re-created, or what was confirmed has moved), or find our own change already there,
or send the same change with the newer resourceVersion. Five times at most; the order of events is

    1. patch with resourceVersion N    2. somebody else wrote first: 409    3. look: still what was confirmed    4. patch with N+1

and the loser of the race is always us: nothing that somebody else wrote is overwritten.
"""

import random
import time
from collections.abc import Callable
from typing import NoReturn

from app.executors.base import Body, Context, Drifted, Seen, Standing, StepFailed
from app.executors.kubernetes import objects, owners
from app.executors.kubernetes.client import Api
from app.executors.kubernetes.objects import Address
from app.executors.kubernetes.problems import Answered, Silent, changes, sentence

SENDS = 5
EFFECT_S = 5.0  # the API server itself gives up on a call of ours after this long
_PAUSE_S = 0.05


def patch(
    api: Api,
    address: Address,
    ctx: Context,
    body: Body,
    make: Callable[[Body | None], Body],
    judge: Callable[[Body], bool],
) -> Body:
    """Send what `make(live)` says until it lands.

    `judge(live)` is true where it is there already, and raises Drifted where the world moved.
    `make` gets None at the first send, which goes out on the strength of the look behind the plan. Raises StepFailed (nothing
    happened), Drifted (nothing happened, and why) or OutcomeUnknown.
    """
    live: Body | None = None
    version = str(body["resource_version"])
    for sends in range(1, SENDS + 1):
        ctx.output(f"PATCH {address.path} on {api.server}, resourceVersion {version}")
        change = make(live)
        change["metadata"]["resourceVersion"] = version
        try:
            with changes(address.label):
                answer = _send(api, address, ctx, change)
        except _Stale as stale:
            ctx.output(f"{stale.why}; looking again")
            live = _again(api, address, ctx, body, sends)
            if judge(live):
                return _answer(live, sends, already=True)
            version = objects.resource_version(live)
            continue
        return _answer(answer, sends, already=False)
    raise StepFailed(
        f"{address.short} was changed by others {SENDS} times in a row while the change was sent, last by "
        f"{owners.last_writer(live or {'metadata': {}}) or 'its controller'}. Nothing was changed by us. Start again in a moment.",
        evidence={"sends": SENDS},
    )


class _Stale(Exception):
    """The server did not take this send; it is known that nothing happened, and worth another look."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def _send(api: Api, address: Address, ctx: Context, change: Body) -> Body:
    try:
        return api.patch(address.path, change, timeout_s=min(ctx.deadline_s, EFFECT_S))
    except Answered as error:
        if error.is_conflict:
            raise _Stale("somebody else wrote it first (409)") from error
        if error.is_busy:
            raise _Stale("the API server is busy (429)") from error
        if error.status == 404:
            raise Drifted(f"{address.label} was deleted since the preview. Nothing was changed.") from error
        raise


def _again(api: Api, address: Address, ctx: Context, body: Body, sends: int) -> Body:
    """Look at the object after a short random wait. Nothing of ours has landed, so every problem here is a plain failure."""
    if ctx.cancelled():
        raise StepFailed("Cancelled before anything was changed.")
    time.sleep(random.uniform(0, _PAUSE_S * sends))  # noqa: S311 - spreads rivals out, guards nothing
    try:
        live = api.get(address.path)
    except Answered as error:
        if error.status == 404:
            raise Drifted(f"{address.label} was deleted since the preview. Nothing was changed.") from error
        raise StepFailed(f"{sentence(error, address.label)} Nothing was changed.") from error
    except Silent as error:
        raise StepFailed(f"{sentence(error, address.label)} Nothing was changed.") from error
    if objects.uid(live) != body["uid"]:
        recreated(address, live)
    return live


def recreated(address: Address, live: Body) -> NoReturn:
    """Stop: another object has the name now."""
    raise Drifted(
        f"{address.label} was deleted and created again since the preview. Nothing was changed. Make a new plan.",
        evidence={"uid": objects.uid(live)},
    )


def _answer(live: Body, sends: int, *, already: bool) -> Body:
    return {
        "uid": objects.uid(live),
        "generation": live["metadata"].get("generation"),
        "resource_version": objects.resource_version(live),
        "sends": sends,
        "already": already,
    }


def look(api: Api, address: Address, body: Body) -> Body | Seen:
    """The object of a plan, or where the plan stands without it: deleted, or created again."""
    try:
        live = api.get(address.path)
    except Answered as error:
        if error.status != 404:
            raise
        return Seen(standing=Standing.DRIFTED, sentence=f"{address.label} was deleted.", evidence={"status": 404})
    if objects.uid(live) != body["uid"]:
        return Seen(
            standing=Standing.DRIFTED,
            sentence=f"{address.label} was deleted and created again since the plan was made.",
            evidence={"uid": objects.uid(live)},
        )
    return live


def evidence(live: Body) -> Body:
    """What a look saw, as proof: who wrote, and how far the controller is. No secrets."""
    status = live.get("status") or {}
    counts = {name: value for name, value in status.items() if isinstance(value, int)}
    return {
        "uid": objects.uid(live),
        "generation": live["metadata"].get("generation"),
        "resource_version": objects.resource_version(live),
        "operation": objects.annotations(live).get(objects.OPERATION, ""),
        "replicas_wanted": objects.wanted(live),
        "status": counts,
    }
