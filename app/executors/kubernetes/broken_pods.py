"""Replace broken pods that their controller leaves in place.

A StatefulSet waits for a broken pod for ever, even where the template that broke it has long been rolled back. Deleting that pod lets
the controller make it anew from the template of now. Only pods that are not ready and carry an old revision are touched, the highest
number first, each by its uid: a pod that was replaced in between is another pod, and the API server refuses.
"""

from functools import partial
from typing import ClassVar

from app.executors.base import ActionClass, Body, Caution, Context, Drifted, Params, Resolved, Seen, Standing, StepFailed, Undo
from app.executors.kubernetes import changing, digests, objects, parallel, preflight, reading, survey
from app.executors.kubernetes.client import Api, connect
from app.executors.kubernetes.objects import Address, address_of, namespaced
from app.executors.kubernetes.pods import Pod
from app.executors.kubernetes.problems import Answered, changes, reads
from app.executors.kubernetes.survey import Survey


class ReplaceBrokenPodsParams(Address):
    """The release that an earlier step of the same plan puts there; without a `digest`, what is there now."""

    digest: str = ""
    version: str = ""


class ReplaceBrokenPods:
    """Delete pods that are not ready and carry an old revision."""

    name: ClassVar[str] = "kubernetes.replace_broken_pods"
    title: ClassVar[str] = "Replace broken pods"
    tool: ClassVar[str] = "kubernetes"
    cls: ClassVar[ActionClass] = ActionClass.B
    destructive: ClassVar[bool] = False
    point_of_no_return: ClassVar[bool] = False
    cancellable: ClassVar[bool] = True
    Params: ClassVar[type[Params]] = ReplaceBrokenPodsParams

    def resolve(self, params: ReplaceBrokenPodsParams, ctx: Context) -> Resolved:
        if params.kind == "Deployment":
            raise StepFailed(f"{params.short} replaces its broken pods by itself: a Deployment starts new ones beside them.")
        api = connect(ctx.credentials)
        with reads(params.label):
            seen = Survey(api, params, survey.needs_of(params, ("delete", "pods"), ("list", "pods")))
            live = seen.live
            seen.ask(objects.template(live))
            revision = _revision(params, live, seen.revisions)
            broken = _broken(seen.pods, revision)
        if not revision and not params.digest:
            raise StepFailed(f"The controller of {params.short} has not seen its newest template yet. Look again in a moment.")
        version = digests.version_of(objects.template(live))
        names = ", ".join(pod.name for pod in broken)
        warnings = [*preflight.missing_rights(seen), *_cautions(broken)]
        facts = preflight.facts(seen)
        return Resolved(
            body=params.fields()
            | {
                "uid": objects.uid(live),
                "revision": revision,
                "version": params.version or version,
                "digest": params.digest,
                "selector": live["spec"].get("selector") or {},
                "pods": [{"name": pod.name, "uid": pod.uid} for pod in broken],
            },
            pin={"uid": objects.uid(live), "revision": params.digest or revision, "pods": sorted(pod.uid for pod in broken)},
            title=f"Replace {len(broken)} broken pod{'s' if len(broken) != 1 else ''} of {params.short}" + (f": {names}" if names else ""),
            target=f"{params.label} on {params.cluster or api.name}",
            version_now=version,
            version_after=params.version or version,
            already=not broken,
            warnings=[*warnings, *preflight.gaps(seen)],
            facts=facts,
            not_restored=["What the deleted pods had written outside their volumes, and their logs."],
            effect_deadline_s=changing.EFFECT_S * max(1, len(broken)),
            expected_s=5.0,
            dry_run="No dry run: each pod is deleted by its own identity, and only while it is still broken.",
        )

    def observe(self, body: Body, ctx: Context) -> Seen:
        api, address = connect(ctx.credentials), address_of(body)
        with reads(address.label):
            live, pods = parallel.together(
                partial(changing.look, api, address, body),
                partial(reading.list_pods, api, address, {"spec": {"selector": body["selector"]}}),
            )
        if isinstance(live, Seen):
            return live
        planned = {pod["uid"] for pod in body["pods"]}
        left = [pod for pod in pods if pod.uid in planned and (pod.stopping or not pod.ready)]
        waiting = [pod for pod in left if not pod.stopping]
        total = len(planned)
        evidence = changing.evidence(live) | {"left": [pod.name for pod in left]}
        if not left:
            return Seen(standing=Standing.DONE, sentence="No broken pod of the plan is left.", done=total, total=total, evidence=evidence)
        standing = Standing.NOT_STARTED if waiting else Standing.IN_PROGRESS
        sentence = f"{', '.join(pod.name for pod in left)} {'are' if len(left) > 1 else 'is'} still there."
        return Seen(standing=standing, sentence=sentence, done=total - len(left), total=total, parts=[*left], evidence=evidence)

    def apply(self, body: Body, ctx: Context) -> Body:
        api, address = connect(ctx.credentials), address_of(body)
        planned = {pod["uid"] for pod in body["pods"]}
        with changes(address.label):
            now = reading.list_pods(api, address, {"spec": {"selector": body["selector"]}})
            revision = _written(api, address, body) if body["digest"] else body["revision"]
        deleted = []
        # one that came up meanwhile, or was replaced, is no longer ours to delete
        for pod in [pod for pod in _broken(now, revision) if pod.uid in planned]:
            if ctx.cancelled():
                break
            ctx.output(f"DELETE pod {pod.name} (uid {pod.uid}): {pod.state}")
            if _delete(api, address, pod, ctx):
                deleted.append(pod.name)
        return {"deleted": deleted}

    def undo(self, body: Body, ctx: Context) -> Undo | None:
        """A deleted pod does not come back."""
        del body, ctx
        return None


def _revision(params: ReplaceBrokenPodsParams, live: Body, revisions: list[Body]) -> str:
    """What pods carry that are as they should be; "" where the cluster has no revision of that release yet."""
    if not params.digest or objects.is_template(live, params.digest):
        return reading.current_revision(params, live, revisions)
    return reading.revision_of(params.digest, revisions)


def _written(api: Api, address: Address, body: Body) -> str:
    """What pods of the release carry, now that it is there. Drifted where it is not: then a new pod would be no better."""
    live = api.get(address.path)
    if not objects.is_template(live, body["digest"]):
        raise Drifted(f"{address.short} does not have the template of {body['version']}, so none of its pods was replaced.")
    return reading.current_revision(address, live, reading.list_revisions(api, address, live))


def _broken(pods: list[Pod], revision: str) -> list[Pod]:
    found = [pod for pod in pods if not pod.ready and not pod.stopping and pod.revision != revision]
    return sorted(found, key=lambda pod: -pod.ordinal)


def _cautions(broken: list[Pod]) -> list[Caution]:
    if not broken:
        return [Caution(code="nothing-broken", sentence="No pod is broken and of an old revision: there is nothing to replace.")]
    return [
        Caution(code="deletes-pod", sentence=f"{pod.name} is deleted: {pod.state}{f', {pod.note}' if pod.note else ''}.") for pod in broken
    ]


def _delete(api: Api, address: Address, pod: Pod, ctx: Context) -> bool:
    path = namespaced(address.namespace, "pods", pod.name)
    with changes(f"pod {pod.name}"):
        try:
            api.delete(path, {"preconditions": {"uid": pod.uid}}, timeout_s=min(ctx.deadline_s, changing.EFFECT_S))
        except Answered as error:
            # gone, or another pod by now: both are what was wanted
            if error.status not in (404, 409):
                raise
            return False
    return True
