"""Plans and runs as rows that could be real: the stage, the plan on it, the run of the plan."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from app.accounts.models import User
from app.accounts.policy import Granted, Person, Role
from app.catalog.models import Release, Rollout, Service, Target
from app.core.clock import now
from app.core.sealing import seal
from app.incidents.models import Incident
from app.runs.models import Plan, PlanStep, Run, RunEvent, RunLock, Step
from app.runs.states import RUN_ACTIVE, RUN_ENDED, RunState
from tests import factories

DIGEST = "9f2c41d07ab3e5580c1f6d2b7a94e8133b6c0d5e21f74a98c3d0be6f7a1245c8"
GOOD = "b71e90c2f5d8a4410ce3aa5f18d2470b99f1c6e3d04b7a25e86fd9130c72be55"
CONTRACT = {
    "soak_s": 300,
    "deadline_s": 900,
    "every_s": 5,
    "checks": [
        {"name": "Health", "kind": "health", "config": {"url": "https://login.example.org/health"}, "required": True},
        {"name": "Version", "kind": "version", "config": {}, "required": True},
        {
            "name": "Error rate",
            "kind": "metric",
            "config": {
                "url": "https://prometheus.example.org",
                "measure": "error_ratio",
                "requests": "sum(rate(http_requests_total[{window}]))",
                "errors": 'sum(rate(http_requests_total{code=~"5.."}[{window}]))',
                "limit": 1.0,
            },
            "required": True,
        },
    ],
}
CHANGES = [
    {"setting": "image", "now": "registry.example.org/login:v1.2.4", "after": "registry.example.org/login:v1.2.3"},
    {"setting": "env TOKEN_FORMAT", "now": "v2", "after": "v1"},
    {"setting": "env LOG_TOKEN_ERRORS", "now": "true", "after": None},
    {"setting": "env SESSION_KEY", "now": "••••••", "after": "••••••", "masked": True},
    {"setting": "limits.memory", "now": "384Mi", "after": "256Mi"},
    *({"setting": f"setting {number}", "now": "same", "after": "same"} for number in range(11)),
]
FACTS = [
    {"label": "Replicas", "value": "3, all ready; the live count is kept"},
    {"label": "Strategy", "value": "RollingUpdate, at most 1 unavailable, 1 extra"},
    {"label": "Disruption budget", "value": "login: at least 2 available"},
    {"label": "Autoscaler", "value": "none"},
    {"label": "Config maps and secrets", "value": "login-config, login-keys: all there"},
]
OWNED = {
    "code": "owned-by-argocd",
    "sentence": "Argo CD owns this deployment and would undo the rollback.",
    "detail": "Application login has self-heal on: it returns to what Git says within minutes. Pause it, or roll back in Git.",
}
UNKNOWN = {
    "code": "quota-unknown",
    "sentence": "Whether the namespace has room for one extra pod is not known.",
    "detail": "The console may not read resource quotas in shop.",
    "unknown": True,
}
RIGHTS = {
    "code": "rights-missing",
    "sentence": "The console may not patch deployments in shop.",
    "detail": "Give its account the verb patch on deployments in shop; the minimal Role is on the cluster's page.",
    "blocking": True,
}
NOT_RESTORED = ["Data written by v1.2.4", "Config maps and secrets that were edited in place", "The number of replicas"]


@dataclass(frozen=True)
class Stage:
    """A service of its own for one scene: a target is held by one run at a time."""

    service: Service
    target: Target
    bad: Release
    good: Release
    incident: Incident
    commander: Person
    approver: Person


def stage(session, slug) -> Stage:
    """A service on a cluster, with a bad release that runs, a good one before it, and an incident about it."""
    commander, approver = person(session, "Jonas Weber"), person(session, "Tomas Lindqvist", Role.APPROVER)
    service = factories.make_service(session, slug, name=slug.split("-")[0])
    target = factories.make_target(session, service, cluster=factories.make_cluster(session), observed_at=now())
    ran = now() - timedelta(days=9, hours=2)
    good = factories.make_release(
        session,
        target,
        "v1.2.3",
        digest=GOOD,
        standing="good",
        standing_by="checks",
        standing_reason="all checks held for 10 min",
        standing_at=ran + timedelta(minutes=10),
        first_seen_at=ran,
    )
    bad = factories.make_release(session, target, "v1.2.4", digest=DIGEST, standing="suspect", standing_by="Ana Ruiz")
    began = now() - timedelta(minutes=21)
    session.add(Rollout(target_id=target.id, release_id=good.id, began_at=ran, ended_at=began))
    session.add(Rollout(target_id=target.id, release_id=bad.id, replaced_id=good.id, began_at=began))
    incident = factories.make_incident(session, service, by=commander, title="Login failing for 30 % of users")
    session.flush()
    return Stage(service, target, bad, good, incident, commander, approver)


def person(session, name, *roles) -> Person:
    """The same person in every scene."""
    known = session.scalar(select(User).where(User.name == name))
    if known is None:
        return factories.make_person(session, name, *roles)
    grants = tuple(Granted(role) for role in (roles or (Role.COMMANDER,)))
    return Person(id=known.id, name=name, email=known.email, grants=grants)


def step(title, action="kubernetes.rollback", **shown):
    """A planned step: its title, and what the preview shows of it."""
    return {"title": title, "action": action, "shown": {"title": title, "target": "deployment/login in shop", **shown}}


def rollback_steps(*, cautions=()):
    """The two steps of a rollback on Kubernetes."""
    return [
        step(
            "Roll deployment/login back to v1.2.3",
            version_now="v1.2.4",
            version_after="v1.2.3",
            changes=CHANGES,
            facts=FACTS,
            warnings=list(cautions),
            not_restored=NOT_RESTORED,
            dry_run="The API server accepted the change in a dry run.",
        ),
        step("Wait until every replica is ready and serves v1.2.3", action="kubernetes.wait"),
    ]


def make_plan(session, on: Stage, *, state="ready", kind="rollback", steps=None, runs=(96, 101, 104, 108, 111, 118, 126), **facts):
    """A plan as the runner leaves it. `runs` are the durations of earlier ones; none of them, no estimate."""
    ready = state == "ready"
    facts = {"release_id": on.good.id, "incident_id": on.incident.id, "contract": CONTRACT, "request": {}} | facts
    plan = Plan(
        kind=kind,
        service_id=on.service.id,
        target_id=on.target.id,
        state=state,
        made_by_id=on.commander.id,
        title=facts.pop("title", "Roll login back to v1.2.3"),
        digest=DIGEST if ready else None,
        expected_s=sorted(runs)[len(runs) // 2] if ready and runs else None,
        expected_from={"runs": list(runs)} if runs else {"guess": True},
        resolved_at=facts.pop("resolved_at", now() if ready else None),
        **facts,
    )
    session.add(plan)
    session.flush()
    if ready:
        _add_steps(session, plan, rollback_steps() if steps is None else steps)
    return plan


def finish_plan(session, plan):
    """What the runner does when it has read the target."""
    _add_steps(session, plan, rollback_steps())
    plan.state, plan.digest, plan.resolved_at = "ready", DIGEST, now()
    session.flush()


def _add_steps(session, plan, steps):
    for position, one in enumerate(steps, start=1):
        facts = {"action_class": "A", "body": seal({}), "pin": DIGEST, "effect_deadline_s": 30, "step_deadline_s": 630}
        session.add(PlanStep(plan_id=plan.id, position=position, expected_s=4.0 if position == 1 else 60.0, **facts, **one))
    session.flush()


def make_run(session, on: Stage, plan, *, state, steps=(), **facts):
    """A run of the plan in any state, with the lock, the lease and the times that this state needs."""
    started = facts.pop("started_at", now() - timedelta(seconds=68))
    held = {RunState.RUNNING, RunState.NEEDS_ATTENTION} | RUN_ENDED - {RunState.REJECTED, RunState.EXPIRED}
    run = Run(
        plan_id=plan.id,
        plan_digest=plan.digest,
        incident_id=plan.incident_id,
        service_id=on.service.id,
        state=state,
        idempotency_key=f"gallery-{plan.id}",
        requested_by_id=on.commander.id,
        queued_at=facts.pop("queued_at", started),
        started_at=started if state in held else None,
        ended_at=facts.pop("ended_at", now() if state in RUN_ENDED else None),
        lease_owner="runner-run-1" if state == RunState.RUNNING else None,
        lease_until=now() + timedelta(days=1) if state == RunState.RUNNING else None,
        fence=1,
        **facts,
    )
    session.add(run)
    session.flush()
    if state in RUN_ACTIVE:
        session.add(RunLock(target_id=on.target.id, run_id=run.id))
    for planned, seen in zip(_steps_of(session, plan), steps, strict=False):
        session.add(Step(run_id=run.id, position=planned.position, action=planned.action, title=planned.title, **seen))
    for kind, sentence in (("claimed", "Taken by runner-run-1."), ("intent", "About to return deployment/login to v1.2.3.")):
        session.add(RunEvent(run_id=run.id, position=None if kind == "claimed" else 1, fence=1, kind=kind, sentence=sentence))
    session.flush()
    return run


def _steps_of(session, plan):
    return list(session.scalars(select(PlanStep).where(PlanStep.plan_id == plan.id).order_by(PlanStep.position)))


def pod(name, version, state, mood, age_s, note=""):
    return {"name": name, "version": version, "state": state, "mood": mood, "age_s": age_s, "note": note}


def taken(after_s=68, took_s=4, **facts):
    """A step that has ended well."""
    began = now() - timedelta(seconds=after_s)
    observed = {"standing": "done", "sentence": "the API server took the template of v1.2.3", "evidence": {}}
    return {
        "state": "succeeded",
        "intent_at": began,
        "ended_at": began + timedelta(seconds=took_s),
        "observed": observed,
        "sentence": "The API server took the template of v1.2.3.",
        **facts,
    }


def under_way(pods, *, sentence="Two of three pods serve v1.2.3.", done=2, state="started", standing="in_progress", **facts):
    """A step that runs, with the pods that it counts."""
    observed = {"standing": standing, "sentence": sentence, "done": done, "total": 3, "parts": pods}
    return {"state": state, "attempts": 1, "intent_at": now() - timedelta(seconds=61), "observed": observed, "sentence": "", **facts}


COMING = [
    pod("login-6c9f7d-4xk2p", "v1.2.3", "Ready", "ok", 22),
    pod("login-6c9f7d-q8w7d", "v1.2.3", "Ready", "ok", 51),
    pod("login-6c9f7d-hm5vt", "v1.2.3", "Starting", "run", 9, "1 of 2 probes pass"),
    pod("login-5b88f4-tw6jc", "v1.2.4", "Serves until replaced", "idle", 1260),
]
STUCK = [
    pod("login-6c9f7d-4xk2p", "v1.2.3", "ImagePullBackOff", "bad", 62, "registry.example.org/login:v1.2.3 cannot be pulled: not found"),
    pod("login-5b88f4-tw6jc", "v1.2.4", "Serves until replaced", "idle", 1260),
    pod("login-5b88f4-x81kd", "v1.2.4", "Serves until replaced", "idle", 1262),
]
