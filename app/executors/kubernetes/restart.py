"""Replace every pod by a new one of the same release, by the strategy of the workload."""

from datetime import UTC, datetime
from functools import partial
from typing import ClassVar

from app.executors.base import ActionClass, Body, Context, Drifted, Params, Resolved, Seen, Standing, Undo
from app.executors.kubernetes import changing, diff, digests, objects, owners, preflight, survey
from app.executors.kubernetes.client import Api, connect
from app.executors.kubernetes.digests import RESTARTED_AT
from app.executors.kubernetes.objects import Address, address_of
from app.executors.kubernetes.problems import reads
from app.executors.kubernetes.survey import Survey
from app.executors.kubernetes.trial import Trial


class RestartParams(Address):
    """Nothing besides the address."""


class Restart:
    """Stamp the pod template. The stamp is fixed in the plan: sent twice, it makes one rollout."""

    name: ClassVar[str] = "kubernetes.restart"
    title: ClassVar[str] = "Restart a workload"
    tool: ClassVar[str] = "kubernetes"
    cls: ClassVar[ActionClass] = ActionClass.A
    destructive: ClassVar[bool] = False
    point_of_no_return: ClassVar[bool] = False
    cancellable: ClassVar[bool] = True
    Params: ClassVar[type[Params]] = RestartParams

    def resolve(self, params: RestartParams, ctx: Context) -> Resolved:
        api, stamp = connect(ctx.credentials), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with reads(params.label):
            seen = Survey(api, params, survey.to_patch(params))
            live = digests.bare(objects.template(seen.live))
            seen.ask(live, partial(_dry_run, api, params, stamp))
        trial = Trial.of(seen.answer("dry run"), seen.live)
        version, digest = digests.version_of(live), digests.digest(live)
        warnings = [*trial.cautions, *preflight.cautions(seen, live)]
        facts = preflight.facts(seen)
        return Resolved(
            body=params.fields()
            | {
                "uid": objects.uid(seen.live),
                "resource_version": objects.resource_version(seen.live),
                "stamp": stamp,
                "digest": digest,
                "version": version,
                "template": live,
            },
            pin={"uid": objects.uid(seen.live), "digest": digest, "restart": True},
            title=f"Restart {params.short}",
            target=f"{params.label} on {params.cluster or api.name}",
            version_now=version,
            version_after=version,
            warnings=[*warnings, *preflight.gaps(seen)],
            facts=facts,
            not_restored=["Anything that lies outside the pods: a restart changes no setting, no image and no data."],
            effect_deadline_s=changing.EFFECT_S,
            expected_s=1.0,
            dry_run=trial.sentence,
        )

    def observe(self, body: Body, ctx: Context) -> Seen:
        api, address = connect(ctx.credentials), address_of(body)
        with reads(address.label):
            live = changing.look(api, address, body)
        return live if isinstance(live, Seen) else _standing(live, body)

    def apply(self, body: Body, ctx: Context) -> Body:
        api, address = connect(ctx.credentials), address_of(body)

        def make(_: Body | None) -> Body:
            return {"metadata": {"annotations": {objects.OPERATION: ctx.operation}}} | _stamped(body["stamp"])

        return changing.patch(api, address, ctx, body, make, partial(_has_landed, body))

    def undo(self, body: Body, ctx: Context) -> Undo | None:
        """Pods that are gone do not come back."""
        del body, ctx
        return None


def _stamped(stamp: str) -> Body:
    return {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: stamp}}}}}


def _dry_run(api: Api, address: Address, stamp: str) -> Body:
    return api.patch(address.path, _stamped(stamp), dry_run=True, timeout_s=survey.WITHIN_S)


def _stamp_of(live: Body) -> str:
    return str(((objects.template(live).get("metadata") or {}).get("annotations") or {}).get(RESTARTED_AT, ""))


def _standing(live: Body, body: Body) -> Seen:
    proof, short = changing.evidence(live), address_of(body).short
    if digests.digest(objects.template(live)) != body["digest"]:
        sentence = (
            f"{short} has another template than when the restart was planned, written by {owners.last_writer(live) or 'somebody else'}."
        )
        return Seen(standing=Standing.DRIFTED, sentence=sentence, evidence=proof)
    stamp = _stamp_of(live)
    if _moment(stamp) < _moment(body["stamp"]):
        return Seen(standing=Standing.NOT_STARTED, sentence=f"{short} has not been restarted yet.", evidence=proof)
    if not objects.is_observed(live):
        return Seen(standing=Standing.IN_PROGRESS, sentence="The restart is written; the controller has not seen it yet.", evidence=proof)
    again = "" if stamp == body["stamp"] else f", and again at {stamp}"
    return Seen(standing=Standing.DONE, sentence=f"The restart of {short} is under way{again}.", evidence=proof)


def _has_landed(body: Body, live: Body) -> bool:
    template = objects.template(live)
    if digests.digest(template) != body["digest"]:
        raise Drifted(
            f"{address_of(body).short} changed since the preview: {diff.in_words(diff.changes(body['template'], template))}, written by "
            f"{owners.last_writer(live) or 'somebody else'}. Nothing was changed by us. Look at a new plan.",
            evidence=changing.evidence(live),
        )
    return _moment(_stamp_of(live)) >= _moment(body["stamp"])


def _moment(stamp: str) -> datetime:
    """kubectl writes local time with an offset, so stamps cannot be compared as text."""
    try:
        found = datetime.fromisoformat(stamp)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
