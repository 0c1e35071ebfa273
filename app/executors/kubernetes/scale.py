"""Scale a workload to a number, to zero with the number remembered on the object itself, and back."""

from typing import Any, ClassVar

from pydantic import Field

from app.executors.base import ActionClass, Body, Caution, Change, Context, Drifted, Params, Resolved, Seen, Standing, StepFailed, Undo
from app.executors.kubernetes import changing, digests, objects, owners, preflight, reading, survey
from app.executors.kubernetes.client import connect
from app.executors.kubernetes.objects import REMEMBERED, Address, address_of
from app.executors.kubernetes.problems import reads
from app.executors.kubernetes.survey import Survey
from app.executors.kubernetes.trial import Trial


class _Scaling:
    """What the three have in common: one patch of the number and of our notes beside it."""

    name: ClassVar[str]
    tool: ClassVar[str] = "kubernetes"
    cls: ClassVar[ActionClass] = ActionClass.A
    point_of_no_return: ClassVar[bool] = False
    cancellable: ClassVar[bool] = True

    def observe(self, body: Body, ctx: Context) -> Seen:
        api, address = connect(ctx.credentials), address_of(body)
        with reads(address.label):
            live = changing.look(api, address, body)
        return live if isinstance(live, Seen) else _standing(live, body, ctx)

    def apply(self, body: Body, ctx: Context) -> Body:
        api, address = connect(ctx.credentials), address_of(body)

        def make(live: Body | None) -> Body:
            notes: Body = {objects.OPERATION: ctx.operation} | _memory(body, live)
            return {"metadata": {"annotations": notes}, "spec": {"replicas": body["replicas"]}}

        def judge(live: Body) -> bool:
            if objects.wanted(live) == body["replicas"]:
                return True
            if body["replicas"] and objects.wanted(live) != body["before"]:
                raise Drifted(
                    f"{address.short} was scaled from {body['before']} to {objects.wanted(live)} since the preview, last by "
                    f"{owners.last_writer(live) or 'somebody else'}. Nothing was changed by us. Look at a new plan.",
                    evidence=changing.evidence(live),
                )
            return False

        return changing.patch(api, address, ctx, body, make, judge)


class ScaleParams(Address):
    replicas: int = Field(ge=0, le=100_000)


class Scale(_Scaling):
    """To a number above 0."""

    name: ClassVar[str] = "kubernetes.scale"
    title: ClassVar[str] = "Scale a workload"
    destructive: ClassVar[bool] = False
    Params: ClassVar[type[Params]] = ScaleParams

    def resolve(self, params: ScaleParams, ctx: Context) -> Resolved:
        if params.replicas == 0:
            raise StepFailed("Scaling to 0 is an action of its own, which remembers the number: choose Scale to zero.")
        return _resolve(params, ctx, lambda _: params.replicas, title=f"Scale {params.short} to {params.replicas}")

    def undo(self, body: Body, ctx: Context) -> Undo | None:
        del ctx
        where = address_of(body).fields()
        if body["before"] == 0:
            return Undo(action=ScaleToZero.name, params=where)
        return Undo(action=self.name, params=where | {"replicas": body["before"]})


class ScaleToZeroParams(Address):
    """Nothing besides the address."""


class ScaleToZero(_Scaling):
    """Stop everything. Done when no pod is left at all: one that is still stopping may still write."""

    name: ClassVar[str] = "kubernetes.scale_to_zero"
    title: ClassVar[str] = "Scale a workload to zero"
    destructive: ClassVar[bool] = True
    Params: ClassVar[type[Params]] = ScaleToZeroParams

    def resolve(self, params: ScaleToZeroParams, ctx: Context) -> Resolved:
        return _resolve(params, ctx, lambda _: 0, title=f"Scale {params.short} to zero")

    def observe(self, body: Body, ctx: Context) -> Seen:
        seen = super().observe(body, ctx)
        if seen.standing is not Standing.DONE:
            return seen
        api, address = connect(ctx.credentials), address_of(body)
        with reads(address.label):
            pods = reading.list_pods(api, address, {"spec": {"selector": body["selector"]}})
        # a finished pod stays listed until it is collected; no container of it runs
        left = [pod for pod in pods if not pod.finished]
        total = max(int(body["before"]), len(left))
        evidence = seen.evidence | {"pods": [pod.name for pod in left]}
        if left:
            sentence = f"{len(left)} pod{'s are' if len(left) > 1 else ' is'} still there and may still write."
            return Seen(
                standing=Standing.IN_PROGRESS, sentence=sentence, done=total - len(left), total=total, parts=[*left], evidence=evidence
            )
        return seen.model_copy(update={"sentence": "No pod is left.", "done": total, "total": total, "evidence": evidence})

    def undo(self, body: Body, ctx: Context) -> Undo | None:
        del ctx
        if body["before"] == 0:
            return None
        return Undo(action=ScaleBack.name, params=address_of(body).fields() | {"replicas": body["before"]})


class ScaleBackParams(Address):
    """`replicas` counts only where the object itself remembers nothing."""

    replicas: int | None = Field(default=None, ge=1, le=100_000)


class ScaleBack(_Scaling):
    """To the number that was remembered when it was scaled to zero."""

    name: ClassVar[str] = "kubernetes.scale_back"
    title: ClassVar[str] = "Scale a workload back"
    destructive: ClassVar[bool] = False
    Params: ClassVar[type[Params]] = ScaleBackParams

    def resolve(self, params: ScaleBackParams, ctx: Context) -> Resolved:
        def number(live: Body) -> int:
            found = _remembered(live) or params.replicas
            if objects.wanted(live):
                raise StepFailed(f"{params.short} is not at zero: it has {objects.wanted(live)} replicas. There is nothing to scale back.")
            if not found:
                raise StepFailed(f"Nobody remembers how many replicas {params.short} had. Scale it to a number instead.")
            return found

        return _resolve(params, ctx, number, title=f"Scale {params.short} back")

    def undo(self, body: Body, ctx: Context) -> Undo | None:
        del ctx
        return Undo(action=ScaleToZero.name, params=address_of(body).fields())


def _resolve(params: Address, ctx: Context, number: Any, *, title: str) -> Resolved:
    if params.kind == "DaemonSet":
        raise StepFailed(f"{params.short} runs one pod on every node that it matches: a DaemonSet cannot be scaled.")
    api = connect(ctx.credentials)
    with reads(params.label):
        seen = Survey(api, params, survey.to_patch(params))
        live = seen.live
        replicas, before = number(live), objects.wanted(live)
        change = {"spec": {"replicas": replicas}}
        seen.ask({}, lambda: api.patch(params.path, change, dry_run=True, timeout_s=survey.WITHIN_S))
    trial = Trial.of(seen.answer("dry run"), live)
    version = digests.version_of(objects.template(live))
    warnings = [*trial.cautions, *preflight.missing_rights(seen), *_cautions(seen, replicas)]
    facts = preflight.facts(seen)
    return Resolved(
        body=params.fields()
        | {
            "uid": objects.uid(live),
            "resource_version": objects.resource_version(live),
            "replicas": replicas,
            "before": before,
            "remembered": _remembered(live),
            "selector": live["spec"].get("selector") or {},
        },
        pin={"uid": objects.uid(live), "replicas": replicas},
        title=title,
        target=f"{params.label} on {params.cluster or api.name}",
        version_now=version,
        version_after=version,
        already=before == replicas,
        changes=[Change(setting="replicas", now=str(before), after=str(replicas))] if before != replicas else [],
        warnings=[*warnings, *preflight.gaps(seen)],
        facts=facts,
        effect_deadline_s=changing.EFFECT_S,
        expected_s=5.0 if replicas == 0 else 1.0,
        dry_run=trial.sentence,
    )


def _cautions(seen: Survey, replicas: int) -> list[Caution]:
    found = [owner.caution() for owner in seen.owners() if owner.code not in ("helm", "kubectl-apply")]
    for name, low, high in preflight.autoscalers(seen) if replicas else []:
        sentence = f"Autoscaler {name} keeps it between {low} and {high} and changes the number again within seconds."
        found.append(Caution(code="autoscaler", sentence=sentence))
    for scaled in seen.items("scaled objects"):
        target = (scaled.get("spec") or {}).get("scaleTargetRef") or {}
        if (target.get("kind") or "Deployment", target.get("name")) == (seen.address.kind, seen.address.name):
            sentence = f"KEDA ScaledObject {scaled['metadata']['name']} sets the number and changes it back. Pause it first."
            detail = 'annotate it: autoscaling.keda.sh/paused-replicas: "0"' if replicas == 0 else "annotate it: autoscaling.keda.sh/paused"
            found.append(Caution(code="keda", sentence=sentence, detail=detail))
    if replicas == 0 and objects.wanted(seen.live):
        found.append(Caution(code="stops-service", sentence="Nothing serves any more until it is scaled back."))
    return found


def _remembered(live: Body) -> int | None:
    text = objects.annotations(live).get(REMEMBERED, "")
    return int(text) if text.isdigit() and int(text) > 0 else None


def _memory(body: Body, live: Body | None) -> dict[str, str | None]:
    """What to write beside the number: remember it on the way to zero, forget it on the way back. Never remember a 0."""
    if body["replicas"]:
        return {REMEMBERED: None}
    number = objects.wanted(live) if live else body["before"]
    return {REMEMBERED: str(number)} if number else {}


def _standing(live: Body, body: Body, ctx: Context) -> Seen:
    """Whether the number is there; whether pods follow is for `kubernetes.wait`, or for scaling to zero itself."""
    proof, short, number = changing.evidence(live), address_of(body).short, objects.wanted(live)
    ours = objects.annotations(live).get(objects.OPERATION) == ctx.operation
    if number == body["replicas"]:
        if objects.is_observed(live):
            return Seen(standing=Standing.DONE, sentence=f"{short} is set to {number} replicas.", evidence=proof)
        return Seen(standing=Standing.IN_PROGRESS, sentence=f"{number} is written; the controller has not seen it yet.", evidence=proof)
    who = owners.last_writer(live) or "somebody else"
    if ours:
        sentence = f"{short} was set to {body['replicas']}, and then to {number} by {who}."
        return Seen(standing=Standing.DRIFTED, sentence=sentence, evidence=proof)
    # on the way to zero any number will do; it is remembered as it is at that moment
    if number == body["before"] or body["replicas"] == 0:
        return Seen(standing=Standing.NOT_STARTED, sentence=f"{short} still has {number} replicas.", evidence=proof)
    sentence = f"{short} had {body['before']} replicas when this was planned, and has {number} now, set by {who}."
    return Seen(standing=Standing.DRIFTED, sentence=sentence, evidence=proof)
