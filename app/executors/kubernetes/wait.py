"""Wait until every replica runs the release and is ready, and say why those that do not come up do not."""

from datetime import datetime
from functools import partial
from typing import ClassVar

from app.executors.base import ActionClass, Body, Caution, Context, Params, Resolved, Seen, Standing, Undo
from app.executors.kubernetes import changing, digests, gates, objects, owners, parallel, reading, survey
from app.executors.kubernetes.client import Api, connect
from app.executors.kubernetes.objects import Address, address_of, namespaced
from app.executors.kubernetes.pods import Pod, by_state
from app.executors.kubernetes.problems import Answered, Silent, reads

_GUESS_S = 30.0
_CALM_S = 0.25


class WaitParams(Address):
    """The release to wait for; without a `digest`, the one that is there when the plan is made."""

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
        template = objects.template(live)
        version = params.version or digests.version_of(template)
        digest = params.digest or digests.digest(template)
        return Resolved(
            body=params.fields() | {"uid": objects.uid(live), "digest": digest, "version": version},
            pin={"uid": objects.uid(live), "digest": digest},
            title=f"Wait until {params.short} is rolled out",
            target=f"{params.label} on {params.cluster or api.name}",
            version_after=version,
            already=True,  # it changes nothing
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
            if not objects.is_template(live, body["digest"]):
                return _replaced(address, live, body)
            revisions, pods = parallel.together(
                partial(reading.list_revisions, api, address, live), partial(reading.list_pods, api, address, live)
            )
        return _look(api, address, live, revisions, pods)

    def linger(self, body: Body, seen: Seen, ctx: Context, *, within_s: float) -> bool:
        """Let the API server wake us: at once when the rollout has ended, and every `_CALM_S` while it goes on, since each look costs
        the server three answers. It tells of the workload alone: why a pod does not come up is looked for at the end of `within_s`."""
        address, version = address_of(body), str(seen.evidence.get("resource_version") or "")
        where = namespaced(address.namespace, address.plural, group=reading.APPS)

        def wakes(live: Body, after_s: float) -> bool:
            return gates.may_have_ended(address, live) or (after_s > _CALM_S and not gates.is_about_to_end(address, live))

        return bool(version) and connect(ctx.credentials).changes_after(version, where, address.name, wakes=wakes, within_s=within_s)

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
    image_ids = sorted({image_id for pod in pods if pod.ready for image_id in pod.image_ids})
    seen = Seen(
        standing=Standing.IN_PROGRESS,
        sentence="The controller has not seen the change yet.",
        parts=[_marked(pod, revision) for pod in pods if not pod.finished or pod.is_stuck],
        evidence=changing.evidence(live) | {"revision": revision, "image_ids": image_ids},
    )
    if not objects.is_observed(live) or not revision:
        return seen
    how = gates.progress(address, live, revision, pods)
    seen.done, seen.total = how.done, how.total
    count = f"{how.done} of {how.total} pods serve {version}"
    if how.is_done:
        seen.standing = Standing.DONE
        seen.sentence = f"{count}." if how.total else _nothing(address)
        return seen
    seen.warnings = [*_held_back(live), *_not_coming_up(pods, revision), *_refused(api, address, live, pods)]
    why = " ".join(warning.sentence for warning in seen.warnings[:1] if not warning.unknown)
    old = [pod for pod in pods if pod.ready and pod.revision != revision]
    if how.gave_up:
        seen.standing = Standing.FAILED
        still_up = f"Still up: {by_state(old)} of the version before." if old else ""
        seen.sentence = " ".join(part for part in (f"{count}: {how.gave_up}.", why, still_up) if part)
        return seen
    beside = f"; {_pods(len(old))} of the version before {'serves' if len(old) == 1 else 'serve'}" if old else ""
    seen.sentence = f"{count}{beside}. {why or f'{how.waits_for[:1].upper()}{how.waits_for[1:]}.'}"
    return seen


def _nothing(address: Address) -> str:
    if address.kind == "DaemonSet":
        return f"No node matches {address.short}: nothing runs."
    return f"{address.short} is scaled to 0: nothing runs."


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
    written = objects.written_at(live)
    # an event from before this template is about another rollout
    events = sorted((event for event in found.get("items") or [] if written is None or _when(event) >= written), key=_when)
    return [_not_created(str(events[-1].get("message", "")))] if events else []


def _when(event: Body) -> datetime:
    return datetime.fromisoformat(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"])


def _not_created(message: str) -> Caution:
    why = message.rpartition("forbidden: ")[2] or message
    code = "quota-full" if "exceeded quota" in message else "not-created"
    return Caution(code=code, sentence=f"Pods cannot be created: {why.rstrip('.')}.")
