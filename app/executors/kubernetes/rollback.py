"""Return a workload to a recorded release: its whole pod template, exactly, in one write."""

from functools import partial
from typing import ClassVar

from app.executors.base import ActionClass, Body, Context, Drifted, Params, Resolved, Seen, Standing, Undo
from app.executors.kubernetes import changing, diff, digests, objects, owners, preflight, survey
from app.executors.kubernetes.client import Api, connect
from app.executors.kubernetes.objects import Address, address_of
from app.executors.kubernetes.problems import reads
from app.executors.kubernetes.survey import Survey
from app.executors.kubernetes.trial import Trial

NOT_RESTORED = [
    "The contents of ConfigMaps and Secrets: the pods get what is in them now.",
    "Replicas, strategy, autoscalers and disruption budgets.",
    "Services, Ingresses and other routing.",
    "Data in volumes, caches and databases, and database schemas.",
]
_TAGS = "What an image tag points to, where somebody has moved the tag since."
_CLAIMS = "volumeClaimTemplates of the StatefulSet, which cannot be changed."


class RollbackParams(Address):
    """`template` is the raw pod template of the release and what is pinned; `digest` is the name that the release has."""

    version: str
    digest: str
    template: Body


class Rollback:
    """Write the release's template, whole. Done as soon as the API server took it; `kubernetes.wait` follows the pods."""

    name: ClassVar[str] = "kubernetes.rollback"
    title: ClassVar[str] = "Return a workload to a recorded release"
    tool: ClassVar[str] = "kubernetes"
    cls: ClassVar[ActionClass] = ActionClass.A
    destructive: ClassVar[bool] = False
    point_of_no_return: ClassVar[bool] = False
    cancellable: ClassVar[bool] = True
    Params: ClassVar[type[Params]] = RollbackParams

    def resolve(self, params: RollbackParams, ctx: Context) -> Resolved:
        api, target = connect(ctx.credentials), digests.bare(params.template)
        with reads(params.label):
            seen = Survey(api, params, survey.to_patch(params))
            seen.ask(target, partial(_dry_run, api, params, target))
        live = digests.bare(objects.template(seen.live))
        trial = Trial.of(seen.answer("dry run"), seen.live)
        before, wanted = digests.digest(live), digests.digest(target)
        # the server fills in defaults, and webhooks add their own: what lands may differ from what was recorded
        lands_as = digests.digest(objects.template(trial.result)) if trial.result else wanted
        changes = diff.changes(live, target)
        warnings = [*trial.cautions, *preflight.cautions(seen, target)]
        facts = preflight.facts(seen)
        version_now = digests.version_of(live)
        return Resolved(
            body=params.fields()
            | {
                "uid": objects.uid(seen.live),
                "resource_version": objects.resource_version(seen.live),
                "version": params.version,
                "digest": wanted,
                "lands_as": lands_as,
                "template": target,
                "before": {"digest": before, "version": version_now, "template": live},
            },
            pin={"uid": objects.uid(seen.live), "digest": wanted},
            title=f"Return {params.short} to {params.version}",
            target=f"{params.label} on {params.cluster or api.name}",
            version_now=version_now,
            version_after=params.version,
            already=before in (wanted, lands_as),
            changes=changes,
            warnings=[*warnings, *preflight.gaps(seen)],
            facts=facts,
            not_restored=_not_restored(params, target),
            effect_deadline_s=changing.EFFECT_S,
            expected_s=1.0,
            dry_run=trial.sentence,
        )

    def observe(self, body: Body, ctx: Context) -> Seen:
        api, address = connect(ctx.credentials), address_of(body)
        with reads(address.label):
            live = changing.look(api, address, body)
        return live if isinstance(live, Seen) else _standing(live, body, ctx)

    def apply(self, body: Body, ctx: Context) -> Body:
        api, address = connect(ctx.credentials), address_of(body)

        def make(_: Body | None) -> Body:
            lands_as = None if body["lands_as"] == body["digest"] else f"{body['digest']}:{body['lands_as']}"
            annotations = {
                objects.OPERATION: ctx.operation,
                objects.LANDS_AS: lands_as,  # None takes away an older one
                objects.CHANGE_CAUSE: f"Lastgood {ctx.operation}: back to {body['version']}",
            }
            return {
                "metadata": {"annotations": annotations},
                "spec": {"template": {"$patch": "replace", **body["template"]}},
            }

        return changing.patch(api, address, ctx, body, make, partial(_has_landed, body))

    def undo(self, body: Body, ctx: Context) -> Undo | None:
        del ctx
        before = body["before"]
        return Undo(
            action=self.name,
            params=address_of(body).fields() | {"version": before["version"], "digest": before["digest"], "template": before["template"]},
        )


def _dry_run(api: Api, address: Address, target: Body) -> Body:
    change = {"spec": {"template": {"$patch": "replace", **target}}}
    return api.patch(address.path, change, dry_run=True, timeout_s=survey.WITHIN_S)


def _standing(live: Body, body: Body, ctx: Context) -> Seen:
    digest, proof = digests.digest(objects.template(live)), changing.evidence(live)
    short, version, before = address_of(body).short, body["version"], body["before"]
    ours = objects.annotations(live).get(objects.OPERATION) == ctx.operation
    if digest in (body["digest"], body["lands_as"]):
        if objects.is_observed(live):
            return Seen(standing=Standing.DONE, sentence=f"The cluster runs {short} from the template of {version}.", evidence=proof)
        return Seen(standing=Standing.IN_PROGRESS, sentence=f"{version} is written; the controller has not seen it yet.", evidence=proof)
    if digest == before["digest"] and not ours:
        return Seen(standing=Standing.NOT_STARTED, sentence=f"{short} still has the template of {before['version']}.", evidence=proof)
    who = owners.last_writer(live) or "somebody else"
    if digest == before["digest"]:
        sentence = f"The rollback to {version} landed and was taken back to {before['version']} by {who}."
    else:
        sentence = f"{short} has another template than before and than wanted: {_moved(live, body)}, written by {who}."
    return Seen(standing=Standing.DRIFTED, sentence=sentence, evidence=proof)


def _has_landed(body: Body, live: Body) -> bool:
    digest = digests.digest(objects.template(live))
    if digest in (body["digest"], body["lands_as"]):
        return True
    if digest != body["before"]["digest"]:
        raise Drifted(
            f"{address_of(body).short} changed since the preview: {_moved(live, body)}, written by "
            f"{owners.last_writer(live) or 'somebody else'}. Nothing was changed by us. Look at a new plan.",
            evidence=changing.evidence(live),
        )
    return False


def _moved(live: Body, body: Body) -> str:
    return diff.in_words(diff.changes(body["before"]["template"], objects.template(live)))


def _not_restored(address: Address, target: Body) -> list[str]:
    by_tag = any("@" not in image for image in digests.images_of(target))
    return [*NOT_RESTORED, *([_TAGS] if by_tag else []), *([_CLAIMS] if address.kind == "StatefulSet" else [])]
