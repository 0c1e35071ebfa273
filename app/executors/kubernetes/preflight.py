"""The facts and warnings of a preview, from one survey of the cluster."""

import re
from collections.abc import Callable
from decimal import Decimal

from app.executors.base import Body, Caution, Fact
from app.executors.kubernetes import objects
from app.executors.kubernetes.digests import images_of, tag_of
from app.executors.kubernetes.pods import by_state
from app.executors.kubernetes.survey import Survey

_MOVING = {"latest", "main", "master", "stable", "edge", "dev", "develop", "nightly", "current", "release", "prod", "production", "staging"}
_UNITS: dict[str, Decimal] = {"m": Decimal("0.001")} | {
    unit: Decimal(base**power)
    for base, units in ((1000, ("k", "M", "G", "T", "P")), (1024, ("Ki", "Mi", "Gi", "Ti", "Pi")))
    for power, unit in enumerate(units, start=1)
}


def facts(survey: Survey) -> list[Fact]:
    """Who would be affected: replicas, strategy, disruption budget, autoscaler, pods."""
    found = [
        Fact(label="Replicas", value=_replicas(survey)),
        Fact(label="Strategy", value=strategy(survey.live)),
        Fact(label="Disruption budget", value=_known(survey, "disruption budgets", _budgets)),
        Fact(label="Autoscaler", value=_known(survey, "autoscalers", _autoscalers)),
        Fact(label="Pods now", value=_known(survey, "pods", lambda it: by_state(it.pods))),
    ]
    running = sorted({image_id for pod in survey.pods if pod.ready for image_id in pod.image_ids if image_id})
    if running:
        found.append(Fact(label="Image digests now", value=", ".join(running)))
    return found


def cautions(survey: Survey, template: Body) -> list[Caution]:
    """What to know before `template` goes out there, the worst first."""
    return [
        *missing_rights(survey),
        *_missing_references(survey),
        *_state(survey),
        *[owner.caution() for owner in survey.owners()],
        *_moving_tags(template),
        *_quota(survey),
    ]


def missing_rights(survey: Survey) -> list[Caution]:
    """A right that the step cannot do without shuts the confirm button."""
    judged = survey.rights()
    for right in judged:
        if right.allowed is None:
            survey.unknown[f"the right to {right.verb} {right.resource}"] = "the API server did not say"
    return [
        Caution(
            code="rights-missing",
            sentence=f"The console may not {right.verb} {right.resource} in {right.namespace}, which it needs to {right.needed_for}.",
            detail="The cluster's page shows the Role that grants it.",
            blocking=right.verb in ("patch", "delete"),
        )
        for right in judged
        if right.allowed is False
    ]


def gaps(survey: Survey) -> list[Caution]:
    """One line for everything that could not be found out. Last, when every other question has been put."""
    by_reason: dict[str, list[str]] = {}
    for what, why in survey.unknown.items():
        by_reason.setdefault(why, []).append(what)
    return [
        Caution(code="unknown", sentence=f"Not known: {', '.join(sorted(what))} ({why}).", unknown=True) for why, what in by_reason.items()
    ]


def strategy(live: Body) -> str:
    """ "RollingUpdate: at most 25% more pods, at most 25% unavailable"."""
    given = live["spec"].get("strategy") or live["spec"].get("updateStrategy") or {}
    rolling = given.get("rollingUpdate") or {}
    limits = []
    if "maxSurge" in rolling and rolling["maxSurge"] not in (0, "0"):
        limits.append(f"at most {rolling['maxSurge']} more pods")
    if "maxUnavailable" in rolling:
        limits.append(f"at most {rolling['maxUnavailable']} unavailable")
    if rolling.get("partition"):
        limits.append(f"only pods from number {rolling['partition']} on")
    if live.get("kind") == "StatefulSet" and not limits and given.get("type") == "RollingUpdate":
        limits.append("one pod after the other, the highest number first")
    return f"{given.get('type', 'unknown')}{': ' if limits else ''}{', '.join(limits)}"


def _replicas(survey: Survey) -> str:
    live = survey.live
    wanted = objects.wanted(live)
    ready = objects.status(live, "numberReady" if live.get("kind") == "DaemonSet" else "readyReplicas")
    return f"{wanted} wanted, {ready} ready"


def _known(survey: Survey, name: str, tell: "Callable[[Survey], str]") -> str:
    told = tell(survey)
    return "not known" if name in survey.unknown else told


def _budgets(survey: Survey) -> str:
    labels = (objects.template(survey.live).get("metadata") or {}).get("labels") or {}
    found = []
    for budget in survey.items("disruption budgets"):
        if objects.selects(budget["spec"].get("selector"), labels):
            spec, allowed = budget["spec"], (budget.get("status") or {}).get("disruptionsAllowed", 0)
            bound = f"at least {spec['minAvailable']} available" if "minAvailable" in spec else f"at most {spec.get('maxUnavailable')} away"
            found.append(f"{budget['metadata']['name']}: {bound}, {allowed} may be evicted now")
    return "; ".join(found) or "none"


def _autoscalers(survey: Survey) -> str:
    return "; ".join(f"{name}: {low} to {high} replicas" for name, low, high in autoscalers(survey)) or "none"


def autoscalers(survey: Survey) -> list[tuple[str, int, int]]:
    """The (name, fewest, most) of each autoscaler of this workload."""
    found = []
    for scaler in survey.items("autoscalers"):
        target = scaler["spec"].get("scaleTargetRef") or {}
        if (target.get("kind"), target.get("name")) == (survey.address.kind, survey.address.name):
            found.append((scaler["metadata"]["name"], int(scaler["spec"].get("minReplicas") or 1), int(scaler["spec"]["maxReplicas"])))
    return found


def _state(survey: Survey) -> list[Caution]:
    live, address = survey.live, survey.address
    found = []
    if objects.is_paused(live):
        sentence = "The Deployment is paused: the change is taken, and no pod is replaced until somebody resumes it."
        found.append(Caution(code="paused", sentence=sentence, detail=f"kubectl rollout resume {address.short} -n {address.namespace}"))
    if objects.is_on_delete(live):
        sentence = "Its update strategy is OnDelete: the change is taken, and each pod changes only when somebody deletes it."
        found.append(Caution(code="on-delete", sentence=sentence))
    if objects.wanted(live) == 0:
        what = "No node matches it" if address.kind == "DaemonSet" else "It is scaled to 0"
        found.append(Caution(code="no-replicas", sentence=f"{what}: nothing runs, so the change will be done at once and prove nothing."))
    broken = [pod for pod in survey.pods if pod.is_stuck]
    if address.kind == "StatefulSet" and broken and live["spec"].get("podManagementPolicy") != "Parallel":
        names = ", ".join(pod.name for pod in broken)
        found.append(
            Caution(
                code="broken-pods",
                sentence=f"{names} did not come up. A StatefulSet does not replace a broken pod when its template changes: "
                "it takes another step that replaces what is broken.",
            )
        )
    return found


def _missing_references(survey: Survey) -> list[Caution]:
    return [
        Caution(
            code="reference-missing",
            sentence=f"{reference.kind} {reference.name} does not exist in {survey.address.namespace}: pods that need it will not start.",
        )
        for reference in survey.missing()
    ]


def _moving_tags(template: Body) -> list[Caution]:
    return [
        Caution(code="mutable-tag", sentence=f"{image}: the tag {tag_of(image)} moves, so it may be another image today than it was then.")
        for image in images_of(template)
        if "@" not in image and tag_of(image) in _MOVING
    ]


def _quota(survey: Survey) -> list[Caution]:
    """A quota without room: a rolling update that starts new pods first is refused them."""
    found = []
    for quota in survey.items("quotas"):
        status = quota.get("status") or {}
        for resource, limit in (status.get("hard") or {}).items():
            used = (status.get("used") or {}).get(resource, "0")
            if resource.split(".")[-1] in ("pods", "cpu", "memory") and amount(used) >= amount(limit):
                name = quota["metadata"]["name"]
                sentence = f"Quota {name} is used up ({resource}: {used} of {limit}): new pods are refused until old ones have gone."
                found.append(Caution(code="quota-full", sentence=sentence))
    return found


def amount(quantity: str) -> Decimal:
    """A Kubernetes quantity as a number: "500m" is 0.5, "2Gi" is 2147483648."""
    found = re.fullmatch(r"([0-9.]+(?:[eE][-+]?[0-9]+)?)([a-zA-Z]*)", str(quantity))
    return Decimal(found[1]) * _UNITS.get(found[2], Decimal(1)) if found else Decimal(0)
