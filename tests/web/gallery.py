"""Every state that the pages of plans and runs can be in.

`scenes(session)` seeds them all and says where each is looked at and by whom; screenshots, the accessibility test and the
tests of the pages share it. The rows are made in `stages`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from app.accounts.policy import Person, Role
from app.core.clock import now
from app.runs.models import Approval, OutputChunk
from app.verification.models import Verification
from tests.web import stages
from tests.web.stages import COMING, CONTRACT, DIGEST, OWNED, RIGHTS, STUCK, UNKNOWN, make_plan, make_run, step, taken, under_way

PENDING = {"state": "pending"}
DESTRUCTIVE = {"is_destructive": True, "kind": "scale_to_zero", "title": "Scale login to zero", "release_id": None}
LOG = [
    "patch deployment/login in shop, resourceVersion 48211",
    "deployment/login is at generation 18, seen by the controller",
    "login-6c9f7d-4xk2p is ready",
    "login-6c9f7d-q8w7d is ready",
]


def to_zero():
    """The one step of a destructive plan."""
    return [step("Scale deployment/login from 3 to 0 replicas", "kubernetes.scale_to_zero") | {"is_point_of_no_return": True}]


@dataclass(frozen=True)
class Scene:
    """One state of one page: where it is, and who looks at it."""

    name: str
    address: str
    viewer: Person


MAKERS: dict[str, Callable] = {}


def scene(maker):
    """A state of the gallery; the function's name is the scene's."""
    MAKERS[maker.__name__] = maker
    return maker


def make(session, name) -> Scene:
    """Seed one state on a service of its own (a target is held by one run at a time)."""
    on = stages.stage(session, "login-" + name.replace("_", "-"))
    address, viewer = MAKERS[name](session, on)
    return Scene(name, address, viewer)


def scenes(session) -> list[Scene]:
    """Seed every state."""
    return [make(session, name) for name in MAKERS]


def _plan(session, on, **facts):
    return f"/plans/{make_plan(session, on, **facts).id}", on.commander


def _run(session, on, state, *steps, plan=None, viewer=None, **facts):
    plan = plan or make_plan(session, on)
    return f"/runs/{make_run(session, on, plan, state=state, steps=steps, **facts).id}", viewer or on.commander


@scene
def plan_resolving(session, on):
    return _plan(session, on, state="resolving")


@scene
def plan_ready(session, on):
    return _plan(session, on, steps=stages.rollback_steps(cautions=[OWNED, UNKNOWN]))


@scene
def plan_unproven(session, on):
    on.good.standing, on.good.standing_by, on.good.standing_at = "unproven", "", None
    return _plan(session, on, runs=())


@scene
def plan_old(session, on):
    return _plan(session, on, resolved_at=now() - timedelta(minutes=14))


@scene
def plan_blocked(session, on):
    return _plan(session, on, is_blocked=True, steps=stages.rollback_steps(cautions=[OWNED, RIGHTS]))


@scene
def plan_failed(session, on):
    problem = "The API server of lab-1 did not answer within 5 s. Nothing was changed. Check that it is up and that its address is right."
    return _plan(session, on, state="failed", problem=problem)


@scene
def plan_busy(session, on):
    make_run(session, on, make_plan(session, on), state="running", steps=[taken(), under_way(COMING)])
    return _plan(session, on)


@scene
def plan_destructive(session, on):
    return _plan(session, on, **DESTRUCTIVE, steps=to_zero(), runs=())


@scene
def plan_started(session, on):
    plan = make_plan(session, on)
    make_run(session, on, plan, state="running", steps=[taken(), under_way(COMING)])
    return f"/plans/{plan.id}", on.commander


@scene
def run_queued(session, on):
    return _run(session, on, "queued", PENDING, PENDING, queued_at=now())


@scene
def run_waits_for_a_runner(session, on):
    return _run(session, on, "queued", PENDING, PENDING, queued_at=now() - timedelta(seconds=40))


@scene
def run_running(session, on):
    address, viewer = _run(session, on, "running", taken(), under_way(COMING))
    text = "\n".join(LOG) + "\n"
    session.add(OutputChunk(run_id=int(address.split("/")[-1]), position=2, seq=0, text=text, lines=len(LOG)))
    session.flush()
    return address, viewer


@scene
def run_stuck(session, on):
    return _run(session, on, "running", taken(), under_way(STUCK, sentence="no pod serves v1.2.3 yet", done=0))


@scene
def run_cancelling(session, on):
    asked = {"cancel_requested_at": now(), "cancel_requested_by_id": on.commander.id}
    return _run(session, on, "running", taken(), under_way(COMING), **asked)


@scene
def run_needs_attention(session, on):
    attention = "The call went out and no answer came back, and deployment/login shows a template that is neither v1.2.4 nor v1.2.3."
    lost = under_way(
        [], sentence="deployment/login runs an image that nobody planned: login:hotfix", done=None, state="unknown", standing="drifted"
    )
    lost["before"] = {"standing": "not_started", "sentence": "deployment/login has the template of v1.2.4"}
    return _run(session, on, "needs_attention", lost, PENDING, attention=attention)


def _asked(session, on, *, approved=False, viewer=None):
    plan = make_plan(session, on, **DESTRUCTIVE, steps=to_zero(), runs=())
    waits = {"needs_approval": True, "expires_at": now() + timedelta(minutes=24), "approved_at": now() if approved else None}
    address, viewer = _run(session, on, "awaiting_approval", PENDING, plan=plan, viewer=viewer, queued_at=None, **waits)
    if approved:
        run_id = int(address.split("/")[-1])
        session.add(Approval(run_id=run_id, plan_digest=DIGEST, approver_id=on.approver.id, verdict="approved", reason="Seen on the call."))
        session.flush()
    return address, viewer


@scene
def run_waits_for_approval(session, on):
    return _asked(session, on)


@scene
def run_to_approve(session, on):
    return _asked(session, on, viewer=on.approver)


@scene
def run_approved(session, on):
    return _asked(session, on, approved=True)


@scene
def run_succeeded(session, on):
    ready = [one | {"state": "Ready", "mood": "ok", "version": "v1.2.3"} for one in COMING[:3]]
    done = taken(64, 61, sentence="3 of 3 pods serve v1.2.3.")
    done["observed"] = {"standing": "done", "sentence": "3 of 3 pods serve v1.2.3", "done": 3, "total": 3, "parts": ready}
    address, viewer = _run(session, on, "succeeded", taken(), done, sentence="3 of 3 pods serve v1.2.3")
    session.add(
        Verification(
            service_id=on.service.id,
            incident_id=on.incident.id,
            run_id=int(address.split("/")[-1]),
            contract=CONTRACT,
            sentence="Recovered, if all checks hold until 14:42:20",
            deadline_at=now() + timedelta(minutes=15),
            holding_since=now(),
        )
    )
    session.flush()
    return address, viewer


@scene
def run_failed(session, on):
    failed = under_way(STUCK, sentence="no pod serves v1.2.3", done=0, state="failed", standing="failed")
    failed |= {"ended_at": now(), "sentence": "No pod came up within 10 min: the image login:v1.2.3 cannot be pulled."}
    sentence = "No pod came up within 10 min: the image login:v1.2.3 cannot be pulled. What was done before stays done: Roll login back."
    return _run(session, on, "failed", taken(), failed, sentence=sentence)


@scene
def run_cancelled(session, on):
    sentence = "Jonas Weber canceled it. What was done before stays done: Roll deployment/login back to v1.2.3."
    return _run(
        session,
        on,
        "canceled",
        taken(),
        {"state": "skipped", "sentence": "Not waited for any longer. Last seen: 2 of 3 pods serve v1.2.3"},
        sentence=sentence,
    )


@scene
def run_drifted(session, on):
    moved = "deployment/login runs v1.2.5 by now, not v1.2.4: somebody deployed it at 14:35:02. Nothing was changed."
    drifted = under_way([], sentence=moved, done=None, state="failed", standing="drifted") | {"ended_at": now(), "sentence": moved}
    return _run(session, on, "failed", drifted, {"state": "skipped"}, sentence=moved)


@scene
def run_rejected(session, on):
    return _ended_unstarted(session, on, "rejected", "Tomas Lindqvist rejected it: customers still sign in. Nothing was changed.")


@scene
def run_expired(session, on):
    return _ended_unstarted(session, on, "expired", "Nobody approved it within 30 min. Nothing was changed.")


def _ended_unstarted(session, on, state, sentence):
    return _run(session, on, state, PENDING, PENDING, sentence=sentence, needs_approval=True, queued_at=None)


@scene
def run_broke_the_glass(session, on):
    glass = {"needs_approval": True, "break_glass_reason": "Nobody of the approvers answers, and every sign-in fails."}
    return _run(session, on, "running", taken(), under_way(COMING), **glass)


@scene
def run_seen_by_a_reader(session, on):
    reader = stages.person(session, "Sam Okafor", Role.VIEWER)
    return _run(session, on, "running", taken(), under_way(COMING), viewer=reader)


@scene
def runs(session, on):
    make_run(session, on, make_plan(session, on), state="running", steps=[taken(), under_way(COMING)])
    make_run(session, on, make_plan(session, on), state="succeeded", steps=[taken(), taken()], sentence="login runs v1.2.3 again.")
    return "/runs", on.commander
