"""Wait until every replica runs the release and is ready, and say why those that do not come up do not."""

from functools import partial
from typing import ClassVar

from app.executors.base import ActionClass, Body, Caution, Context, Params, Resolved, Seen, Standing, Undo
from app.executors.kubernetes import changing, digests, gates, objects, owners, parallel, reading, survey
from app.executors.kubernetes.client import Api, connect
from app.executors.kubernetes.gates import Progress
from app.executors.kubernetes.objects import Address, address_of, namespaced
from app.executors.kubernetes.pods import Pod, by_state
from app.executors.kubernetes.problems import Answered, Silent, reads

_GUESS_S = 30.0


class WaitParams(Address):
    """With a `digest`, another template there is a drift; without one, the rollout of whatever is there is followed."""

    digest: str = ""
    version: str = ""


class Wait:
    """Changes nothing. Done when every replica is updated and ready; failed when the cluster says that it gave up."""

    name: ClassVar[str] = "kubernetes.wait"
    title: ClassVar[str] = "Wait until a workload is rolled out"
    tool: ClassVar[str] = "kubernetes"
    cls: ClassVar[ActionClass] = ActionClass.A
    destructive: ClassVar[bool] = False
    point_of_no_return: ClassVar[bool] = False
    cancellable: ClassVar[bool] = True
    Params: ClassVar[type[Params]] = WaitParams

    def resolve(self, params: WaitParams, ctx: Context) -> Resolved:
        api = connect(ctx.credentials)
        with reads(params.label):
            live = api.get(params.path)
        version = params.version or digests.version_of(objects.template(live))
        return Resolved(
            body=params.fields() | {"uid": objects.uid(live), "digest": params.digest, "version": version},
            pin={"uid": objects.uid(live), "digest": params.digest},
            title=f"Wait until {params.short} is rolled out",
            target=f"{params.label} on {params.cluster or api.name}",
            version_after=version,
            effect_deadline_s=0.0,
            expected_s=_GUESS_S,
            dry_run="Nothing to try: this step only looks.",
        )

    def observe(self, body: Body, ctx: Context) -> Seen:
        api, address = connect(ctx.credentials), address_of(body)
        with reads(address.label):
            live = changing.look(api, address, body)
            if isinstance(live, Seen):
                return live
            if body["digest"] and not objects.is_template(live, body["digest"]):
                return _replaced(address, live, body)
            revisions, pods = parallel.together(
                partial(reading.list_revisions, api, address, live), partial(reading.list_pods, api, address, live)
            )
        return _look(api, address, live, revisions, pods)

    def apply(self, body: Body, ctx: Context) -> Body:
        """Nothing to do: the cluster does it."""
        del body, ctx
        return {}

    def undo(self, body: Body, ctx: Context) -> Undo | None:
        """Nothing was done."""
        del body, ctx
        return None


def _replaced(address: Address, live: Body, body: Body) -> Seen:
    runs = digests.version_of(objects.template(live))
    who = owners.last_writer(live) or "somebody else"
    sentence = f"{address.short} no longer has the template of {body['version']}: it has one of {runs}, written by {who}."
    return Seen(standing=Standing.DRIFTED, sentence=sentence, evidence=changing.evidence(live))


def _look(api: Api, address: Address, live: Body, revisions: list[Body], pods: list[Pod]) -> Seen:
    revision, version = reading.current_revision(address, live, revisions), digests.version_of(objects.template(live))
    parts = [_marked(pod, revision) for pod in pods if not pod.finished or pod.is_stuck]
    evidence = changing.evidence(live) | {
        "revision": revision,
        "image_ids": sorted({i for pod in pods if pod.ready for i in pod.image_ids}),
    }

    def seen(standing: Standing, sentence: str, how: Progress | None = None, warnings: list[Caution] | None = None) -> Seen:
        return Seen(
            standing=standing,
            sentence=sentence,
            done=how.done if how else None,
            total=how.total if how else None,
            parts=[*parts],
            evidence=evidence,
            warnings=warnings or [],
        )

    if not objects.is_observed(live) or not revision:
        return seen(Standing.IN_PROGRESS, "The controller has not seen the change yet.")
    how = gates.progress(address, live, revision, pods)
    count = f"{how.done} of {how.total} pods serve {version}"
    if how.is_done:
        return seen(Standing.DONE, f"{count}." if how.total else f"{address.short} is scaled to 0: nothing runs.", how)
    troubles = [*_held_back(live), *_not_coming_up(parts, revision), *_refused(api, address, live, pods)]
    still_up = [pod for pod in pods if pod.ready and pod.revision != revision]
    tail = f"; {_pods(len(still_up))} of the version before {'serves' if len(still_up) == 1 else 'serve'}" if still_up else ""
    if how.gave_up:
        reason = f" {troubles[0].sentence}" if troubles else ""
        return seen(
            Standing.FAILED,
            f"{count}: {how.gave_up}.{reason}{f' Still up: {by_state(still_up)} of the version before.' if still_up else ''}",
            how,
            troubles,
        )
    sentence = troubles[0].sentence if troubles else f"{how.waits_for[:1].upper()}{how.waits_for[1:]}."
    return seen(Standing.IN_PROGRESS, f"{count}{tail}. {sentence}", how, troubles)


def _pods(count: int) -> str:
    return f"{count} pod{'s' if count != 1 else ''}"


def _marked(pod: Pod, revision: str) -> Pod:
    """The pod with a word on whether it is one of the old ones."""
    if pod.revision == revision or pod.stopping or not revision:
        return pod
    return pod.model_copy(update={"note": pod.note or "of the version before"})


def _held_back(live: Body) -> list[Caution]:
    found = []
    if objects.is_paused(live):
        found.append(Caution(code="paused", sentence="The Deployment is paused: no pod is replaced until somebody resumes it."))
    if objects.is_on_delete(live):
        found.append(Caution(code="on-delete", sentence="Its strategy is OnDelete: each pod changes only when somebody deletes it."))
    failure = objects.condition(live, "ReplicaFailure")
    if failure.get("status") == "True":
        found.append(_not_created(str(failure.get("message", ""))))
    return found


def _not_coming_up(pods: list[Pod], revision: str) -> list[Caution]:
    """One sentence a reason, with the pods that it holds."""
    by_reason: dict[str, list[Pod]] = {}
    for pod in pods:
        if pod.is_stuck and pod.revision == revision:
            by_reason.setdefault(pod.state, []).append(pod)
    return [
        Caution(
            code="pod-not-ready", sentence=f"{_pods(len(held))} in {state}: {held[0].note}.", detail=", ".join(pod.name for pod in held)
        )
        for state, held in by_reason.items()
    ]


def _refused(api: Api, address: Address, live: Body, pods: list[Pod]) -> list[Caution]:
    """StatefulSets and DaemonSets say only in an event why a pod was not created."""
    if address.kind == "Deployment" or len([pod for pod in pods if not pod.stopping]) >= objects.wanted(live):
        return []
    query = {"fieldSelector": f"involvedObject.uid={objects.uid(live)},reason=FailedCreate"}
    try:
        found = api.get(namespaced(address.namespace, "events"), query, timeout_s=survey.WITHIN_S)
    except (Answered, Silent):
        return [Caution(code="unknown", sentence="Why pods are not created is not known: events cannot be read.", unknown=True)]
    events = sorted(found.get("items") or [], key=_when)
    return [_not_created(str(events[-1].get("message", "")))] if events else []


def _when(event: Body) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or "")


def _not_created(message: str) -> Caution:
    why = message.rpartition("forbidden: ")[2] or message
    code = "quota-full" if "exceeded quota" in message else "not-created"
    return Caution(code=code, sentence=f"Pods cannot be created: {why.rstrip('.')}.")
